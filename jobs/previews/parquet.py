"""Parquet tables, by DuckDB in a process of its own. DuckDB is an extra: without it the page says so."""

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO

from django.conf import settings

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
# What is not on our disk is fetched onto it first, for the moment of the preview.
MOST_FETCHED = 64 * 1024 * 1024
BLOCK = 1024 * 1024
TOO_LARGE = (
    f"it is larger than {MOST_FETCHED // 1024**2} MiB, and more is not fetched from the storage for a preview"
)
TOO_SLOW = "fetching it from the storage takes more time than a preview may"
NO_ROOM = "the portal's disk has no room to fetch it from the storage"
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


def render(open_file: Callable[[], BinaryIO], size: int, order: Order | None) -> ShownTable | str:
    """The first rows, or the first ones in `order` of the whole file; a sentence where they cannot be shown.

    Raises FileNotFoundError, and what reading `open_file` raises.
    """
    if not is_installed():
        return NO_EXTRA
    if not AT_ONCE.acquire(timeout=WAIT_SECONDS):
        return BUSY
    try:
        with open_file() as file:
            found = _read(file, size, order)
    finally:
        AT_ONCE.release()
    if isinstance(found, str):
        return found
    shown = _shown(found, order)
    if order and not found["is_sorted"]:
        note = f"{shown.note}; sorting it takes more time or memory than a preview may"
        return ShownTable(shown.html, note, shown.is_cut)
    return shown


def _read(file: BinaryIO, size: int, order: Order | None) -> dict[str, Any] | str:
    try:
        descriptor = file.fileno()
    except (AttributeError, OSError):
        return _read_elsewhere(file, size, order)
    return _answer_at_all(descriptor, order)


def _read_elsewhere(file: BinaryIO, size: int, order: Order | None) -> dict[str, Any] | str:
    if size > MOST_FETCHED:
        return TOO_LARGE
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR or settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as place:
        return _fetch(file, place) or _answer_at_all(place.fileno(), order)


def _fetch(file: BinaryIO, place: IO[bytes]) -> str:
    """At most MOST_FETCHED bytes, whatever its size was said to be; a sentence where it cannot be done."""
    deadline, left = time.monotonic() + SECONDS, MOST_FETCHED
    while block := file.read(min(BLOCK, left)):
        left -= len(block)
        try:
            place.write(block)
            place.flush()
        except OSError:
            return NO_ROOM
        if time.monotonic() > deadline:
            return TOO_SLOW
    return ""


def _answer_at_all(descriptor: int, order: Order | None) -> dict[str, Any] | str:
    """Unsorted where sorting takes too much."""
    found = _answer(descriptor, order)
    return _answer(descriptor, None) if order and found == TOO_MUCH else found


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
