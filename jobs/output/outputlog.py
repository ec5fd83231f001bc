"""A script's output on disk, exactly as it was written, and the order in which it came.

Per attempt a folder with `stdout.log`, `stderr.log` and `order.idx`: records `<BQI` of stream (0 or 1), offset and
length, one per stored chunk (per MiB of it) in order of arrival. What was left out of a stream is in `stdout.facts`
(holes.py); what is not in the log yet and only shown, in `stdout.tail` (tails.py). See docs/architecture.md.
"""

import codecs
import fcntl
import os
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from clusters.failpoints import failpoint
from jobs.output import tails
from jobs.output.holes import Contradiction, Extent, Hole, extent, note_written, open_hole, open_lost
from jobs.output.tails import Tail

STREAMS = ("stdout", "stderr")
RECORD = struct.Struct("<BQI")
# A larger chunk has several: landmarks stand between records, and what lies between two is read as one.
RECORD_BYTES = 1024 * 1024
READ_BYTES = 256 * 1024
RECORDS_AT_ONCE = 4096
NEAR_RECORDS = 32


class Gap(Exception):
    """Bytes before these are missing; the stream is stored up to `size`."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@dataclass(frozen=True)
class Place:
    """How far a reader is, in bytes of each stream."""

    stdout: int = 0
    stderr: int = 0

    @classmethod
    def parse(cls, text: str) -> "Place":
        """From an event's id, "12,0"; anything else is the beginning."""
        first, _, second = text.partition(",")
        return cls(int(first), int(second)) if first.isdecimal() and second.isdecimal() else cls()

    def __str__(self) -> str:
        return f"{self.stdout},{self.stderr}"


def folder_of(attempt_id: int) -> Path:
    """Where the attempt's output lives; may not exist yet."""
    return Path(settings.MEDIA_ROOT) / "output" / str(attempt_id)


@dataclass(frozen=True)
class Told:
    """What the runner says beside a chunk: how much the script wrote so far, and the hole before or in place of it."""

    written: int = 0
    hole: Hole | None = None


NOTHING_TOLD = Told()


def append(attempt_id: int, stream: str, offset: int, data: bytes, told: Told = NOTHING_TOLD) -> int:
    """Store `data` at `offset` of the stored stream; returns its size. Bytes already stored are passed over.

    Raises Gap when bytes before `offset` are missing, Contradiction (holes.py) when the hole has no room or the rest of
    the stream was given up, OSError when the disk is full.
    """
    folder = folder_of(attempt_id)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        return _append(folder, stream, offset, data, told)


def append_in_turns(attempt_id: int, offsets: Mapping[str, int], turns: Iterable[tuple[str, bytes]]) -> Place:
    """As `append`, of both streams: each turn behind the one before it of its stream, the first at its offset.

    They are in this order from here on. What was stored before one that is refused stays. Returns the sizes.
    """
    folder = folder_of(attempt_id)
    folder.mkdir(parents=True, exist_ok=True)
    at = dict(offsets)
    with _locked(folder):
        for stream, data in turns:
            _append(folder, stream, at[stream], data, NOTHING_TOLD)
            at[stream] += len(data)
        return sizes(attempt_id)


def _append(folder: Path, stream: str, offset: int, data: bytes, told: Told) -> int:
    """The folder is locked."""
    with (folder / f"{stream}.log").open("ab") as log:
        size = log.tell()
        if offset > size or (told.hole and told.hole.at > size):
            raise Gap(size)
        known = extent(folder, stream)
        if known.lost and (told.hole or offset + len(data) > known.lost.at):
            raise Contradiction(size, known.holes)
        if told.hole:
            open_hole(folder, stream, told.hole, size)
        size = _store(folder, log, stream, data[size - offset :], told.written)
        tails.forget_stored(folder, stream, size)
        return size


def keep_tail(attempt_id: int, stream: str, tail: Tail) -> int:
    """The newest of a stream, to be shown until the log has it; the size of the log, which stays as it is."""
    folder = folder_of(attempt_id)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        stored = _size(folder / f"{stream}.log")
        tails.keep(folder, stream, tail, stored)
        note_written(folder, stream, tail.end, stored)
        return stored


def adopt_tail(attempt_id: int, stream: str) -> None:
    """Nothing more will come of the stream: its tail becomes its end, and what lies between is told as a hole.

    Each byte of the tail goes to its place or is there, so this may be killed anywhere, and repeated. The tail stays
    until it is forgotten. Raises OSError when the disk is full.
    """
    folder = folder_of(attempt_id)
    tail = tails.tail_of(folder, stream)
    if tail is None:
        return
    with _locked(folder), (folder / f"{stream}.log").open("ab") as log:
        size = log.tell()
        reached = size + extent(folder, stream).left_out
        if tail.at > reached:
            open_lost(folder, stream, tail.at - reached, size)
            failpoint("tail.hole_noted")
            reached = tail.at
        rest = tail.data[reached - tail.at :]
        _store(folder, log, stream, rest[: max(0, settings.OUTPUT_MAX_BYTES - size)], tail.end)


def streams_with_tails(attempt_id: int) -> list[str]:
    """Those of which something is known beyond their logs."""
    folder = folder_of(attempt_id)
    return [stream for stream in STREAMS if tails.tail_of(folder, stream)]


def forget_tails(attempt_id: int) -> None:
    """The logs are all there is."""
    for stream in STREAMS:
        tails.forget(folder_of(attempt_id), stream)


def _store(folder: Path, log: BinaryIO, stream: str, data: bytes, told: int) -> int:
    """Append to the log; its size. `told`: so much was written by the script, kept or not. The folder is locked."""
    size = log.tell()
    size += _write_all(log.fileno(), data, size) if data else 0
    # For a repeat as well: a crash may have come between the bytes and their place in the order.
    _record(folder, STREAMS.index(stream), size)
    if told > size:
        note_written(folder, stream, told, size)
    return size


def _write_all(descriptor: int, data: bytes, size: int) -> int:
    """All or nothing: what a full disk cut off is taken back, so that the runner's repeat meets a known size."""
    written = 0
    try:
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    return written


def _record(folder: Path, stream: int, size: int) -> None:
    """Note everything of the stream that the index does not cover yet (a crash may have left some)."""
    with (folder / "order.idx").open("ab+") as index:
        whole = index.tell() - index.tell() % RECORD.size
        index.truncate(whole)
        covered = _covered(index, stream, whole)
        while covered < size:
            length = min(size - covered, RECORD_BYTES)
            index.write(RECORD.pack(stream, covered, length))
            covered += length


def _covered(index: BinaryIO, stream: int, whole: int) -> int:
    """How far the index covers the stream: its last record says so. Read from the end, it is nearly always near."""
    end, many = whole, min(NEAR_RECORDS, RECORDS_AT_ONCE)
    while end:
        start = max(0, end - RECORD.size * many)
        index.seek(start)
        for found, offset, length in reversed(list(RECORD.iter_unpack(index.read(end - start)))):
            if found == stream:
                return int(offset + length)
        end, many = start, RECORDS_AT_ONCE
    return 0


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sizes(attempt_id: int) -> Place:
    """How much of each stream is stored."""
    return Place(*(_size(folder_of(attempt_id) / f"{stream}.log") for stream in STREAMS))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def note_end(attempt_id: int, written: dict[str, int]) -> None:
    """The script is over and wrote so much to each stream, wherever that is by now."""
    folder = folder_of(attempt_id)
    sizes_now = sizes(attempt_id)
    if missing := {stream for stream in STREAMS if written[stream] > getattr(sizes_now, stream)}:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            for stream in missing:
                note_written(folder, stream, written[stream], _size(folder / f"{stream}.log"))


def extents(attempt_id: int) -> dict[str, Extent]:
    """What is known of each stream beyond its stored bytes."""
    folder = folder_of(attempt_id)
    return {stream: extent(folder, stream) for stream in STREAMS}


def delete(attempt_id: int) -> None:
    """Forget the attempt's output; missing is done."""
    shutil.rmtree(folder_of(attempt_id), ignore_errors=True)


def stored_attempts() -> set[int]:
    """Ids of all attempts with stored output."""
    folder = folder_of(0).parent
    return (
        {int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()}
        if folder.exists()
        else set()
    )


def touched_at(attempt_id: int) -> float:
    """When something was last written, in Unix seconds; 0 where nothing is stored."""
    folder = folder_of(attempt_id)
    return max((entry.stat().st_mtime for entry in folder.glob("*")), default=0.0)


def arrivals(folder: Path, index_at: int = 0) -> Iterator[tuple[int, int, int]]:
    """In order of arrival: the stream's number, where it ended by then, how many records of the index said so.

    `index_at` is where in the index to begin, in bytes.
    """
    try:
        index = (folder / "order.idx").open("rb")
    except FileNotFoundError:
        return
    with index:
        index.seek(index_at)
        while raw := index.read(RECORD.size * RECORDS_AT_ONCE):
            records = RECORD.iter_unpack(raw[: len(raw) - len(raw) % RECORD.size])
            for stream, run in groupby(records, key=itemgetter(0)):
                ends = [offset + length for _, offset, length in run]
                yield stream, ends[-1], len(ends)


def records(folder: Path, index_at: int = 0, until: int = 2**63) -> Iterator[tuple[int, int]]:
    """As `arrivals`, record by record: the stream's number, and where it ended by then.

    `until` is where in the index to stop, in bytes.
    """
    path = folder / "order.idx"
    if not path.exists():
        return
    with path.open("rb") as index:
        index.seek(index_at)
        while raw := index.read(max(0, min(RECORD.size * RECORDS_AT_ONCE, until - index_at))):
            index_at += len(raw)
            for stream, offset, length in RECORD.iter_unpack(raw[: len(raw) - len(raw) % RECORD.size]):
                yield stream, offset + length


def piece(folder: Path, stream: int, offset: int, length: int) -> bytes:
    """Up to `length` bytes of a stream from `offset` on; fewer at its end."""
    try:
        with (folder / f"{STREAMS[stream]}.log").open("rb") as log:
            return os.pread(log.fileno(), length, offset)
    except FileNotFoundError:
        return b""


class Reader:
    """Reads both streams in order of arrival, from a place on; keeps the place of what it gave out.

    Text is UTF-8 with U+FFFD for invalid bytes; a character cut between two chunks waits for its rest. What was left
    out is told by a pair whose stream is "stdout-hole" or "stderr-hole", before the first text behind it.
    `index_at` is how much of the index is known to lie before the place (jobs/output/landmarks.py knows).
    """

    def __init__(self, attempt_id: int, place: Place | None = None, index_at: int = 0) -> None:
        self.attempt_id = attempt_id
        self._folder = folder_of(attempt_id)
        self._index_at = index_at
        self._given = [place.stdout, place.stderr] if place else [0, 0]
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in STREAMS]
        # The last read stopped because there was no more.
        self.is_at_end = False

    @property
    def place(self) -> Place:
        """Behind the last whole character given out."""
        held = [len(decoder.getstate()[0]) for decoder in self._decoders]
        return Place(self._given[0] - held[0], self._given[1] - held[1])

    @property
    def taken(self) -> Place:
        """Behind the last byte read, be it half a character."""
        return Place(*self._given)

    def read(self, most: int = READ_BYTES) -> list[tuple[str, str]]:
        """The next (stream, text) pairs, of `most` bytes together; empty: nothing more is stored now."""
        found: list[tuple[str, str]] = []
        self.is_at_end = False
        holes = [extent(self._folder, stream).holes for stream in STREAMS]
        # A rule may delete it between two looks: then there is nothing more.
        with suppress(FileNotFoundError), ExitStack() as open_files:
            logs: dict[int, BinaryIO] = {}
            for stream, end, records in arrivals(self._folder, self._index_at):
                missing = end - self._given[stream]
                if missing > 0:
                    if most <= 0:
                        break
                    if stream not in logs:
                        logs[stream] = open_files.enter_context(self._log(stream).open("rb"))
                    upto = self._up_to_hole(stream, holes[stream], found)
                    taken = self._take(logs[stream], stream, min(missing, most, upto), found)
                    most -= taken
                    if taken < missing:
                        break
                self._index_at += records * RECORD.size
            else:
                self.is_at_end = True
        return found

    def finish(self) -> list[tuple[str, str]]:
        """What is left of characters that were never completed; for when nothing more will be written."""
        rest = [decoder.decode(b"", final=True) for decoder in self._decoders]
        return [(name, text) for name, text in zip(STREAMS, rest, strict=True) if text]

    def _up_to_hole(self, stream: int, holes: tuple[Hole, ...], found: list[tuple[str, str]]) -> int:
        """How far to the next hole; one that is here is told."""
        for hole in holes:
            if hole.at == self._given[stream]:
                if text := self._decoders[stream].decode(b"", final=True):
                    found.append((STREAMS[stream], text))
                found.append((f"{STREAMS[stream]}-hole", hole.words))
            elif hole.at > self._given[stream]:
                return hole.at - self._given[stream]
        return READ_BYTES

    def _take(self, log: BinaryIO, stream: int, length: int, found: list[tuple[str, str]]) -> int:
        """Read on in a stream; how many bytes there were."""
        log.seek(self._given[stream])
        data = log.read(length)
        self._given[stream] += len(data)
        if text := self._decoders[stream].decode(data):
            found.append((STREAMS[stream], text))
        return len(data)

    def _log(self, stream: int) -> Path:
        return self._folder / f"{STREAMS[stream]}.log"
