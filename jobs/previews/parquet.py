"""Parquet tables, by DuckDB in a process of its own. DuckDB is an extra: without it the page says so."""

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from jobs.previews import grid
from jobs.previews.grid import Column, Order, ShownTable

READER = Path(__file__).with_name("parquet_reader.py")
SECONDS = 15
# Each takes up to half a gigabyte: whoever comes third waits, and not for long.
AT_ONCE = threading.BoundedSemaphore(2)
WAIT_SECONDS = 10
ANSWER_BYTES = 32 * 1024 * 1024
NO_EXTRA = (
    "Parquet tables are shown where the portal has its extra “parquet”, which is not installed here. "
    "An admin can add it: pip install duckdb"
)
UNREADABLE = "it cannot be read as a Parquet table"
TOO_MUCH = "reading it takes more time or memory than a preview may"
BUSY = "other Parquet tables are being read just now; reload the page in a few seconds"
ELSEWHERE = "its storage does not let a preview read parts of it"
# DuckDB's names of whole numbers end in INT or INTEGER, with a U before those without a sign.
NUMERIC = re.compile(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*")
WORDS = {
    "VARCHAR": "text",
    "BOOLEAN": "true/false",
    "DATE": "date",
    "TIMESTAMP": "date and time",
    "BLOB": "bytes",
}


def is_installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("duckdb") is not None


def render(open_file: Callable[[], BinaryIO], order: Order | None) -> ShownTable | str:
    """The first rows, or the first ones in `order` of the whole file; a sentence where they cannot be shown.

    Raises FileNotFoundError.
    """
    if not is_installed():
        return NO_EXTRA
    with open_file() as file:
        found = _read(file, order)
        if order and found == TOO_MUCH:
            found = _read(file, None)
    if isinstance(found, str):
        return found
    shown = _shown(found, order)
    if order and not found["is_sorted"]:
        note = f"{shown.note}; sorting it takes more time or memory than a preview may"
        return ShownTable(shown.html, note, shown.is_cut)
    return shown


def _read(file: BinaryIO, order: Order | None) -> dict[str, Any] | str:
    try:
        descriptor = file.fileno()
    except (AttributeError, OSError):
        return ELSEWHERE
    if not AT_ONCE.acquire(timeout=WAIT_SECONDS):
        return BUSY
    try:
        return _answer(descriptor, order)
    finally:
        AT_ONCE.release()


def _answer(descriptor: int, order: Order | None) -> dict[str, Any] | str:
    asked = int(order.parameter) if order else 0
    numbers = (descriptor, asked, grid.MOST_ROWS, grid.MOST_COLUMNS, grid.MOST_CELL_CHARACTERS)
    command = [sys.executable, "-I", str(READER), *map(str, numbers)]
    with tempfile.TemporaryFile() as said:
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.DEVNULL,
                pass_fds=(descriptor,),
                env={},
                cwd="/",
                timeout=SECONDS,
                check=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return TOO_MUCH
        said.seek(0)
        found: dict[str, Any] = json.loads(said.read(ANSWER_BYTES))
    if "error" in found:
        return TOO_MUCH if found["error"] == "large" else UNREADABLE
    return found


def _shown(found: dict[str, Any], order: Order | None) -> ShownTable:
    columns = [
        Column(name, WORDS.get(kind, kind.lower()), NUMERIC.fullmatch(kind) is not None)
        for name, kind in found["columns"]
    ]
    rows, count, is_sorted = found["rows"], found["count"], bool(found["is_sorted"])
    order = order if is_sorted else None
    shown = f"{count:,} row{'' if count == 1 else 's'}"
    note = f"first {len(rows):,} of {shown}" if len(rows) < count else shown
    note += f", {grid.counted(found['width'])}"
    if order:
        note += f", sorted by {grid.label(columns, order.column)}"
    return ShownTable(grid.html_of(columns, rows, order), note, len(rows) < count, is_sorted)
