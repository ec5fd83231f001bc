"""A large file's way to the storage itself: each part to an address that the portal signed for it."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from runner.parts import read_blocks
from runner.portal_client import PortalClient, PortalRefused, PortalUnreachable, import_http_client

MOST_TRIES = 5
PAUSE_SECONDS = 1.0
_TIMEOUT = 60.0
_MD5_LENGTH = 32


class NotDirect(Exception):
    """The storage cannot be reached from here, or does not keep what it is sent: the portal has to help."""


class Direct:
    """One file, read by its descriptor."""

    def __init__(self, path: str, descriptor: int, size: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._size = size
        self._digest = hashlib.sha256()
        # What an earlier runner brought: size and the storage's name of each part by its number.
        self._there: dict[int, tuple[int, str]] = {}

    def send(self, client: PortalClient) -> str:
        """The hash of what is stored then. Raises NotDirect, PortalUnreachable, PortalRefused, ResultChanged."""
        try:
            begun = client.post("/intake/direct/begin", {"path": self._path, "size": self._size})
            length = int(begun["part_bytes"])
            self._there = {
                int(part["number"]): (int(part["size"]), str(part["etag"])) for part in begun.get("parts", [])
            }
            etags = [
                self._part(client, begun["ticket"], number, start, min(length, self._size - start))
                for number, start in enumerate(range(0, self._size, length), 1)
            ]
            facts = {"ticket": begun["ticket"], "sha256": self._digest.hexdigest(), "etags": etags}
            client.post("/intake/direct/done", facts)
        except PortalRefused as refusal:
            if refusal.status in (404, 409):
                raise NotDirect(str(refusal)) from refusal
            raise
        return self._digest.hexdigest()

    def _part(self, client: PortalClient, ticket: str, number: int, start: int, length: int) -> str:
        trouble = ""
        if etag := self._is_there(number, start, length):
            return etag
        for count in range(MOST_TRIES):
            if count:
                if time.monotonic() > client.deadline or client.give_up():
                    raise PortalUnreachable("PUT of a part to the storage", trouble)
                time.sleep(PAUSE_SECONDS * count)
            # Asked anew for each try: an address holds for five minutes.
            url = client.post("/intake/direct/part", {"ticket": ticket, "number": number})["url"]
            body = _Body(self._descriptor, start, length, self._digest)
            try:
                status, headers = _put(url, body, length)
            except (OSError, import_http_client(url).HTTPException) as error:
                trouble = f"{type(error).__name__}: {error}"
                continue
            etag = headers.get("ETag", "")
            if status == 200 and body.is_what_came(etag):
                self._digest = body.digest
                return etag
            trouble = f"HTTP {status}"
        sys.stderr.write(f"The storage takes no part of {self._path!r}: {trouble}\n")
        raise NotDirect(trouble)

    def _is_there(self, number: int, start: int, length: int) -> str:
        """The storage's name of a part that came before and has the file's bytes; "" where it has to be sent."""
        size, etag = self._there.get(number, (0, ""))
        if size != length or len(etag.strip('"')) != _MD5_LENGTH:
            return ""
        body = _Body(self._descriptor, start, length, self._digest)
        for _ in body.blocks():
            pass
        if not body.is_what_came(etag):
            return ""
        self._digest = body.digest
        return etag


class _Body:
    """A part; its own hash and that of everything up to its end are taken on the way."""

    def __init__(self, descriptor: int, start: int, length: int, before: Any) -> None:
        self._place = (descriptor, start, length)
        self.digest = before.copy()
        self._md5 = hashlib.md5()  # noqa: S324 (how S3 names a part)

    def blocks(self) -> Iterator[bytes]:
        for block in read_blocks(*self._place):
            self.digest.update(block)
            self._md5.update(block)
            yield block

    def is_what_came(self, etag: str) -> bool:
        """A storage that encrypts names parts otherwise; then the size has to do."""
        name = etag.strip('"')
        return bool(name) and (len(name) != _MD5_LENGTH or name == self._md5.hexdigest())


def _put(url: str, body: _Body, length: int) -> tuple[int, Mapping[str, str]]:
    """To the storage, without our token: the address is its own proof."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    http = import_http_client(url)
    if scheme == "https" and not hasattr(http, "HTTPSConnection"):
        # The portal speaks plain HTTP, so ssl was left out until now.
        import importlib

        http = importlib.reload(http)
    connection = (http.HTTPSConnection if scheme == "https" else http.HTTPConnection)(host, timeout=_TIMEOUT)
    try:
        connection.request("PUT", "/" + path, body=body.blocks(), headers={"Content-Length": str(length)})
        response = connection.getresponse()
        response.read(65536)
        return response.status, dict(response.getheaders())
    finally:
        connection.close()
