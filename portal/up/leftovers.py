"""What a killed supervisor left running: found by its record, stopped exactly."""

import signal
import time
from pathlib import Path
from typing import Any

from portal.up.identity import is_alive, kill_session, send_signal
from portal.up.processes import Process
from portal.up.state import Home, read_record, remove_run_folder

STORES = ("postgres", "valkey")


def describe(process: Process) -> dict[str, Any]:
    """What the record keeps of a process: enough to recognise it and to stop it as it wants to be stopped."""
    return {
        "pid": process.pid,
        "identity": process.identity,
        "stop_signal": int(process.program.stop_signal),
        "stop_seconds": process.program.stop_seconds,
    }


def stop_leftovers(home: Home) -> list[str]:
    """Stop what still runs of the last supervisor, the databases last; the names of what was found alive.

    The jobs' own processes are not in the record: they go on.
    """
    record = read_record(home)
    found = {name: entry for name, entry in record.get("processes", {}).items() if isinstance(entry, dict)}
    alive = [name for name, entry in found.items() if is_alive(entry["pid"], entry["identity"])]
    _stop([entry for name, entry in found.items() if name not in STORES])
    _stop([entry for name, entry in found.items() if name in STORES])
    if run := record.get("run"):
        remove_run_folder(Path(run))
    home.record.unlink(missing_ok=True)
    return alive


def _stop(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        send_signal(entry["pid"], entry["identity"], signal.Signals(entry["stop_signal"]))
    began = time.monotonic()
    for entry in entries:
        while is_alive(entry["pid"], entry["identity"]) and time.monotonic() < began + entry["stop_seconds"]:
            time.sleep(0.02)
        kill_session(entry["pid"], entry["identity"])
