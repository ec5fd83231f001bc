"""The local pod: one detached process per attempt that fetches, runs the script and collects."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.collect import Collector
from runner.delivery import Delivery
from runner.environment import line_buffered, script_environment
from runner.fetch import REFUSED_EXIT, ClaimRefused, InputsBroken, claim, fetch_inputs
from runner.kept import Lost
from runner.launch import Launch, Limits, SetupFailed, StartFailed, become_subreaper, start
from runner.local_facts import LocalFacts
from runner.pipes import Pipes
from runner.portal_client import PortalClient, PortalRefused, PortalUnreachable
from runner.processes import ScriptProcesses, start_time
from runner.pump import LISTEN_SECONDS, Pump
from runner.supervise import Bounds, Outcome, Wakeup, supervise
from runner.volume import STREAMS, Volume

COLLECT_SECONDS = 3600.0
_STOPPED_COLLECT_SECONDS = 60.0
_STOP_LOOK_SECONDS = 0.5


class Pod:
    """One attempt from its claim to its manifest. What happened is in the volume's stage files."""

    def __init__(self, root: Path) -> None:
        self.volume = Volume(root)
        work = self.volume.read("work")
        if work is None:
            raise FileNotFoundError(f"{root}/work.json")
        self.work: dict[str, Any] = work
        self.uid: str = work["uid"]
        self.run_as: int | None = work.get("run_as")
        self.wakeup = Wakeup()
        self._stop_looked = 0.0
        self._stopped_at: float | None = None

    def run(self) -> int:
        """The process's exit code: 0 = the portal has everything, 86 = the claim was refused, else 1."""
        self.wakeup.install()
        become_subreaper()
        self.volume.write("pod", {"pid": os.getpid(), "started": start_time(os.getpid()), "uid": self.uid})
        client = PortalClient(self.work["portal_url"], self.work["token"], self._deadline(), self.wants_stop)
        try:
            answer = claim(client, self.volume, self.uid)
        except ClaimRefused as refused:
            self._end_unstarted("refused", str(refused))
            return REFUSED_EXIT
        except (PortalUnreachable, OSError) as error:
            self._end_unstarted("stopped" if self.wants_stop() else "start_failed", str(error))
            return 1
        delivery = Delivery(self.volume, Collector(client, self.volume, answer, self.uid, self.run_as))
        return self._run_claimed(client, answer, delivery)

    def wants_stop(self) -> bool:
        """A stop was asked for, by signal or (when the signal came before us) by the marker."""
        now = time.monotonic()
        if not self.wakeup.is_stop_asked and now - self._stop_looked > _STOP_LOOK_SECONDS:
            self._stop_looked = now
            self.wakeup.is_stop_asked = self.volume.wants_stop()
        if self.wakeup.is_stop_asked and self._stopped_at is None:
            self._stopped_at = now
        return self.wakeup.is_stop_asked

    def _run_claimed(self, client: PortalClient, answer: dict[str, Any], delivery: Delivery) -> int:
        try:
            fetch_inputs(client, self.volume, answer.get("files", []), self.run_as)
            if self.wants_stop():
                raise PortalUnreachable("stopped before the script started")
            ended, lost = self._run_script(answer, delivery)
        except (InputsBroken, SetupFailed, PortalUnreachable, PortalRefused, OSError) as error:
            if self.wants_stop():
                ended, lost = self._end_unstarted("stopped", "Stopped before the script started."), {}
            else:
                self._end_unstarted("start_failed", str(error))
                return 1
        delivery.join()
        facts = None if self.wants_stop() else self._look_around(answer)
        delivery.collector.facts = facts or dict
        client.deadline = self._deadline(answer.get("result_wait_seconds", COLLECT_SECONDS))
        client.give_up = self._is_late_after_stop
        is_delivered = delivery.finish(ended, lost)
        if facts is not None:
            facts.end()
        return 0 if is_delivered else 1

    def _run_script(
        self, answer: Mapping[str, Any], delivery: Delivery
    ) -> tuple[dict[str, Any], dict[str, Lost]]:
        """Start, watch and account for the script; when this returns ended.json holds its end."""
        limit = int(answer.get("limits", {}).get("output_bytes", 1 << 62))
        logs = {stream: self.volume.log(stream) for stream in STREAMS}
        pipes = Pipes.unnamed(STREAMS, self.run_as)
        pump = Pump(logs, limit, pipes, self.volume.order)
        pump.notice = delivery.collector.notice
        pump.start()
        pump.is_listening.wait(LISTEN_SECONDS)
        self.volume.write("started", {"at": time.time()})
        begun, message = time.time(), ""
        try:
            pid = start(self._launch(answer), pipes.writers["stdout"], pipes.writers["stderr"])
        except StartFailed as failure:
            message = str(failure)
            outcome = Outcome(failure.exit_code, None, "", begun, time.time())
        else:
            pipes.close_writers()
            delivery.begin(self._ask_stop)
            processes = ScriptProcesses(self.uid, self.run_as, session=pid)
            outcome = supervise(pid, processes, self._bounds(answer), self.wants_stop, self.wakeup)
        pump.finish()
        ended = {**vars(outcome), "message": message}
        self.volume.write("ended", ended)
        return ended, pump.lost

    def _look_around(self, answer: Mapping[str, Any]) -> LocalFacts | None:
        """What the script had around it; there is no other thread now."""
        processes = ScriptProcesses(self.uid, self.run_as)
        try:
            return LocalFacts(self._launch(answer), answer["command"], processes)
        except OSError:
            return None

    def _launch(self, answer: Mapping[str, Any]) -> Launch:
        environment = script_environment(self.volume, answer, self.uid, self.run_as, os.environ)
        results = self.volume.work_dir / "results"
        results.mkdir(mode=0o700, exist_ok=True)
        if self.run_as is not None:
            os.chown(results, self.run_as, self.run_as)
        cores = max(1, -(-int(self.work["cpu_millis"]) // 1000))
        limits = Limits(
            cpu_seconds=int(answer["time_limit_seconds"]) * cores,
            file_bytes=int(self.work["disk_bytes"]),
            processes=int(self.work["max_processes"]),
        )
        command = line_buffered(answer["command"], environment["PATH"])
        return Launch(command, environment, self.volume.work_dir, self.run_as, limits)

    def _bounds(self, answer: Mapping[str, Any]) -> Bounds:
        return Bounds(
            float(answer["time_limit_seconds"]),
            float(answer["grace_seconds"]),
            int(self.work["memory_bytes"]),
        )

    def _end_unstarted(self, reason: str, message: str) -> dict[str, Any]:
        sys.stderr.write(message + "\n")
        now = time.time()
        facts = {"exit_code": None, "signal": None, "reason": reason, "message": message}
        ended = {**facts, "started_at": now, "ended_at": now}
        self.volume.write("ended", ended)
        return ended

    def _ask_stop(self) -> None:
        self.wakeup.is_stop_asked = True

    def _deadline(self, seconds: float = COLLECT_SECONDS) -> float:
        return time.monotonic() + float(seconds)

    def _is_late_after_stop(self) -> bool:
        """After the script's end a stopped pod still delivers, but not for long."""
        if not self.wants_stop() or self._stopped_at is None:
            return False
        return time.monotonic() - self._stopped_at > _STOPPED_COLLECT_SECONDS
