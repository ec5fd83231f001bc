"""The stages as containers of a Kubernetes pod: they meet in its volume, the script runs between them (main.sh).

`collect` is a native sidecar: Kubernetes starts it after `fetch` and before the script's container, and sends it
SIGTERM when that container is over. The volume is the pod's own, so a stage file is never of another attempt.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.collect import Collector
from runner.delivery import Delivery
from runner.facts import read_facts
from runner.fetch import REFUSED_EXIT, ClaimRefused, InputsBroken, claim, fetch_inputs
from runner.launch_file import launch_text
from runner.pipes import Pipes
from runner.portal_client import PortalClient, PortalRefused, PortalUnreachable
from runner.pump import LISTEN_SECONDS, Pump
from runner.volume import STREAMS, Volume

DEADLINE_SECONDS = 3600.0
LOOK_SECONDS = 0.1
STOPPED_EXIT = 128 + signal.SIGTERM
# After SIGTERM: main.sh writes the end before it exits, so what is not there by then will never be.
LAST_LOOK_SECONDS = 1.0
# A script's container that was begun before the stop has begun the script by then.
LAST_START_SECONDS = 10.0


def fetch(root: Path, environment: Mapping[str, str]) -> int:
    """Claim and bring the files: 0, 86 when the claim was refused, 1 when the files cannot be brought."""
    # The first process of a container hears no signal that it did not ask for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED_EXIT))
    volume = Volume(root)
    try:
        client = _client(environment)
        answer = claim(client, volume, environment["STELLWERK_POD_UID"])
        fetch_inputs(client, volume, answer.get("files", []), None)
        (volume.work_dir / "results").mkdir(exist_ok=True)
        volume.make_logs()
        (root / "launch.sh").write_text(launch_text(volume, answer), "utf-8")
    except ClaimRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return REFUSED_EXIT
    except (InputsBroken, PortalRefused, PortalUnreachable, OSError) as error:
        sys.stderr.write(f"The script was not started: {error}\n")
        return 1
    return 0


def collect(root: Path, environment: Mapping[str, str]) -> int:
    """Ship while the script runs and the rest afterwards: 0 when the portal has everything."""
    volume = Volume(root)
    answer = volume.read("claim")
    if answer is None:
        sys.stderr.write("There is no granted claim in the volume.\n")
        return 1
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    client = _client(environment)
    delivery = Delivery(
        volume, Collector(client, volume, answer, environment["STELLWERK_POD_UID"], run_as=None)
    )
    try:
        pump = _pump(volume, answer, delivery)
    except OSError as error:
        sys.stderr.write(f"The script's output cannot be read: {error}\n")
        return 1
    if _wait_for_start(volume, is_over):
        delivery.begin(lambda: None)
    else:
        is_over.set()
    ended = _wait_for_end(volume, is_over, str(answer["command"][0]))
    pump.finish()
    if not pump.is_drained:
        # The next one goes on with what is in the pipes: main.sh waits for it.
        delivery.join()
        return 1
    volume.mark("drained")
    delivery.join()
    delivery.collector.facts = lambda: read_facts(volume, is_over.is_set)
    client.deadline = time.monotonic() + float(answer.get("result_wait_seconds", DEADLINE_SECONDS))
    client.give_up = lambda: False
    is_whole = delivery.finish(ended, pump.lost)
    # While Python ends, handlers count no more, and the pod's own stop would make a failure of what is done.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 0 if is_whole else 1


def _pump(volume: Volume, answer: Mapping[str, Any], delivery: Delivery) -> Pump:
    """It runs before the script does, or goes on where the one of a killed `collect` was."""
    limit = int(answer.get("limits", {}).get("output_bytes", 1 << 62))
    logs = {stream: volume.log(stream) for stream in STREAMS}
    pump = Pump(logs, limit, Pipes.named(volume, STREAMS), volume.order, volume.lost)
    pump.notice = delivery.collector.notice
    pump.start()
    pump.is_listening.wait(LISTEN_SECONDS)
    volume.mark("reading")
    return pump


def _wait_for_start(volume: Volume, is_over: threading.Event) -> bool:
    """False: the script will never start. A pod that is stopped has a mark, should our SIGTERM have come too early."""
    marked_at: float | None = None
    while not volume.has("started"):
        if marked_at is None and volume.wants_stop():
            marked_at = time.monotonic()
        if marked_at is not None and time.monotonic() - marked_at > LAST_START_SECONDS:
            is_over.set()
        if is_over.is_set():
            return volume.has("started")
        time.sleep(LOOK_SECONDS)
    return True


def _wait_for_end(volume: Volume, is_over: threading.Event, command: str) -> dict[str, Any] | None:
    """What main.sh wrote of the end; None when the container died without a word (out of memory, killed).

    main.sh says why it could not start the command; which `command` it was, we know.
    """
    patience: float | None = None
    while True:
        ended = _ended(volume)
        if ended is not None:
            message = ended.get("message") or ""
            return {**ended, "message": f"{command}: {message}" if message else ""}
        # On a full disk main.sh's word has no content, and never will have.
        if patience is None and (is_over.is_set() or volume.has("ended")):
            patience = time.monotonic() + LAST_LOOK_SECONDS
        if patience is not None and time.monotonic() > patience:
            return None
        time.sleep(LOOK_SECONDS)


def _ended(volume: Volume) -> dict[str, Any] | None:
    """The times are the files' own: a shell has no clock that every image shares. None: not there or half written."""
    try:
        ended = volume.read("ended")
    except json.JSONDecodeError:
        return None
    if ended is None:
        return None
    times = {name: (volume.root / f"{name}.json").stat().st_mtime for name in ("started", "ended")}
    return {**ended, "started_at": times["started"], "ended_at": times["ended"]}


def _client(environment: Mapping[str, str]) -> PortalClient:
    """The token comes as a file: a Secret that only these containers mount."""
    token = Path(environment["STELLWERK_TOKEN_FILE"]).read_text("ascii").strip()
    return PortalClient(environment["STELLWERK_PORTAL_URL"], token, time.monotonic() + DEADLINE_SECONDS)
