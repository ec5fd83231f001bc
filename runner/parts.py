"""A large file's way to the portal: in parts, each confirmed with the hash of all that came before it.

While the portal stores a part the next one is on its way, on a second connection: it waits there for the first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from runner.portal_client import Begun, PortalClient, PortalRefused, Request

# Larger files are sent in parts of this size; much larger ones in fewer and larger parts, as each costs some
# milliseconds beside its bytes. After a cut no more than a part is sent again.
PART_BYTES, MOST_PART_BYTES, PARTS = 32 << 20, 128 << 20, 32
BLOCK = 1 << 20
EMPTY = hashlib.sha256().hexdigest()
_MOST_STEPS_BACK = 20


class ResultChanged(Exception):
    """The file is not as long as it was, or was written while it was read."""


class Unreadable(Exception):
    """The file cannot be a result; the text says why."""


class _OtherBytes(Exception):
    """What the portal has is not what was sent."""


class _Part:
    """`length` bytes from `start` on; `before`: the hash of all before them, `digest`: up to their end, once read."""

    def __init__(self, descriptor: int, start: int, length: int, before: Any) -> None:
        self.start, self.end = start, start + length
        self.digest: Any = None
        self.begun: Begun
        # The one before it had to be sent again when this one was under way.
        self.is_doubtful = False
        self.tries = 0
        self._descriptor = descriptor
        self._before = before

    def request(self, path: str, size: int) -> Request:
        query = f"path={quote(path, safe='')}&offset={self.start}&size={size}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(self.end - self.start)}
        return Request("PUT", "/intake/results?" + query, self._blocks, headers)

    def is_told(self, facts: Mapping[str, Any]) -> bool:
        """Whether the portal has all up to this part's end, and nothing else."""
        has_all = self.digest is not None and facts.get("offset") == self.end
        return has_all and facts.get("sha256") == self.digest.hexdigest()

    def _blocks(self) -> Iterator[bytes]:
        """Read anew for each try."""
        self.tries += 1
        digest = self._before.copy()
        for block in read_blocks(self._descriptor, self.start, self.end - self.start):
            digest.update(block)
            yield block
        self.digest = digest


class Parts:
    """One file, read by its descriptor. `offset` is what the portal has confirmed; the digest covers exactly that."""

    def __init__(self, path: str, descriptor: int, size: int) -> None:
        self.path = path
        self.offset = 0
        self._descriptor = descriptor
        self._size = size
        self._digest = hashlib.sha256()
        self._steps_back = 0
        self._is_stored = False

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def resume(self, facts: Mapping[str, Any] | None) -> None:
        """Go on where an earlier runner came to, if its bytes are still this file's."""
        if facts is not None and not self._move_to(int(facts["offset"]), str(facts["sha256"])):
            self._begin_anew()

    def send(self, client: PortalClient) -> None:
        """Until the portal has stored the whole file. Raises PortalUnreachable, PortalRefused, ResultChanged."""
        while not self._is_stored:
            try:
                self._send_on(client)
            except PortalRefused as refusal:
                self._recover(refusal)
            except _OtherBytes:
                self._step_back(f"the portal has other bytes of {self.path}")

    def _send_on(self, client: PortalClient) -> None:
        """From what is confirmed to the end. Raises _OtherBytes, PortalRefused, PortalUnreachable.

        A part's answer is read when the next one is on its way: what is wrong with it may be told one part later.
        """
        part: _Part | None = self._begin(client, self.offset, self._digest)
        while part:
            ahead = None
            try:
                # A part that was not wholly sent has no hash yet behind which to go on.
                if part.digest is not None and part.end < self._size and not part.is_doubtful:
                    ahead = self._begin(client, part.end, part.digest)
                self._confirm(part, self._answer(client, part))
                if ahead:
                    ahead.is_doubtful = part.tries > 1
            except BaseException:
                for sent in filter(None, (part, ahead)):
                    sent.begun.drop()
                raise
            part = ahead if ahead or self._is_stored else self._begin(client, self.offset, self._digest)

    def _begin(self, client: PortalClient, start: int, before: Any) -> _Part:
        length = min(max(PART_BYTES, self._size // PARTS), MOST_PART_BYTES, self._size - start)
        part = _Part(self._descriptor, start, length, before)
        part.begun = client.begin(part.request(self.path, self._size))
        return part

    def _answer(self, client: PortalClient, part: _Part) -> Mapping[str, Any]:
        """Raises PortalRefused where the portal is elsewhere than behind all that it confirmed."""
        if not part.is_doubtful:
            return _told(part, part.begun.answer)
        # It came there when the one before it was not stored, or was to be stored anew: that answer is of before.
        part.begun.drop()
        return _told(part, lambda: client.send(part.request(self.path, self._size)))

    def _confirm(self, part: _Part, answer: Mapping[str, Any]) -> None:
        if not part.is_told(answer):
            raise _OtherBytes
        self.offset, self._digest = part.end, part.digest
        self._is_stored = part.end == self._size and bool(answer.get("is_stored", True))

    def _recover(self, refusal: PortalRefused) -> None:
        """The portal is elsewhere: an answer was lost, or it has forgotten. Raises what cannot be mended."""
        offset = refusal.facts.get("offset")
        if refusal.status != 409 or not isinstance(offset, int):
            raise refusal
        is_stored = bool(refusal.facts.get("is_stored"))
        # What is stored as a whole may be an earlier, shorter file of that name.
        is_earlier = is_stored and offset != self._size
        if not is_earlier and self._move_to(offset, str(refusal.facts.get("sha256"))):
            self._is_stored = is_stored
        else:
            self._step_back(str(refusal))

    def _move_to(self, offset: int, sha256: str) -> bool:
        """Continue at `offset`, forwards or backwards; False when the portal has other bytes up to there."""
        if offset > self._size:
            return False
        if offset < self.offset:
            self.offset, self._digest = 0, hashlib.sha256()
        digest = self._digest.copy()
        for block in read_blocks(self._descriptor, self.offset, offset - self.offset):
            digest.update(block)
        if digest.hexdigest() != sha256:
            return False
        self.offset, self._digest = offset, digest
        return True

    def _step_back(self, why: str) -> None:
        self._steps_back += 1
        if self._steps_back > _MOST_STEPS_BACK:
            raise ResultChanged(why)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.offset, self._digest = 0, hashlib.sha256()


def _told(part: _Part, ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The portal's answer. Where it refuses a part that it has already, that confirms it."""
    try:
        return ask()
    except PortalRefused as refusal:
        if refusal.status == 409 and part.is_told(refusal.facts):
            return refusal.facts
        raise


def read_blocks(descriptor: int, start: int, length: int) -> Iterator[bytes]:
    """Exactly these bytes. Raises ResultChanged when they are not there, Unreadable."""
    offset = start
    while offset < start + length:
        try:
            block = os.pread(descriptor, min(BLOCK, start + length - offset), offset)
        except OSError as error:
            # As an OSError it would look like a fault of the network.
            raise Unreadable(f"it cannot be read: {error.strerror}") from error
        if not block:
            raise ResultChanged("shorter than before")
        offset += len(block)
        yield block


def hash_of(descriptor: int, size: int) -> str:
    """The hash of the first `size` bytes. Raises ResultChanged, Unreadable."""
    digest = hashlib.sha256()
    for block in read_blocks(descriptor, 0, size):
        digest.update(block)
    return digest.hexdigest()
