"""One stream's way to the portal: chunks of a growing file, each with its offset and hash.

Offsets count what is kept. Of a stream larger than its limit that is the first half and, once the script is over,
the last half (runner/kept.py); each chunk behind such a hole names it, so that any of them may be the first or a
repeat. What was written last of such a stream goes along with word of how much that is: to be shown while the script
runs, and to be kept if nothing more comes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.digest import Digest
from runner.kept import LIMIT, Hole, Lost, end_of_character, end_of_head, newest, start_of_tail
from runner.portal_client import PortalClient, PortalRefused, Request

# Where the portal does not say with its claim what it takes at once.
LARGEST_CHUNK = 1 << 20
BACKLOG = 1 << 18
HOLD_SECONDS = 1.0
# How often the portal hears how much a script has written of which nothing is shipped any more.
TELL_SECONDS = 2.0
# A portal that refuses the newest bytes (an older one knows no such call) is asked again after so long.
ASK_AGAIN_SECONDS = 60.0
_ANY = 1 << 62


class Mismatch(Exception):
    """The portal holds something else than this file: nothing more can be shipped."""


class StreamShipper:
    """Ships one log file. `offset` is what the portal has confirmed; the hash covers exactly that."""

    def __init__(self, stream: str, path: Path, limit: int, largest: int = 0) -> None:
        self.stream = stream
        self.offset = 0
        self.trouble = ""
        self._path = path
        self._limit = limit
        self._largest = largest or LARGEST_CHUNK
        self._file: int | None = None
        self._digest = Digest()
        self._shipped_at: float | None = None
        self._partial_since: float | None = None
        self._border: int | None = None
        self._told: tuple[int, float] = (0, 0.0)
        self._newest_from = 0.0
        # Known when nothing will be written any more:
        self._end: int | None = None
        self._tail = 0
        self._middle: Hole | None = None
        self._lost = Lost()

    def facts(self) -> dict[str, object]:
        """What the manifest says of the stream: the kept bytes, and what was left out."""
        return {
            "size": self.offset,
            "sha256": self._digest.hexdigest(),
            "written": self.written(),
            "holes": [list(hole) for hole in self.holes()],
        }

    def settle(self, lost: Lost) -> None:
        """Nothing will be written any more: decide what is kept. `lost`: what never came into the file."""
        self._lost = lost
        end = self._file_size()
        if self._file is not None and end > self._limit:
            self._tail = start_of_tail(self._file, end, self._limit)
            head = self._head()
            self._middle = Hole(head, self._tail - head, LIMIT)
        self._end = end

    def holes(self) -> list[Hole]:
        """What is left out, in order. Complete once settled."""
        found = [self._middle] if self._middle else []
        return [*found, Hole(self.size(), *self._lost)] if self._lost.size else found

    def written(self) -> int:
        """Bytes that the script has written, as far as the log tells."""
        return self._file_size() + self._lost.size

    def size(self) -> int:
        """Bytes that are to be shipped in all, as the file is now."""
        size = self._file_size()
        if self._end is not None:
            return self._end - (self._middle.size if self._middle else 0)
        return size if size <= self._limit // 2 else self._head()

    def pending(self, until: int = _ANY) -> int:
        """Bytes to be shipped, of those before the offset `until`."""
        return 0 if self.trouble else max(0, min(self.size(), until) - self.offset)

    def is_due(self, pace: float, now: float) -> bool:
        """The first output and a backlog at once, the rest `pace` seconds after what was shipped last."""
        return self.pending() > 0 and self.due_in(pace, now) <= 0

    def due_in(self, pace: float, now: float) -> float:
        """Seconds until output that is pending is due; at most 0: now."""
        if self._shipped_at is None or self.pending() >= BACKLOG:
            return 0.0
        return self._shipped_at + pace - now

    @property
    def holds_line(self) -> bool:
        """A line has begun and is held back for its end."""
        return self._partial_since is not None

    def has_news(self, pace: float, now: float) -> bool:
        """More was written than is shipped now, and the portal should hear how much."""
        if self.trouble or self._border is None or self.pending():
            return False
        told, at = self._told
        return self.written() > told and now - at >= max(pace, TELL_SECONDS)

    def ship(self, client: PortalClient, is_final: bool, now: float, until: int = _ANY) -> bool | None:
        """Send one chunk, which ends before the offset `until`: whether someone watches, or None when a partial line
        is still held back.

        Raises PortalRefused (401: the attempt is over), PortalUnreachable, Mismatch.
        """
        data = self._read(self.offset, min(self.pending(until), self._largest))
        kept = data if is_final else self._cut(data, now)
        if not kept:
            return None
        hole = self._middle if self._middle and self.offset >= self._middle.at else None
        return self._send(client, kept, hole, now)

    def take(self, at: int, until: int, most: int, is_final: bool, now: float) -> bytes:
        """What there is to send from `at` to `until`, if everything before were confirmed; at most so many bytes."""
        data = self._read(at, min(min(self.size(), until) - at, most))
        return data if is_final else self._cut(data, now)

    def confirm(self, data: bytes, size: int, now: float) -> None:
        """The portal was sent `data` behind what it had confirmed, and has so much now. Raises Mismatch."""
        if data:
            self._shipped_at = now
        if size == self.offset + len(data):
            self._digest.update(data)
            self.offset = size
        else:
            self.move_to(size)

    @property
    def is_plain(self) -> bool:
        """There is no trouble, and no hole that each piece has to name."""
        return not self.trouble and self._middle is None

    def tell(self, client: PortalClient, now: float) -> bool:
        """Send how much was written: while the script runs with the newest of it, after its end with what is missing
        there; as ship().
        """
        if self._end is None and now >= self._newest_from:
            watched = self._send_newest(client, now)
            if watched is not None:
                return watched
        hole = self.holes()[-1] if self._lost.size else None
        return self._send(client, b"", hole, now)

    def has_lost_end(self) -> bool:
        """The portal has to hear of bytes that are missing at the end: tell()."""
        return bool(self._lost.size) and not self.trouble

    def move_to(self, size: int) -> None:
        """Continue where the portal is, forwards or backwards. Raises Mismatch when it has more than we do."""
        if size > self._most() or size < 0:
            self.trouble = f"the portal holds {size} bytes of {self.stream}, the script wrote {self.size()}"
            raise Mismatch(self.trouble)
        if size < self.offset:
            self.offset, self._digest = 0, Digest()
        while self.offset < size:
            data = self._read(self.offset, min(LARGEST_CHUNK, size - self.offset))
            if not data:
                raise Mismatch(f"{self.stream} became shorter")
            self._digest.update(data)
            self.offset += len(data)

    def _send_newest(self, client: PortalClient, now: float) -> bool | None:
        """None: there is nothing to send, or the portal does not take it."""
        at, data = newest(self._file, self._head(), self._limit) if self._file is not None else (0, b"")
        if not data:
            return None
        # Without an offset: a portal that knows no tails refuses it, and never takes it for a piece of the log.
        address = f"/intake/output/{self.stream}?tail={at}"
        try:
            answer = client.send(Request("PUT", address, data, headers_of(data)))
        except PortalRefused as refusal:
            if refusal.status in (401, 403):
                raise
            self._newest_from = now + ASK_AGAIN_SECONDS
            return None
        self._told = (at + len(data), now)
        self.move_to(int(answer.get("size", self.offset)))
        return bool(answer.get("watched"))

    def _send(self, client: PortalClient, data: bytes, hole: Hole | None, now: float) -> bool:
        written = self.written()
        address = f"/intake/output/{self.stream}?offset={self.offset}&written={written}"
        if hole:
            address += f"&hole={hole.at},{hole.size},{hole.why}"
        try:
            answer = client.send(Request("PUT", address, data, headers_of(data)))
        except PortalRefused as refusal:
            return self._recover(refusal)
        # With a chunk it is told how much there is, not what is the newest of it.
        self._told = (self._told[0] if data else written, now)
        if data:
            self._shipped_at, self._partial_since = now, None
        has_moved = self._adopt(answer)
        confirmed = int(answer.get("size", self.offset + len(data)))
        if not has_moved and confirmed == self.offset + len(data):
            self._digest.update(data)
            self.offset = confirmed
        else:
            self.move_to(confirmed)
        return bool(answer.get("watched"))

    def _recover(self, refusal: PortalRefused) -> bool:
        if refusal.status == 409 and isinstance(refusal.facts.get("size"), int):
            before = self.offset
            self._adopt(refusal.facts)
            self.move_to(refusal.facts["size"])
            if before == self.offset:
                self.trouble = f"the portal refuses {self.stream} at {before}: {refusal}"
                raise Mismatch(self.trouble) from refusal
            return False
        if refusal.status in (401, 403):
            raise refusal
        self.trouble = f"the portal took no more of {self.stream} after {self.offset} bytes ({refusal})"
        raise Mismatch(self.trouble) from refusal

    def _adopt(self, answer: Mapping[str, Any]) -> bool:
        """A collector before this one may have cut the beginning elsewhere: our hole goes there. True: it did."""
        holes, size = answer.get("holes"), answer.get("size")
        if self._middle is None or holes is None or not isinstance(size, int):
            return False
        at = int(holes[0][0]) if holes else max(size, self._middle.at)
        if at == self._middle.at:
            return False
        if not 0 <= at <= self._limit // 2:
            self.trouble = f"the portal left out bytes of {self.stream} at {at}, not at {self._middle.at}"
            raise Mismatch(self.trouble)
        self._middle = Hole(at, self._tail - at, LIMIT)
        self.offset, self._digest = 0, Digest()
        return True

    def _most(self) -> int:
        """How much the portal may hold: a collector before this one may have cut half a line later."""
        if self._end is not None:
            return self.size()
        return max(self.size(), min(self._file_size(), self._limit // 2))

    def _file_size(self) -> int:
        if self._end is not None:
            return self._end
        if self._file is None:
            with contextlib.suppress(FileNotFoundError):
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        return 0 if self._file is None else os.fstat(self._file).st_size

    def _head(self) -> int:
        """Where the kept beginning ends; never before what the portal has already."""
        if self._border is None and self._file is not None:
            self._border = end_of_head(self._file, self._limit)
        return max(self._border or 0, self.offset)

    def _read(self, offset: int, length: int) -> bytes:
        """Kept bytes, never across a hole."""
        if self._file is None or length <= 0:
            return b""
        if self._middle and offset >= self._middle.at:
            offset += self._middle.size
        elif self._middle:
            length = min(length, self._middle.at - offset)
        return os.pread(self._file, length, offset)

    def _cut(self, data: bytes, now: float) -> bytes:
        """Up to the last line's end; a line without one is held for a moment, then cut between characters."""
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if end or not data:
            self._partial_since = None
            return data[:end]
        if self._partial_since is None:
            self._partial_since = now
        if now - self._partial_since < HOLD_SECONDS and len(data) < self._largest:
            return b""
        return data[: end_of_character(data)]


def headers_of(data: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "X-Content-SHA256": hashlib.sha256(data).hexdigest(),
    }
