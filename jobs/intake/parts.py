"""A large result file in parts: each is confirmed with the hash of all that came before it.

What is confirmed survives a cut connection, a portal that is started again and a runner that was killed: it lies
beside the storage, with a note of its size and hash, until the file is whole. Whoever sends on compares that hash
with his own file's.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

from django.http import HttpRequest

from jobs.intake.bearer import IntakeRefused, length_of
from jobs.intake.storing import check_limits, check_space, keep, no_space_is_507, result_path
from jobs.models import Artifact, Attempt
from jobs.transfers import lend_back
from jobs.uploads import incoming
from jobs.uploads.receiving import pieces_of
from jobs.uploads.write_behind import WAITING_BYTES, WriteBehind

BLOCK_BYTES = 1024 * 1024
MOST_DIGESTS = 256
# How long a part waits for the one before it, and how often it looks.
WAIT_SECONDS, LOOK_SECONDS = 5.0, 0.005
# So many may wait at once: the threads are everybody's.
_waiting = BoundedSemaphore(6)
NAME = f"{incoming.PREFIX}part-"


def take_part(
    attempt: Attempt, raw_path: str, offset: int, size: int, request: HttpRequest
) -> dict[str, Any]:
    """Store a part; how much is confirmed and its hash. With the last one the file is stored as a whole.

    Offset 0 begins anew. Raises IntakeRefused (400, 411, 413, 503, 507), and 409 with `offset` and `sha256` of what
    is confirmed when the part does not begin there; `is_stored`: as a whole file.
    """
    path, length = result_path(raw_path), length_of(request)
    if offset + length > size or (length == 0 and offset != size):
        raise IntakeRefused(400, "A part has to lie within its file; only behind its end it may be empty.")
    check_limits(attempt, path, size)
    with _locked(_place(attempt.pk, path)) as staged:
        if offset == 0:
            staged.begin(path, size)
        if (staged.confirmed.offset, staged.confirmed.size) != (offset, size):
            raise _elsewhere(attempt, path, size, staged.confirmed)
        if length:
            check_space(length)
            lend_back()
            staged.take(request, length)
        done = staged.confirmed
        if done.offset == size:
            keep(attempt, path, staged.place, {"size": size, "sha256": done.sha256})
            staged.remove()
    return {"offset": done.offset, "sha256": done.sha256}


def known(attempt: Attempt) -> dict[str, Any]:
    """What a runner that was started again need not send: whole files, and how far others came."""
    stored = Artifact.objects.filter(attempt=attempt).values("path", "size", "sha256")
    notes = [_read(place) for place in incoming.folder().glob(f"{NAME}{attempt.pk}-*.json")]
    begun = [{"path": note.path, "offset": note.offset, "sha256": note.sha256} for note in notes if note.path]
    return {"results": list(stored), "parts": begun}


def forget(attempt_id: int) -> None:
    """Remove what was begun and never became whole."""
    for place in incoming.folder().glob(f"{NAME}{attempt_id}-*"):
        place.unlink(missing_ok=True)


@dataclass(frozen=True)
class Confirmed:
    """So much of the file is here; `sha256` is that of these bytes."""

    path: str = ""
    size: int = 0
    offset: int = 0
    sha256: str = hashlib.sha256().hexdigest()


class _Staged:
    """One file on its way, held by one request at a time."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.confirmed = _read(_note_of(place))

    def begin(self, path: str, size: int) -> None:
        self.confirmed = Confirmed(path, size)

    def take(self, request: HttpRequest, length: int) -> None:
        """Read the body behind what is confirmed. Cut off, or without room, nothing of it counts."""
        digest = self._digest()
        with no_space_is_507():
            file = WriteBehind(self.place, self.confirmed.offset)
        left = length
        try:
            for piece in pieces_of(request, length, WAITING_BYTES):
                with no_space_is_507():
                    file.write(piece)
                digest.update(piece)
                left -= len(piece)
            with no_space_is_507():
                file.close()
        finally:
            with contextlib.suppress(OSError):
                file.close()
        if left:
            raise IntakeRefused(503, "The part was cut off; send it again.")
        was = self.confirmed
        self._confirm(Confirmed(was.path, was.size, was.offset + length, digest.hexdigest()), digest)

    def remove(self) -> None:
        _digests.drop(self.place)
        _note_of(self.place).unlink(missing_ok=True)
        self.place.unlink(missing_ok=True)

    def _digest(self) -> Any:
        """The hash's state after what is confirmed. Raises IntakeRefused (409) when the bytes are other ones now."""
        if digest := _digests.find(self.place, self.confirmed):
            return digest
        digest, left = hashlib.sha256(), self.confirmed.offset
        with self.place.open("rb") as file:
            while left and (block := file.read(min(left, BLOCK_BYTES))):
                digest.update(block)
                left -= len(block)
        if left or digest.hexdigest() != self.confirmed.sha256:
            # The machine lost its power before the disk had them.
            raise IntakeRefused(
                409, "The first bytes were lost; begin anew.", offset=0, sha256=Confirmed.sha256
            )
        return digest

    def _confirm(self, confirmed: Confirmed, digest: Any) -> None:
        self.confirmed = confirmed
        _digests.note(self.place, confirmed, digest)
        note = _note_of(self.place)
        partial = note.with_suffix(".new")
        with no_space_is_507():
            partial.write_text(json.dumps(vars(confirmed)), "utf-8")
            partial.replace(note)


class _Digests:
    """Hashes that go on with the next part, so that nothing is read twice: of the files that came on last."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, tuple[Confirmed, Any]] = OrderedDict()
        self._lock = Lock()

    def find(self, place: Path, confirmed: Confirmed) -> Any | None:
        with self._lock:
            known, digest = self._known.get(place, (None, None))
            return digest.copy() if digest is not None and known == confirmed else None

    def note(self, place: Path, confirmed: Confirmed, digest: Any) -> None:
        with self._lock:
            self._known[place] = (confirmed, digest)
            self._known.move_to_end(place)
            if len(self._known) > MOST_DIGESTS:
                self._known.popitem(last=False)

    def drop(self, place: Path) -> None:
        with self._lock:
            self._known.pop(place, None)


_digests = _Digests()


@contextmanager
def _locked(place: Path) -> Iterator[_Staged]:
    """The staged file in this request's hands. Raises IntakeRefused (503) while another one keeps it.

    The part behind one that is being stored is on its way already, and waits here for it.
    """
    handle = _handle_of(place)
    if handle is None and _waiting.acquire(blocking=False):
        try:
            handle = _wait_for(place)
        finally:
            _waiting.release()
    if handle is None:
        raise IntakeRefused(503, "Another request is storing this file; ask again.")
    try:
        yield _Staged(place)
    finally:
        os.close(handle)


def _wait_for(place: Path) -> int | None:
    until = time.monotonic() + WAIT_SECONDS
    while (handle := _handle_of(place)) is None and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    return handle


def _handle_of(place: Path) -> int | None:
    """The file, locked as long as this handle is open; None while another one has it."""
    with no_space_is_507():
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino == place.stat().st_ino:
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _elsewhere(attempt: Attempt, path: str, size: int, confirmed: Confirmed) -> IntakeRefused:
    """Where to go on. A file of that size that is whole already is confirmed to its end."""
    facts = {"offset": confirmed.offset, "sha256": confirmed.sha256, "is_stored": False}
    if not confirmed.offset and (whole := _whole(attempt, path, size)):
        facts = {"offset": whole.size, "sha256": whole.sha256, "is_stored": True}
    return IntakeRefused(409, "This part does not follow what is here.", **facts)


def _whole(attempt: Attempt, path: str, size: int) -> Artifact | None:
    return attempt.artifacts.filter(path=path, size=size).order_by("is_listed").first()


def _place(attempt_id: int, path: str) -> Path:
    return incoming.folder() / f"{NAME}{attempt_id}-{hashlib.sha256(path.encode()).hexdigest()[:32]}"


def _note_of(place: Path) -> Path:
    return place.with_name(place.name + ".json")


def _read(note: Path) -> Confirmed:
    try:
        return Confirmed(**json.loads(note.read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return Confirmed()
