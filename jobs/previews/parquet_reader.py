"""Reads the first rows of one Parquet file, in a process of its own with little memory and time and no network.

Run by `jobs.previews.parquet` as a script: file descriptor, column (0 for none, -3 is descending by the third), most
rows, most columns, most characters of a cell. Answers JSON on stdout. Imports nothing of the portal.
"""

import contextlib
import ctypes
import json
import os
import resource
import sys
from typing import Any

MEMORY_BYTES = 1536 * 1024 * 1024
BUFFER = "256MB"
CPU_SECONDS = 10
ANSWER_BYTES = 32 * 1024 * 1024
OPEN_FILES = 64
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
NO_NEW_PRIVILEGES = 38
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": BUFFER,
    "threads": "1",
}


def main(descriptor: int, order: int, *most: int) -> dict[str, Any]:
    """What the page needs of the file, or the error's kind."""
    confine()
    import duckdb

    path = f"/proc/self/fd/{descriptor}" if os.path.isdir("/proc/self/fd") else f"/dev/fd/{descriptor}"  # noqa: PTH112
    connection = duckdb.connect(config=SETTINGS)
    connection.execute("SET temp_directory = ''")
    connection.execute(f"SET allowed_paths = ['{path}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    try:
        return _read(connection, path, order, *most)
    except (duckdb.OutOfMemoryException, MemoryError):
        return {"error": "large"}
    except duckdb.Error:
        return {"error": "unreadable"}


def confine() -> None:
    """Before anything of the file is read: bounds that this process cannot lift, and a network with nobody in it."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, ANSWER_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    # Where the system has neither, DuckDB's own settings keep it from every address and file but this one.
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        if library.unshare(CLONE_NEWNET) != 0:
            library.unshare(CLONE_NEWUSER | CLONE_NEWNET)


def _read(connection: Any, path: str, order: int, rows: int, width: int, longest: int) -> dict[str, Any]:
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    names = [(str(name), str(kind)) for name, kind, *_ in described]
    cells = ", ".join(f"left(CAST({_quoted(name)} AS VARCHAR), {longest + 1})" for name, _ in names[:width])
    by = ""
    if 0 < abs(order) <= min(len(names), width):
        by = f"ORDER BY {_quoted(names[abs(order) - 1][0])} {'DESC' if order < 0 else 'ASC'} NULLS LAST"
    count = connection.execute("SELECT count(*) FROM read_parquet(?)", [path]).fetchone()[0]
    query = f"SELECT {cells} FROM read_parquet(?) {by} LIMIT {rows}"  # noqa: S608 - quoted names, numbers
    found = connection.execute(query, [path]).fetchall()
    return {
        "columns": [[name[:longest], kind[:longest]] for name, kind in names[:width]],
        "width": len(names),
        "count": count,
        "rows": [["" if cell is None else cell for cell in row] for row in found],
        "is_sorted": bool(by),
    }


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*map(int, sys.argv[1:]))))
