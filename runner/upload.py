"""Bringing the result files to the portal, and the manifest that makes them count."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runner import parts
from runner.direct import Direct, NotDirect
from runner.parts import ResultChanged, Unreadable, hash_of, read_blocks
from runner.portal_client import PortalClient, PortalRefused, Request
from runner.results import Found, open_inside, refusal


@dataclass(frozen=True)
class SoFar:
    """What was kept of results before, by path. `is_all`: of other paths nothing was, as far as anybody knows."""

    kept: Mapping[str, Mapping[str, Any]]
    is_all: bool


class Uploader:
    """Uploads files below `work_dir` in constant memory. `results` is what the portal has of them.

    Of `found` those are left out that the portal could not tell from others.
    """

    def __init__(self, client: PortalClient, work_dir: Path, found: Found, run_as: int | None) -> None:
        self.results: dict[str, dict[str, Any]] = {}
        # Large files may go to the storage itself.
        self.is_direct = False
        # The script may be writing: a file that only grows is then brought as far as it had come.
        self.so_far: SoFar | None = None
        self._refused: set[str] = set()
        self._client = client
        self._found = found
        self._run_as = run_as
        # What an earlier runner brought: whole files by path, and how far it came with others.
        self._stored: dict[str, Any] = {}
        self._begun: dict[str, Any] = {}
        _leave_out_doubles(found)
        self._root = os.open(work_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    @property
    def unsent(self) -> set[str]:
        """What was tried and could not be brought whole."""
        return self._refused - self.results.keys()

    def ask_what_is_there(self) -> None:
        """After an earlier runner: nothing is sent twice. Raises PortalUnreachable, PortalRefused."""
        known = self._client.send(Request("GET", "/intake/known"))
        self._stored = {file["path"]: file for file in known.get("results", [])}
        self._begun = {file["path"]: file for file in known.get("parts", [])}

    def send_all(self) -> None:
        """Raises PortalUnreachable, and PortalRefused when the attempt's token is dead."""
        for path in list(self._found.files):
            self.send(path)

    def leave_out_rest(self, why: str) -> None:
        """What send_all did not come to is named with the reason."""
        for path in self._found.files:
            if path not in self.results and path not in self._refused:
                self._found.skip(path, why)

    def send(self, path: str) -> None:
        """One file, twice when it changed meanwhile; what cannot be sent is skipped with its reason."""
        why = "it changed while it was read"
        for _ in range(2):
            try:
                self.results[path] = self._put(path)
                return
            except ResultChanged:
                continue
            except PortalRefused as error:
                if error.status in (401, 403):
                    raise
                why = str(error.facts.get("error") or error)
                break
            except Unreadable as error:
                why = str(error)
                break
        self.results.pop(path, None)
        self._refused.add(path)
        self._found.skip(path, why)

    def close(self) -> None:
        os.close(self._root)

    def _put(self, path: str) -> dict[str, Any]:
        try:
            file = open_inside(self._root, path)
        except OSError as error:
            raise Unreadable(f"it cannot be read: {error.strerror or error}") from error
        with file:
            before = os.fstat(file.fileno())
            why = refusal(before, self._run_as)
            if why:
                raise Unreadable(why)
            sha256 = self._bring(path, file.fileno(), before.st_size)
            facts = {"path": path, "size": before.st_size, "sha256": sha256}
            after = os.fstat(file.fileno())
            if _look(before) != _look(after) and not self._is_still(facts, file.fileno(), after.st_size):
                raise ResultChanged(path)
        return facts

    def _is_still(self, facts: dict[str, Any], descriptor: int, size: int) -> bool:
        """Touched, or written: the content as it is now decides. What only got longer has not changed so far."""
        if self.so_far is not None and self._goes_on(self.so_far, facts, descriptor):
            size = facts["size"]
        return hash_of(descriptor, size) == str(facts["sha256"])

    def _goes_on(self, so_far: SoFar, facts: dict[str, Any], descriptor: int) -> bool:
        """It begins with what was kept of it. Otherwise it may be half of a new one, which must not take its place."""
        kept = so_far.kept.get(facts["path"])
        if kept is None:
            return so_far.is_all
        return kept["size"] <= facts["size"] and hash_of(descriptor, kept["size"]) == kept["sha256"]

    def _bring(self, path: str, descriptor: int, size: int) -> str:
        """The hash of what the portal has of the file then."""
        stored = self._stored.pop(path, None)
        if stored and stored["size"] == size and hash_of(descriptor, size) == stored["sha256"]:
            return str(stored["sha256"])
        if size > parts.PART_BYTES and self.is_direct and path not in self._begun:
            try:
                return Direct(path, descriptor, size).send(self._client)
            except NotDirect:
                # What one part does not reach the others do not either.
                self.is_direct = False
        if size > parts.PART_BYTES:
            large = parts.Parts(path, descriptor, size)
            large.resume(self._begun.pop(path, None))
            large.send(self._client)
            return large.sha256
        return self._send_small(path, descriptor, size)

    def _send_small(self, path: str, descriptor: int, size: int) -> str:
        body = _Body(descriptor, size)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        where = "/intake/results?path=" + quote(path, safe="")
        answer = self._client.send(Request("PUT", where, body.blocks, headers))
        if answer.get("sha256") != body.sha256:
            raise ResultChanged(path)
        return body.sha256


def _leave_out_doubles(found: Found) -> None:
    """Of files that have one name at the portal the one that is spelled so is kept, else the first."""
    first: dict[str, str] = {}
    for path in sorted(found.files, key=lambda path: path != _name_there(path)):
        kept = first.setdefault(_name_there(path), path)
        if kept != path:
            del found.files[path]
            found.skip(path, f"another file has the same name here: {kept}")


def _name_there(path: str) -> str:
    """As the portal keeps names (jobs/uploads/paths.py): letters composed, a backslash is a folder's end."""
    if not path.isascii():
        # A megabyte that most jobs do not need.
        import unicodedata

        path = unicodedata.normalize("NFC", path)
    return path.replace("\\", "/")


def _look(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_size, facts.st_mtime_ns


class _Body:
    """A small file's content, read anew for each try; its hash is taken on the way."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.sha256 = parts.EMPTY

    def blocks(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for block in read_blocks(self._descriptor, 0, self._size):
            digest.update(block)
            yield block
        self.sha256 = digest.hexdigest()
