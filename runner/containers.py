"""The stages as containers of a Kubernetes pod: they meet in its volume, the script runs between them (main.sh).

`collect` is a native sidecar: Kubernetes starts it after `fetch` and before the script's container, and sends it
SIGTERM when that container is over. The volume is the pod's own, so a stage file is never of another attempt.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runner.collect import Collector
from runner.delivery import Delivery
from runner.facts import read_facts
from runner.fetch import REFUSED_EXIT, ClaimRefused, InputsBroken, claim, fetch_inputs
from runner.kept import Trimmer
from runner.launch_file import launch_text
from runner.order import OrderWriter, split_by_lines
from runner.portal_client import PortalClient, PortalRefused, PortalUnreachable
from runner.volume import STREAMS, Volume
from runner.writes import Writes

DEADLINE_SECONDS = 3600.0
LOOK_SECONDS = 0.1
# So much is looked through for lines, where both streams were written to between two looks.
MOST_SPLIT = 1 << 14
MOST_TAKES = 4
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
        for stream in STREAMS:
            volume.log(stream).touch()
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
    # Before the script writes its first line.
    logs = _Logs(volume, answer, delivery.collector.notice)
    if _wait_for_start(volume, is_over, logs):
        delivery.begin(lambda: None)
    else:
        is_over.set()
    ended = _wait_for_end(volume, is_over, logs)
    logs.close()
    delivery.join()
    delivery.collector.facts = lambda: read_facts(volume, is_over.is_set)
    client.deadline = time.monotonic() + float(answer.get("result_wait_seconds", DEADLINE_SECONDS))
    client.give_up = lambda: False
    is_whole = delivery.finish(ended, {})
    # While Python ends, handlers count no more, and the pod's own stop would make a failure of what is done.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 0 if is_whole else 1


class _Logs:
    """The logs that the script's container writes: their middle goes while it writes, whatever the portal does.

    The script writes them itself, so the order of its streams is known as exactly as its logs are looked at: at each
    write, where the kernel tells of them. `notice` is called then, when the order has been noted.
    """

    def __init__(
        self, volume: Volume, answer: Mapping[str, Any], notice: Callable[[], None] = lambda: None
    ) -> None:
        limit = int(answer.get("limits", {}).get("output_bytes", 1 << 62))
        self._command = [str(word) for word in answer.get("command", [])]
        self._logs: dict[str, tuple[int, Trimmer]] = {}
        self._sizes = dict.fromkeys(STREAMS, 0)
        self._order = OrderWriter(volume.order, STREAMS, limit // 2)
        self._writes = Writes({stream: volume.log(stream) for stream in STREAMS})
        self._notice = notice
        for stream in STREAMS:
            with contextlib.suppress(OSError):
                log = os.open(volume.log(stream), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
                self._logs[stream] = (log, Trimmer(limit))

    def look(self) -> None:
        """Trim them, and note which of them grew since the look before, and in which order."""
        turns, sizes = self._written()
        grown = {stream: size for stream, size in sizes.items() if size > self._sizes[stream]}
        ends = {stream: self._ends(stream, size, turns.count(stream)) for stream, size in grown.items()}
        for stream in [*turns, *STREAMS]:
            if ends.get(stream):
                self._order.turn_to(stream, self._sizes)
                self._sizes[stream] = ends[stream].pop(0)
        for stream, (log, trimmer) in self._logs.items():
            trimmer.trim(log, self._sizes[stream])
        if grown and self._writes.works:
            self._notice()

    def _written(self) -> tuple[list[str], dict[str, int]]:
        """The turns since the look before and the sizes that they led to: nothing was written between the two calls.

        Of a script that goes on writing the sizes are the later ones: no write is told that is not in them.
        """
        turns = self._writes.take()
        for _ in range(MOST_TAKES):
            sizes = self._sizes_now()
            more = self._writes.take()
            if not more:
                return turns, sizes
            turns += more[1:] if turns[-1:] == more[:1] else more
        return turns, self._sizes_now()

    def _sizes_now(self) -> dict[str, int]:
        return {stream: os.fstat(log).st_size for stream, (log, _) in self._logs.items()}

    def _ends(self, stream: str, size: int, turns: int) -> list[int]:
        """Where the stream's turns ended between two looks, the last at `size`."""
        start = self._sizes[stream]
        if turns < 2 or size - start > MOST_SPLIT:
            return [size]
        data = b""
        with contextlib.suppress(OSError):
            data = os.pread(self._logs[stream][0], size - start, start)
        return split_by_lines(data, start, turns) if len(data) == size - start else [size]

    def wait(self) -> None:
        """Until it is time for the next look."""
        self._writes.wait(LOOK_SECONDS)

    def close(self) -> None:
        """Nothing will be written any more."""
        self.look()
        self._order.end(self._sizes)
        self._writes.close()

    def named(self, message: str) -> str:
        """main.sh says why it could not start the command; which command it was, we know."""
        return f"{self._command[0]}: {message}" if message and self._command else message


def _wait_for_start(volume: Volume, is_over: threading.Event, logs: _Logs) -> bool:
    """False: the script will never start. A pod that is stopped has a mark, should our SIGTERM have come too early."""
    marked_at: float | None = None
    while not volume.has("started"):
        if marked_at is None and volume.wants_stop():
            marked_at = time.monotonic()
        if marked_at is not None and time.monotonic() - marked_at > LAST_START_SECONDS:
            is_over.set()
        if is_over.is_set():
            return volume.has("started")
        logs.wait()
    return True


def _wait_for_end(volume: Volume, is_over: threading.Event, logs: _Logs) -> dict[str, Any] | None:
    """What main.sh wrote of the end; None when the container died without a word (out of memory, killed)."""
    patience: float | None = None
    while True:
        logs.look()
        ended = _ended(volume)
        if ended is not None:
            return {**ended, "message": logs.named(ended.get("message") or "")}
        if is_over.is_set() and patience is None:
            patience = time.monotonic() + LAST_LOOK_SECONDS
        if patience is not None and time.monotonic() > patience:
            return None
        logs.wait()


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
