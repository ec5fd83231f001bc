"""A client whose connection breaks, and that goes on where it was cut, as browsers and curl do."""

import http.client
from urllib.parse import urlsplit

# More than those of an answer take: who is cut there knows of no answer, and asks again.
HEADERS = 3000


class Resumer:
    """One download: `body` is what it has. `statuses` are those of all answers that it saw."""

    def __init__(self, url: str, path: str, cookie: str) -> None:
        address = urlsplit(url)
        self.host, self.port, self.path, self.cookie = address.hostname, address.port, path, cookie
        self.body, self.tag, self.size = b"", "", None
        self.statuses: list[int] = []

    def run(self, tries: int) -> bytes:
        """Ask until all of it is there."""
        for _ in range(tries):
            if self.goes_on():
                return self.body
        raise AssertionError(f"not whole after {tries} tries: {self.statuses}")

    def goes_on(self) -> bool:
        """Ask once; whether it is whole now."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request("GET", self.path, headers=self._headers())
            answer = connection.getresponse()
            self.statuses.append(answer.status)
            self._take(answer)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        return len(self.body) == self.size

    def _headers(self) -> dict[str, str]:
        asked = {"Range": f"bytes={len(self.body)}-", "If-Range": self.tag} if self.body else {}
        return {"Cookie": self.cookie, **asked}

    def _take(self, answer: http.client.HTTPResponse) -> None:
        tag, length = answer.getheader("ETag"), int(answer.getheader("Content-Length"))
        if answer.status == 206:
            assert tag == self.tag
            begin, end = len(self.body), self.size - 1
            assert answer.getheader("Content-Range") == f"bytes {begin}-{end}/{self.size}"
            assert length == self.size - begin
        else:
            assert answer.status == 200, answer.status
            assert tag.startswith('"')
            assert answer.getheader("Accept-Ranges") == "bytes"
            self.body, self.tag, self.size = b"", tag, length
        try:
            while block := answer.read1(4096):
                self.body += block
        except http.client.IncompleteRead as cut:
            self.body += cut.partial
