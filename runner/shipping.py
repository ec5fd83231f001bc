"""One stream's way to the portal: chunks of a growing file, each with its offset and hash."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from runner.portal_client import PortalClient, PortalRefused, Request

LARGEST_CHUNK = 1 << 20
BACKLOG = 1 << 18
HOLD_SECONDS = 1.0


class Mismatch(Exception):
    """The portal holds something else than this file: nothing more can be shipped."""


class StreamShipper:
    """Ships one log file. `offset` is what the portal has confirmed; the hash covers exactly that."""

    def __init__(self, stream: str, path: Path, limit: int) -> None:
        self.stream = stream
        self.offset = 0
        self.trouble = ""
        self._path = path
        self._limit = limit
        self._file: int | None = None
        self._digest = hashlib.sha256()
        self._shipped_at: float | None = None
        self._partial_since: float | None = None

    def facts(self) -> dict[str, object]:
        return {"size": self.offset, "sha256": self._digest.hexdigest()}

    def size(self) -> int:
        """Bytes that are to be shipped in all, as the file is now."""
        if self._file is None:
            with contextlib.suppress(FileNotFoundError):
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        return 0 if self._file is None else min(os.fstat(self._file).st_size, self._limit)

    def pending(self) -> int:
        return 0 if self.trouble else max(0, self.size() - self.offset)

    def is_due(self, pace: float, now: float) -> bool:
        """The first output and a backlog at once, the rest `pace` seconds after what was shipped last."""
        pending = self.pending()
        if pending == 0 or self._shipped_at is None or pending >= BACKLOG:
            return pending > 0
        return now - self._shipped_at >= pace

    def ship(self, client: PortalClient, is_final: bool, now: float) -> bool | None:
        """Send one chunk: whether someone watches, or None when a partial line is still held back.

        Raises PortalRefused (401: the attempt is over), PortalUnreachable, Mismatch.
        """
        data = self._read(self.offset, min(self.pending(), LARGEST_CHUNK))
        kept = data if is_final else self._cut(data, now)
        if not kept:
            return None
        try:
            answer = client.send(
                Request(
                    "PUT",
                    f"/intake/output/{self.stream}?offset={self.offset}",
                    kept,
                    {
                        "Content-Type": "application/octet-stream",
                        "X-Content-SHA256": hashlib.sha256(kept).hexdigest(),
                    },
                )
            )
        except PortalRefused as refusal:
            return self._recover(refusal)
        self._shipped_at, self._partial_since = now, None
        confirmed = int(answer.get("size", self.offset + len(kept)))
        if confirmed == self.offset + len(kept):
            self._digest.update(kept)
            self.offset = confirmed
        else:
            self.move_to(confirmed)
        return bool(answer.get("watched"))

    def move_to(self, size: int) -> None:
        """Continue where the portal is, forwards or backwards. Raises Mismatch when it has more than we do."""
        if size > self.size() or size < 0:
            self.trouble = f"the portal holds {size} bytes of {self.stream}, the script wrote {self.size()}"
            raise Mismatch(self.trouble)
        if size < self.offset:
            self.offset, self._digest = 0, hashlib.sha256()
        while self.offset < size:
            data = self._read(self.offset, min(LARGEST_CHUNK, size - self.offset))
            if not data:
                raise Mismatch(f"{self.stream} became shorter")
            self._digest.update(data)
            self.offset += len(data)

    def _recover(self, refusal: PortalRefused) -> bool:
        if refusal.status == 409 and isinstance(refusal.facts.get("size"), int):
            before = self.offset
            self.move_to(refusal.facts["size"])
            if before == self.offset:
                self.trouble = f"the portal refuses {self.stream} at {before}: {refusal}"
                raise Mismatch(self.trouble) from refusal
            return False
        if refusal.status in (401, 403):
            raise refusal
        self.trouble = f"the portal took no more of {self.stream} after {self.offset} bytes ({refusal})"
        raise Mismatch(self.trouble) from refusal

    def _read(self, offset: int, length: int) -> bytes:
        if self._file is None or length <= 0:
            return b""
        return os.pread(self._file, length, offset)

    def _cut(self, data: bytes, now: float) -> bytes:
        """Up to the last line's end; a line without one is held for a moment, then cut between characters."""
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if end or not data:
            self._partial_since = None
            return data[:end]
        if self._partial_since is None:
            self._partial_since = now
        if now - self._partial_since < HOLD_SECONDS and len(data) < LARGEST_CHUNK:
            return b""
        return data[: _end_of_character(data)]


def _end_of_character(data: bytes) -> int:
    """The length of `data` without a UTF-8 character torn at its end (bytes that are no UTF-8 stay)."""
    for back in range(1, min(4, len(data) - 1) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if back < needed else len(data)
        if byte < 0x80:
            break
    return len(data)
