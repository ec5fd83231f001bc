"""What is left of an attempt whose pod process died: end it, save its output, record it as lost."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from runner.collect import Collector
from runner.delivery import Delivery
from runner.portal_client import PortalClient
from runner.processes import ScriptProcesses
from runner.volume import Volume

_SHIP_SECONDS = 10.0
_KILL_SECONDS = 30.0


def sweep(root: Path) -> int:
    """Run while holding the volume's lock: no pod lives. 1 when something of the script cannot be ended."""
    volume = Volume(root)
    work = volume.read("work")
    if work is None or volume.has("ended"):
        return 0
    processes = ScriptProcesses(work["uid"], work.get("run_as"))
    if not processes.kill(_KILL_SECONDS):
        sys.stderr.write("Some of the script's processes cannot be ended.\n")
        return 1
    was_stopped = volume.wants_stop() and not volume.has("started")
    volume.write(
        "ended",
        {
            "exit_code": None,
            "signal": None,
            "reason": "stopped" if was_stopped else "lost",
            "message": "Stopped before the script started."
            if was_stopped
            else "The process that looked after the script died, or the machine was restarted.",
            "started_at": None,
            "ended_at": time.time(),
        },
    )
    claim = volume.read("claim")
    if claim is not None and volume.has("started"):
        client = PortalClient(work["portal_url"], work["token"], time.monotonic() + _SHIP_SECONDS)
        collector = Collector(client, volume, claim, work["uid"], work.get("run_as"))
        Delivery(volume, collector).ship_output(_SHIP_SECONDS)
    return 0
