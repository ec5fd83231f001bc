"""From the script's pipes to its log files, and the order in which it wrote to them."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runner.kept import DISK, LIMIT, Losses, Lost, Trimmer
from runner.order import OrderWriter, split_by_lines
from runner.pipes import DiskFull, Pipes, capacity, drop, move, peek, waiting
from runner.writes import Turn, Writes, joined, without_last

# So much is looked through for lines, where both streams were written to between two looks.
MOST_SPLIT = 1 << 16
# A script is begun when its pump listens, which is at once.
LISTEN_SECONDS = 5.0
# Which turn a line belongs to is seen best when a burst is over, which it is when nothing came for so long; but a
# script that writes on is not waited for, nor one that would have to wait itself.
_MOST_RESTS, _REST_SECONDS, _MOST_TRIES = 8, 0.0003, 12
# Looks are at most so many a second over time, but a burst of some in a row as lines come; and none is put off
# where it would let a pipe fill.
_PAUSE_SECONDS, _BURST_SECONDS = 0.005, 0.5
_JOIN_SECONDS = 30.0
_MOST_FAILURES, _FAILURE_SECONDS = 100, 0.1


class Pump(threading.Thread):
    """Moves each stream into its log until all writers are gone, or until `finish`.

    Of a stream above `limit` bytes the middle is given back to the disk. What the disk has no room for is counted
    and dropped, up to the stream's end. The file `order` says in which order the bytes came. Where a log has bytes
    already it goes on behind them: `lost` is the file by which a pump knows what the one before it has dropped.
    `is_listening`: it knows the order of what is written from now on. `is_drained`: it came to its end and left nothing
    in the pipes.
    """

    def __init__(
        self, logs: Mapping[str, Path], limit: int, pipes: Pipes, order: Path, lost: Path | None = None
    ) -> None:
        super().__init__(name="pump", daemon=True)
        self.notice: Callable[[], None] = lambda: None
        self._limit = limit
        self._pipes = dict(pipes.readers)
        self._roomy = min(capacity(pipe) for pipe in self._pipes.values()) // 8
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._logs = {stream: os.open(path, flags, 0o600) for stream, path in logs.items()}
        self._sizes = {stream: os.fstat(log).st_size for stream, log in self._logs.items()}
        self._losses = Losses(list(logs), lost)
        self._trimmers = {stream: Trimmer(limit) for stream in logs}
        self._order = OrderWriter(order, self._sizes, limit // 2)
        self._writes: Writes | None = None
        self._poll = select.poll()
        self._woken, self._wake = os.pipe()
        self._is_finishing = False
        self.is_drained = False
        self.is_listening = threading.Event()
        self._free_at = 0.0

    @property
    def lost(self) -> dict[str, Lost]:
        """What the script wrote last and the log file of the stream does not have."""
        return dict(self._losses.of)

    def finish(self) -> None:
        """Nobody writes any more, though the pipes may have writers: return when they are empty."""
        if not self._is_finishing:
            self._is_finishing = True
            os.close(self._wake)
        if self.ident is not None:
            self.join(_JOIN_SECONDS)
        elif self._pipes:
            self._close()

    def run(self) -> None:
        self._listen()
        failures = 0
        while self._pipes and failures < _MOST_FAILURES:
            try:
                is_over = self._turn()
            except Exception as error:
                # As long as it runs no script hangs; whoever sees that it was not drained begins another.
                failures += 1
                sys.stderr.write(f"pump: {error}\n")
                time.sleep(_FAILURE_SECONDS)
            else:
                failures = 0
                if is_over:
                    break
        self.is_drained = failures < _MOST_FAILURES
        self._close()

    def _listen(self) -> None:
        """In the thread that looks."""
        self._writes = Writes(self._pipes)
        for descriptor in (self._woken, *self._pipes.values()):
            self._poll.register(descriptor, select.POLLIN)
        self.is_listening.set()

    def _turn(self) -> bool:
        """Wait for something to move, and move it. True: this was asked to finish, and there is nothing more."""
        # Asked before the look: what is written from here on may not be in it.
        told, is_finishing = dict(self._poll.poll()), self._is_finishing
        moved = self._look()
        for stream, pipe in list(self._pipes.items()):
            if told.get(pipe, 0) & ~select.POLLIN and not waiting(pipe):
                self._poll.unregister(pipe)
                os.close(self._pipes.pop(stream))
        self._rest(moved)
        return is_finishing and not moved

    def _look(self) -> int:
        """Move what is there now, in the order in which it was written. How many bytes."""
        turns, sizes = self._written()
        writes: dict[str, list[int]] = {stream: [] for stream in sizes}
        for turn in turns:
            writes[turn.stream].append(turn.writes)
        pieces = {stream: self._pieces(stream, size, writes[stream]) for stream, size in sizes.items()}
        for stream in [*(turn.stream for turn in turns), *sizes]:
            if pieces[stream]:
                self._take(stream, pieces[stream].pop(0))
        if any(sizes.values()):
            self.notice()
        return sum(sizes.values())

    def _written(self) -> tuple[list[Turn], dict[str, int]]:
        """The writes since the look before and the sizes that they led to, taken when a burst is over.

        Of a script that goes on writing they are taken between two writes of it, if it has so much patience.
        """
        turns = self._told()
        for _ in range(_MOST_RESTS if self._writes and self._writes.works else 0):
            if self._is_finishing or max(self._waiting().values()) >= self._roomy:
                break
            time.sleep(_REST_SECONDS)
            more = self._told()
            if not more:
                break
            turns += more
        for _ in range(_MOST_TRIES):
            sizes = self._waiting()
            turns += self._told()
            if sizes == self._waiting():
                break
        hung = {pipe for pipe, flags in self._poll.poll(0) if flags & select.POLLHUP}
        for stream, pipe in self._pipes.items():
            # The end of its last writer, told as a write.
            turns = without_last(turns, stream) if pipe in hung else turns
        return [turn for turn in joined(turns) if turn.stream in sizes], sizes

    def _told(self) -> list[Turn]:
        return self._writes.take() if self._writes else []

    def _waiting(self) -> dict[str, int]:
        return {stream: waiting(pipe) for stream, pipe in self._pipes.items()}

    def _pieces(self, stream: str, size: int, writes: Sequence[int]) -> list[int]:
        """How large the stream's turns were that are in its pipe now, as far as its lines tell."""
        if len(writes) < 2 or not size or size > MOST_SPLIT:
            return [size]
        data = peek(self._pipes[stream], size)
        pieces, start = [], 0
        for end in split_by_lines(data, writes) if data else [size]:
            pieces.append(end - start)
            start = end
        return pieces

    def _take(self, stream: str, size: int) -> None:
        """Into the log, as far as it takes it."""
        if not size:
            return
        # Before the log has them: who sees them there finds all that came earlier in the order.
        self._order.turn_to(stream, self._sizes)
        pipe, log, trimmer = self._pipes[stream], self._logs[stream], self._trimmers[stream]
        while size and not self._losses.of[stream].size:
            kept = size if trimmer.works else min(size, max(0, self._limit - self._sizes[stream]))
            if not kept:
                # Only here: a disk that takes nothing back. The end is not kept, but it stays bounded.
                self._drop(stream, size, LIMIT)
                return
            try:
                moved = move(pipe, log, self._sizes[stream], kept)
            except DiskFull as full:
                self._sizes[stream] += full.moved
                self._losses.add(stream, full.lost, DISK)
                self._drop(stream, size - full.moved - full.lost, DISK)
                return
            if not moved:
                return
            size -= moved
            self._sizes[stream] += moved
            trimmer.trim(log, self._sizes[stream])
        self._drop(stream, size, self._losses.of[stream].why)

    def _drop(self, stream: str, size: int, why: str) -> None:
        """Go on reading, or the script would hang in its next print."""
        while size and (dropped := drop(self._pipes[stream], size)):
            size -= dropped
            self._losses.add(stream, dropped, why)

    def _rest(self, moved: int) -> None:
        """A script that prints all the time is not looked at all the time; its lines stay in the pipe meanwhile."""
        now = time.monotonic()
        if self._free_at > now + _BURST_SECONDS and moved < self._roomy and not self._is_finishing:
            time.sleep(min(_PAUSE_SECONDS, self._free_at - _BURST_SECONDS - now))
        self._free_at = min(max(self._free_at, now), now + _BURST_SECONDS) + _PAUSE_SECONDS

    def _close(self) -> None:
        self._order.end(self._sizes)
        if self._writes:
            self._writes.close()
        self._losses.close()
        for descriptor in (self._woken, *self._pipes.values(), *self._logs.values()):
            os.close(descriptor)
        self._pipes.clear()
