"""The second stage: ship the output while the script runs, afterwards the rest, the results and the manifest."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runner.keeping import Keeper
from runner.kept import DISK, LIMIT, Lost
from runner.order import FEWEST_RUNS, MOST_RUNS, OrderReader, Run
from runner.portal_client import PortalClient, PortalRefused, PortalUnreachable
from runner.results import Found, Inputs, Wanted, find_results
from runner.rules import Rules
from runner.shipping import BACKLOG, Mismatch, StreamShipper
from runner.turns import MOST_TURNS, Turns
from runner.upload import Uploader
from runner.volume import STREAMS, Volume

_TICK = 0.25
# Seconds between chunks: somebody looks at the output; somebody may just be on the way to it, for few go away
# from a job that they have sent this moment; nobody looks. The first line after a rest goes at once.
WATCHED_PACE, YOUNG_PACE, UNWATCHED_PACE = 0.07, 0.7, 2.5
YOUNG_SECONDS = 15.0
# A portal that answers slowly has enough to do: then so many times what an answer takes, up to SLOWEST_WATCHED_PACE.
ANSWERS = 5
SLOWEST_WATCHED_PACE = 0.4
# Of the time half is enough for the requests that keep an order, and so many seconds may be saved for a burst.
_RUNS_SHARE, _RUNS_SECONDS = 0.5, 0.5
# How often the logs are looked at while somebody watches: where nobody tells of news (a pod whose kernel does not),
# and where a line without an end is held back.
_WATCHED_TICK, _HELD_TICK = 0.05, 0.1
_MOST_ROUNDS = 20
_UNLIMITED = 1 << 62
_WHY = {
    LIMIT: "were left out, because it is larger than its limit; write large amounts to a file instead",
    DISK: "were lost, because the disk where the script ran was full",
}
# Kept of the time for results, so that what did come can still be listed.
_MANIFEST_SECONDS = 60.0


class Collector:
    """Everything of one attempt that goes to the portal after its claim. Used by one thread at a time."""

    def __init__(
        self, client: PortalClient, volume: Volume, claim: Mapping[str, Any], uid: str, run_as: int | None
    ) -> None:
        self.client = client
        self._volume = volume
        self._claim = claim
        self._uid = uid
        self._run_as = run_as
        limits = claim.get("limits", {})
        limit = int(limits.get("output_bytes", _UNLIMITED))
        largest = int(limits.get("chunk_bytes", 0))
        self.shippers = [StreamShipper(stream, volume.log(stream), limit, largest) for stream in STREAMS]
        self._order = OrderReader(volume.order, STREAMS)
        self._turns = Turns(self.shippers)
        self._runs_seconds, self._runs_at = _RUNS_SECONDS, time.monotonic()
        self._wanted = Wanted(claim.get("limits", {}), run_as, Rules(claim.get("result_rules")))
        self._keeper = Keeper(client, volume, self._wanted, uid)
        # What the script had around it, asked for when everything else has been sent.
        self.facts: Callable[[], Mapping[str, Any]] = dict
        self._is_watched = True
        self._began: float | None = None
        self._answer_seconds = 0.0
        self._is_told = False
        # Output is waited for that would be shipped at once; set while there is none that waits for its time.
        self._is_ready = False
        self._news = threading.Event()

    def notice(self) -> None:
        """Output was written: wakes the collector where it would act at once."""
        self._is_told = True
        if self._is_ready or any(each.pending() >= (BACKLOG if each.offset else 1) for each in self.shippers):
            self._is_ready = False
            self._news.set()

    def wake(self) -> None:
        """End a wait in tick()."""
        self._news.set()

    def tick(self, wait: float = _TICK) -> None:
        """Ship what is due, then wait for news.

        Raises PortalUnreachable, and PortalRefused when the attempt is over for the portal.
        """
        self._keeper.look()
        now = time.monotonic()
        pace = self.pace(now)
        due = [each for each in self.shippers if each.is_due(pace, now)]
        has_more = bool(due) and self._ship_due(due, now)
        for shipper in self.shippers:
            if shipper not in due and shipper.has_news(pace, now):
                self._tell(shipper, now)
        if not has_more:
            self._news.wait(min(wait, self._until_due()))
            self._is_ready = False
            self._news.clear()

    def _until_due(self) -> float:
        """Seconds until it should be looked again at the logs."""
        if not self._is_watched:
            return _TICK
        # Before looking: what is written from here on wakes.
        self._is_ready = True
        now = time.monotonic()
        pace = self.pace(now)
        waits = [
            max(each.due_in(pace, now), _HELD_TICK if each.holds_line else 0.0)
            for each in self.shippers
            if each.pending()
        ]
        if waits:
            self._is_ready = False
            return min(waits)
        return _TICK if self._is_told else _WATCHED_TICK

    def pace(self, now: float) -> float:
        """Seconds between chunks of a stream, at this moment of time.monotonic()."""
        if self._began is None:
            self._began = now
        if self._is_watched:
            return min(SLOWEST_WATCHED_PACE, max(WATCHED_PACE, ANSWERS * self._answer_seconds))
        return YOUNG_PACE if now - self._began < YOUNG_SECONDS else UNWATCHED_PACE

    def report_started(self) -> None:
        self.client.post("/intake/started", {"uid": self._uid})

    def report_ended(self, ended: Mapping[str, Any]) -> None:
        """The outcome becomes a fact at the portal."""
        facts = {key: ended.get(key) for key in ("exit_code", "signal", "started_at", "ended_at")}
        words = {key: ended.get(key) or "" for key in ("reason", "message")}
        sizes = {shipper.stream + "_size": shipper.written() for shipper in self.shippers}
        self.client.post("/intake/ended", {"uid": self._uid, **facts, **words, **sizes})

    def settle(self, lost: Mapping[str, Lost]) -> None:
        """The script is over: what is in the logs now is all, but for what is `lost` of each stream's end."""
        for shipper in self.shippers:
            shipper.settle(lost.get(shipper.stream, Lost()))

    def ship_rest(self) -> None:
        """Everything up to the files' ends."""
        self._ship_runs(True, MOST_RUNS)
        for shipper in self.shippers:
            while shipper.pending():
                self._ship(shipper, True, time.monotonic())
            if shipper.has_lost_end():
                self._tell(shipper, time.monotonic())

    def deliver(self) -> None:
        """The rest of the output, the result files and the manifest, until the portal has all."""
        self._keeper.end()
        self.ship_rest()
        found = self._find()
        for shipper in self.shippers:
            for hole in shipper.holes():
                found.skip(shipper.stream + ".log", f"{hole.size} bytes {_WHY[hole.why]}")
        uploader = Uploader(self.client, self._volume.work_dir, found, self._run_as)
        try:
            uploader.is_direct = bool(self._claim.get("has_direct_results"))
            if self._volume.has("sending"):
                uploader.ask_what_is_there()
            elif found.files:
                self._volume.mark("sending")
            self._send_results(uploader)
            self._hand_over(uploader, found, self.facts())
        finally:
            uploader.close()

    def _send_results(self, uploader: Uploader) -> None:
        """As long as there is time; what the portal had no room for is named in the manifest instead."""
        last = self.client.deadline
        left = max(0.0, last - time.monotonic())
        self.client.deadline = last - min(_MANIFEST_SECONDS, left / 4)
        try:
            uploader.send_all()
        except PortalUnreachable as error:
            uploader.leave_out_rest(f"the portal did not take it in time ({error.trouble})")
        finally:
            self.client.deadline = last

    def _find(self) -> Found:
        inputs = Inputs(
            {file["path"]: file for file in self._claim.get("files", [])}, self._volume.read("inputs") or {}
        )
        return find_results(self._volume.work_dir, inputs, self._wanted)

    def _hand_over(self, uploader: Uploader, found: Found, facts: Mapping[str, Any]) -> None:
        for _ in range(_MOST_ROUNDS):
            try:
                self.client.post(
                    "/intake/collected", {**self._manifest(uploader, found), "versions": dict(facts)}
                )
                return
            except PortalRefused as refusal:
                if refusal.status != 409 or "missing" not in refusal.facts:
                    raise
                last = refusal
            for shipper in self.shippers:
                size = last.facts.get(shipper.stream + "_size")
                if isinstance(size, int) and size != shipper.offset and not shipper.trouble:
                    shipper.move_to(size)
            self.ship_rest()
            for path in last.facts["missing"]:
                if path in uploader.results:
                    uploader.send(path)
        raise last

    def _manifest(self, uploader: Uploader, found: Found) -> dict[str, Any]:
        troubles = [
            {"path": shipper.stream + ".log", "why": shipper.trouble}
            for shipper in self.shippers
            if shipper.trouble
        ]
        return {
            "uid": self._uid,
            **{shipper.stream: shipper.facts() for shipper in self.shippers},
            "results": list(uploader.results.values()),
            "skipped": found.skipped + troubles,
        }

    def _ship_due(self, due: Sequence[StreamShipper], now: float) -> bool:
        """True: there is much more. What the other stream has of before goes along, though it is not due itself."""
        # Before the order is read: of what is written from here on it may tell nothing yet.
        ends = {each.stream: each.size() for each in self.shippers}
        if not self._ship_runs(False, self._runs_allowed(now)):
            return True
        for shipper in due:
            if shipper.pending(ends[shipper.stream]):
                self._ship(shipper, False, now, ends[shipper.stream])
        return any(each.pending() >= BACKLOG for each in due)

    def _runs_allowed(self, now: float) -> int:
        """Many for a burst, also where the portal is not quick; few for a script that alternates all the time."""
        saved = self._runs_seconds + _RUNS_SHARE * (now - self._runs_at)
        self._runs_seconds, self._runs_at = min(_RUNS_SECONDS, saved), now
        return min(MOST_RUNS, max(FEWEST_RUNS, int(self._runs_seconds / max(self._answer_seconds, 0.001))))

    def _ship_runs(self, is_final: bool, most: int) -> bool:
        """What is known of the order, in that order. False: there is much more.

        A request each, and so at most so many, are the runs that cannot go together (turns.py).
        """
        for _ in range(_MOST_ROUNDS):
            if not self._ship_together(is_final):
                break
        else:
            if not is_final:
                return False
        runs, left = self._runs(most), most
        while runs:
            stream, end = runs.pop(0)
            shipper = next(each for each in self.shippers if each.stream == stream)
            before = -1
            while shipper.pending(end) and shipper.offset != before:
                if left <= 0 and not is_final:
                    return False
                before = shipper.offset
                began = time.monotonic()
                self._ship(shipper, is_final, began, end)
                self._runs_seconds = max(0.0, self._runs_seconds - (time.monotonic() - began))
                left -= shipper.offset != before
            if shipper.offset > end:
                # A collector before this one came further: what is left can be told finer.
                runs = self._runs(most)
        return True

    def _ship_together(self, is_final: bool) -> bool:
        """True: some of it was shipped."""
        before = [each.offset for each in self.shippers]
        runs, now = self._runs(MOST_TURNS), time.monotonic()
        if len(runs) > 1:
            self._hear(lambda: self._turns.ship(self.client, runs, is_final, now))
        return before != [each.offset for each in self.shippers]

    def _runs(self, most: int) -> list[Run]:
        return self._order.runs({each.stream: each.offset for each in self.shippers}, most)

    def _ship(self, shipper: StreamShipper, is_final: bool, now: float, until: int = _UNLIMITED) -> None:
        self._hear(lambda: shipper.ship(self.client, is_final, now, until))

    def _tell(self, shipper: StreamShipper, now: float) -> None:
        self._hear(lambda: shipper.tell(self.client, now))

    def _hear(self, send: Callable[[], bool | None]) -> None:
        began = time.monotonic()
        try:
            watched = send()
        except Mismatch as mismatch:
            sys.stderr.write(f"collect: {mismatch}\n")
            return
        if watched is not None:
            self._is_watched = watched
            took = min(1.0, time.monotonic() - began)
            self._answer_seconds += (took - self._answer_seconds) / 4
