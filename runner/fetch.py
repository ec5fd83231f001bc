"""The first stage: claim the attempt and bring its files. Nothing is started without a granted claim."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from runner.portal_client import PortalClient, PortalRefused, Request
from runner.volume import Volume

REFUSED_EXIT = 86
BLOCK = 1 << 20


class ClaimRefused(Exception):
    """Another pod holds the attempt, or it was cancelled: this pod must start nothing."""


class InputsBroken(Exception):
    """The job's files cannot be brought here as they were submitted."""


class BrokenStream(ValueError):
    """The stream ended early or differs from its hashes: worth asking again."""


def claim(client: PortalClient, volume: Volume, uid: str) -> dict[str, Any]:
    """The portal's answer, kept in claim.json. Raises ClaimRefused, PortalUnreachable."""
    try:
        answer = client.post("/intake/claim", {"uid": uid})
    except PortalRefused as refusal:
        raise ClaimRefused(f"The portal refused the claim ({refusal}); nothing was started.") from refusal
    volume.write("claim", answer)
    return answer


def fetch_inputs(
    client: PortalClient, volume: Volume, files: list[dict[str, Any]], owner: int | None
) -> None:
    """Bring all files of the claim into work/, owned by `owner`, each with the size and hash of the claim.

    Raises InputsBroken, PortalRefused, PortalUnreachable.
    """
    expected = {file["path"]: file for file in files}
    for path in expected:
        check_path(path)
    volume.make_script_dirs(owner)
    if expected:
        tries = iter(range(5))

        def read_into(response: Any) -> None:
            try:
                _unpack(response, volume.work_dir, expected, owner)
            except (BrokenStream, tarfile.TarError, EOFError) as error:
                if next(tries, None) is None:
                    raise InputsBroken(f"The job's files arrive damaged: {error}") from error
                raise BrokenStream(str(error)) from error

        client.send(Request("GET", "/intake/inputs", read_into=read_into))
    volume.write("inputs", {path: _look(volume.work_dir / path) for path in expected})


def check_path(path: str) -> None:
    """Raise InputsBroken unless `path` stays inside the directory it is joined to."""
    parts = path.split("/")
    if not path or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise InputsBroken(f"The path {path!r} is not a plain path inside the working directory.")


def _unpack(response: Any, target: Path, expected: dict[str, dict[str, Any]], owner: int | None) -> None:
    missing = set(expected)
    # Stream mode: one pass, constant memory. tarfile's extractors are not used: they honour links and modes.
    with tarfile.open(fileobj=response, mode="r|", bufsize=BLOCK) as archive:
        for member in archive:
            if member.name not in expected or not member.isreg() or member.issparse():
                raise InputsBroken(f"The portal sent {member.name!r}, which is none of the job's files.")
            content = archive.extractfile(member)
            if content is None:
                raise BrokenStream(f"{member.name!r} has no content")
            _store(content, target, expected[member.name], owner, 0o700 if member.mode & 0o100 else 0o600)
            missing.discard(member.name)
    while response.read(BLOCK):  # to the end, or the connection could not be used again
        pass
    if missing:
        raise BrokenStream(f"{len(missing)} files are missing, among them {min(missing)!r}")


def _store(content: Any, target: Path, expected: dict[str, Any], owner: int | None, mode: int) -> None:
    path = expected["path"]
    _make_parents(target, PurePosixPath(path), owner)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(target / path, flags, mode)
    except OSError as error:
        raise InputsBroken(f"The file {path!r} cannot be written here: {error.strerror}.") from error
    digest, size = hashlib.sha256(), 0
    with os.fdopen(descriptor, "wb") as file:
        for block in _blocks(content):
            digest.update(block)
            size += len(block)
            try:
                file.write(block)
            except OSError as error:
                raise InputsBroken(f"The file {path!r} cannot be written here: {error.strerror}.") from error
        if owner is not None:
            os.fchown(file.fileno(), owner, owner)
    if size != expected["size"] or digest.hexdigest() != expected["sha256"]:
        raise BrokenStream(f"{path!r} does not have the content that was submitted")


def _blocks(content: Any) -> Iterator[bytes]:
    while True:
        block = content.read(BLOCK)
        if not block:
            return
        yield block


def _make_parents(target: Path, path: PurePosixPath, owner: int | None) -> None:
    here = target
    for part in path.parts[:-1]:
        here = here / part
        try:
            here.mkdir(mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise InputsBroken(
                f"The folder of {str(path)!r} cannot be made here: {error.strerror}."
            ) from error
        if owner is not None:
            os.chown(here, owner, owner)


def _look(path: Path) -> list[int]:
    """What changes when a file's content does; the change time cannot be set back by a script."""
    facts = path.lstat()
    return [facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]
