"""HTTP to the portal's intake: kept-alive connections, timeouts everywhere, patient where time heals.

Every call of the intake may be repeated, so a lost answer is repaired by asking again.
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SECURE = "https:"
LONGEST_PAUSE = 5.0
RETRIED = frozenset({408, 425, 429})


def import_http_client(url: str) -> Any:
    """http.client, without ssl (13 ms and 4 MB of each running job) where the portal speaks plain HTTP."""
    if not url.lower().startswith(SECURE) and "ssl" not in sys.modules:
        sys.modules["ssl"] = None  # type: ignore[assignment]
        try:
            import http.client
        finally:
            del sys.modules["ssl"]
    import http.client

    return http.client


class PortalRefused(Exception):
    """The portal answered with a 4xx: asking again would not help."""

    def __init__(self, status: int, facts: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {facts.get('error', 'refused')}")
        self.status = status
        self.facts = facts


class PortalUnreachable(Exception):
    """No usable answer until the deadline, or the caller no longer wants one. `trouble` is what the last try met."""

    def __init__(self, asked: str, trouble: str = "") -> None:
        super().__init__(f"{asked}: {trouble}" if trouble else asked)
        self.trouble = trouble or asked


@dataclass
class Request:
    """`body` is called once per try, so that a retry sends the content from its beginning."""

    method: str
    path: str
    body: Callable[[], Iterable[bytes]] | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    read_into: Callable[[Any], None] | None = None


@dataclass
class _Asked:
    """A request that was sent; its answer is still to be read. `is_reused`: the portal may have closed it before."""

    connection: Any
    is_reused: bool


class Begun:
    """A request under way."""

    def __init__(self, client: PortalClient, request: Request, asked: _Asked | None) -> None:
        self._client = client
        self._request = request
        self._asked = asked

    def answer(self) -> dict[str, Any]:
        """As `send`; once. A request that did not arrive is sent again."""
        asked, self._asked = self._asked, None
        return self._client.settle(self._request, asked)

    def drop(self) -> None:
        """Its answer does not matter any more, nor whether it arrives."""
        if self._asked:
            self._asked.connection.close()


class PortalClient:
    """Speaks for one attempt; not shared between threads."""

    def __init__(
        self,
        url: str,
        token: str,
        deadline: float,
        give_up: Callable[[], bool] = lambda: False,
        timeout: float = 30.0,
    ) -> None:
        """`deadline` (of time.monotonic()) is when tries end; `give_up` is asked before each retry."""
        self._http = import_http_client(url)
        self._url = url
        scheme, _, rest = url.partition("://")
        self._secure = scheme.lower() == "https"
        self._host, _, prefix = rest.partition("/")
        self._prefix = ("/" + prefix.strip("/")) if prefix.strip("/") else ""
        self._token = token
        self._timeout = timeout
        # Those that no request is under way on.
        self._idle: list[Any] = []
        self.is_hasty = False
        self.deadline = deadline
        self.give_up = give_up

    def twin(self, give_up: Callable[[], bool]) -> PortalClient:
        """Another one for the same attempt, for another thread. Told to give up, it begins no further request."""
        other = PortalClient(self._url, self._token, math.inf, give_up, self._timeout)
        other.is_hasty = True
        return other

    def post(self, path: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """POST of JSON. Raises PortalRefused, PortalUnreachable."""
        body = json.dumps(facts).encode()
        return self.send(Request("POST", path, body, {"Content-Type": "application/json"}))

    def send(self, request: Request) -> dict[str, Any]:
        """The answer's JSON ({} when `read_into` takes the body). Raises PortalRefused, PortalUnreachable.

        `read_into` gets the response of a 200; a ValueError or OSError from it repeats the request.
        """
        self._check_haste(request)
        return self.settle(request, None)

    def begin(self, request: Request) -> Begun:
        """Send it once, on a connection of its own: its answer is read later, and meanwhile another one may be sent.

        Raises PortalUnreachable, and what the body raises that is no fault of the network.
        """
        self._check_haste(request)
        try:
            return Begun(self, request, self._ask(request))
        except (OSError, self._http.HTTPException):
            return Begun(self, request, None)

    def _check_haste(self, request: Request) -> None:
        if self.is_hasty and self.give_up():
            raise PortalUnreachable(request.method, "never tried")

    def settle(self, request: Request, asked: _Asked | None) -> dict[str, Any]:
        """The answer to what was asked already, or to what is asked now; again until there is one."""
        pause, trouble = 0.1, "never tried"
        while True:
            try:
                status, facts = self._try(request, asked)
            except (OSError, self._http.HTTPException, ValueError) as error:
                self.close()
                trouble = f"{type(error).__name__}: {error}"
            else:
                if 200 <= status < 300:
                    return facts
                if status < 500 and status not in RETRIED:
                    raise PortalRefused(status, facts)
                trouble = f"HTTP {status}: {facts.get('error', '')}"
            self._rest(request, pause, trouble)
            pause, asked = min(pause * 2, LONGEST_PAUSE), None

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _rest(self, request: Request, pause: float, trouble: str) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0 or self.give_up():
            raise PortalUnreachable(f"{request.method} {request.path.partition('?')[0]}", trouble)
        # Full jitter: fifty jobs that lost the same portal must not come back in the same moment.
        end = time.monotonic() + min(left, pause * random.uniform(0.5, 1.0))  # noqa: S311
        while time.monotonic() < end and not self.give_up():
            time.sleep(min(0.1, max(0.0, end - time.monotonic())))

    def _try(self, request: Request, asked: _Asked | None) -> tuple[int, dict[str, Any]]:
        asked = asked or self._ask(request)
        try:
            response = _response(asked)
        except (ConnectionError, self._http.BadStatusLine):
            if not asked.is_reused:
                raise
            # A kept-alive connection that the server closed meanwhile is no fault: ask again at once.
            self.close()
            asked = self._ask(request)
            response = _response(asked)
        try:
            if request.read_into is not None and response.status == 200:
                request.read_into(response)
                return response.status, {}
            return response.status, _facts(response.read(), response.status)
        finally:
            if response.will_close or not response.isclosed():
                asked.connection.close()
            else:
                self._idle.append(asked.connection)

    def _ask(self, request: Request) -> _Asked:
        asked = self._connect()
        headers = {"Authorization": "Bearer " + self._token, **request.headers}
        body = request.body() if callable(request.body) else request.body
        try:
            asked.connection.request(request.method, self._prefix + request.path, body=body, headers=headers)
        except (BrokenPipeError, ConnectionResetError):
            # The portal may have refused a body before its end: its answer says why.
            return asked
        except BaseException:
            asked.connection.close()
            raise
        return asked

    def _connect(self) -> _Asked:
        if self._idle:
            return _Asked(self._idle.pop(), is_reused=True)
        kind = self._http.HTTPSConnection if self._secure else self._http.HTTPConnection
        return _Asked(kind(self._host, timeout=self._timeout), is_reused=False)


def _response(asked: _Asked) -> Any:
    try:
        return asked.connection.getresponse()
    except BaseException:
        asked.connection.close()
        raise


def _facts(body: bytes, status: int) -> dict[str, Any]:
    """A 2xx must be JSON (a proxy's page is no answer of the portal); of an error the text is enough."""
    try:
        facts = json.loads(body)
    except ValueError:
        if 200 <= status < 300:
            raise
        return {"error": body[:200].decode("utf-8", "replace")}
    return facts if isinstance(facts, dict) else {"error": str(facts)[:200]}
