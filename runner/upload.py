"""Bringing the result files to the portal, and the manifest that makes them count."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runner.portal_client import PortalClient, PortalRefused, Request
from runner.results import Found, open_inside, refusal

_BLOCK = 1 << 20


class ResultChanged(Exception):
    """The file is not as long as it was, or was written while it was read."""


class Uploader:
    """Uploads files below `work_dir` in constant memory. `results` is what the portal has of them."""

    def __init__(self, client: PortalClient, work_dir: Path, found: Found, run_as: int | None) -> None:
        self.results: dict[str, dict[str, Any]] = {}
        self._client = client
        self._found = found
        self._run_as = run_as
        self._root = os.open(work_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def send_all(self) -> None:
        """Raises PortalUnreachable, and PortalRefused when the attempt's token is dead."""
        for path in list(self._found.files):
            self.send(path)

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
            except _Unreadable as error:
                why = str(error)
                break
        self.results.pop(path, None)
        self._found.skip(path, why)

    def close(self) -> None:
        os.close(self._root)

    def _put(self, path: str) -> dict[str, Any]:
        try:
            file = open_inside(self._root, path)
        except OSError as error:
            raise _Unreadable(f"it cannot be read: {error.strerror or error}") from error
        with file:
            before = os.fstat(file.fileno())
            why = refusal(before, self._run_as)
            if why:
                raise _Unreadable(why)
            body = _Body(file.fileno(), before.st_size)
            answer = self._client.send(
                Request(
                    "PUT",
                    "/intake/results?path=" + quote(path, safe=""),
                    body.blocks,
                    {"Content-Type": "application/octet-stream", "Content-Length": str(before.st_size)},
                )
            )
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise ResultChanged(path)
        if answer.get("sha256") != body.sha256:
            raise ResultChanged(path)
        return {"path": path, "size": before.st_size, "sha256": body.sha256}


class _Unreadable(Exception):
    """The file cannot be a result; the text says why."""


class _Body:
    """A file's content, read anew for each try; its hash is taken on the way."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.sha256 = hashlib.sha256().hexdigest()

    def blocks(self) -> Iterator[bytes]:
        digest, offset = hashlib.sha256(), 0
        while offset < self._size:
            try:
                block = os.pread(self._descriptor, min(_BLOCK, self._size - offset), offset)
            except OSError as error:
                # As an OSError it would look like a fault of the network.
                raise _Unreadable(f"it cannot be read: {error.strerror}") from error
            if not block:
                raise ResultChanged("shorter than before")
            digest.update(block)
            offset += len(block)
            yield block
        self.sha256 = digest.hexdigest()
