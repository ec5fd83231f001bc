"""The API of one cluster in raw JSON: everything has a deadline and a limit, refusals have a status and a reason.

The hot path does without the official client's models (4 to 9 times the cost). Retry-After, a rate limit and a
breaker belong to the API server (pace.py), renewed credentials to the caller (credentials.py).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import urllib3

from clusters.driver import AdminFirst, ClusterRefused, ClusterUnreachable, DriverError, WorkInvalid
from clusters.kubernetes.addresses import Rules, rules_of_settings
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.credentials import Credentials, Fixed
from clusters.kubernetes.pace import Breaker, Pace
from clusters.kubernetes.transport import Deadline, Limits, Transport, Untrusted

PAGE = 500
# A list that goes on for longer than this many pages never ends.
MOST_PAGES = 400
LONGEST_MESSAGE = 2000
# JSON may hold what neither a database nor a page can: NUL and halves of characters.
_UNPRINTABLE = re.compile(rb"\\u(?:0000|[dD][89abAB])")


class ApiRefused(Exception):
    """The API server said no. `reason` is Kubernetes' word for machines, such as AlreadyExists or Forbidden."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(status, reason, message, retry_after)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message or self.reason or f"HTTP {self.status}"

    def in_our_words(self, what: str) -> DriverError:
        """As the driver protocol says it: who can act, and a sentence. `what` was to be read or made."""
        if self.status in (408, 409, 425, 429) or self.status >= 500:
            return ClusterUnreachable(f"The cluster cannot act on {what} at the moment: {self}")
        if self.status == 401:
            return AdminFirst(
                f"The cluster does not accept the portal's credentials ({self}). "
                "Give it new ones on the cluster's page; no job is lost meanwhile."
            )
        if self.status in (400, 422):
            return WorkInvalid(f"The cluster does not accept {what}: {self}")
        return ClusterRefused(f"The cluster refused {what}: {self}")


class Api:
    """One API server, spoken to as one account. Safe to share between threads.

    With an `identity` (the UID of kube-system) nothing is ever sent to another cluster at the same address.

    All calls raise ApiRefused, ClusterUnreachable and AdminFirst, none of which holds a secret.
    """

    def __init__(
        self,
        credentials: Connection | Credentials,
        pace: Pace | None = None,
        limits: Limits | None = None,
        rules: Rules | None = None,
        identity: str = "",
    ) -> None:
        self.limits = limits or Limits()
        self._credentials = Fixed(credentials) if isinstance(credentials, Connection) else credentials
        self._pace = pace or Pace()
        self._breaker = Breaker()
        self._rules = rules or rules_of_settings()
        self._known = self._credentials.connection()
        self._identity = identity
        self._transport = Transport(self._known, self._rules, self.limits, identity)

    @property
    def server(self) -> str:
        """The API address."""
        return self._transport.server

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """One object, or one page."""
        return self.call("GET", path, query)

    def list(self, path: str, query: Mapping[str, str | int] | None = None) -> Iterator[dict[str, Any]]:
        """The pages of a list, each as the API server sends it: {"metadata", "items"}."""
        more = {"limit": PAGE, **(query or {})}
        for _ in range(MOST_PAGES):
            page = self.get(path, more)
            yield page
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            more["continue"] = str(token)
        raise ClusterUnreachable(f"{self.server} sends a list without an end.")

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make an object."""
        return self.call("POST", path, body=body)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON merge patch (RFC 7386)."""
        return self.call("PATCH", path, body=body, content_type="application/merge-patch+json")

    def delete(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """`body`: DeleteOptions."""
        return self.call("DELETE", path, body=body)

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """The answer's JSON object, within `limits.answer_seconds`, the wait for one's turn aside."""
        url = path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        return _object(self._known_to_the_server(method, url, data, content_type))

    def text(self, path: str, query: Mapping[str, str | int] | None = None) -> str:
        """What is no JSON: the log of a container. Bytes that are no UTF-8 are replaced."""
        url = path + (f"?{urlencode(query)}" if query else "")
        return (
            self._known_to_the_server("GET", url, None, "").decode("utf-8", "replace").replace("\0", "\ufffd")
        )

    def watch(
        self,
        path: str,
        query: Mapping[str, str | int],
        quiet_seconds: float,
        opened: Callable[[Deadline], None] = lambda stream: None,
    ) -> Iterator[dict[str, Any]]:
        """The events of a watch until the server ends it; `quiet_seconds` without a whole one: it is dead.

        `opened` is called when the server has agreed, which may be long before the first event, with what can `cut` it.
        """
        url = f"{path}?{urlencode({**query, 'watch': '1'})}"
        who = self._credentials.headers()
        try:
            yield from self._events(url, who, quiet_seconds, opened)
        except (ApiRefused, Untrusted) as error:
            if not self._has_others(error, who):
                raise
        else:
            return
        yield from self._events(url, self._credentials.headers(), quiet_seconds, opened)

    def close(self) -> None:
        """Let go of idle connections."""
        self._transport.close()

    def _has_others(self, error: Exception, who: Mapping[str, str]) -> bool:
        """Whether trying once more makes sense: with other credentials, or with a CA that was renewed in its file."""
        if isinstance(error, ApiRefused):
            return error.status == 401 and self._credentials.renew(who)
        known = self._credentials.connection()
        if known == self._known:
            return False
        self._known = known
        self._transport = Transport(known, self._rules, self.limits, self._identity)
        return True

    def _known_to_the_server(self, method: str, url: str, body: bytes | None, content_type: str) -> bytes:
        content = {} if body is None else {"Content-Type": content_type}
        who = self._credentials.headers()
        try:
            return self._exchange(method, url, body, {**content, **who})
        except (ApiRefused, Untrusted) as error:
            if not self._has_others(error, who):
                raise
        return self._exchange(method, url, body, {**content, **self._credentials.headers()})

    def _exchange(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        with self._pace.running(), self._asking():
            deadline = Deadline(self.limits.answer_seconds)
            with self._transport.answer(method, url, body, headers, deadline) as answer:
                data = answer.read(self.limits.largest_answer + 1, decode_content=False)
                if len(data) > self.limits.largest_answer:
                    raise ClusterUnreachable(
                        f"{self.server} sent an answer of more than {self.limits.largest_answer} bytes."
                    )
                answer.drain_conn()
        return self._checked(answer, data)

    def _events(
        self, url: str, headers: Mapping[str, str], quiet_seconds: float, opened: Callable[[Deadline], None]
    ) -> Iterator[dict[str, Any]]:
        with self._asking():
            deadline = Deadline(min(quiet_seconds, self.limits.answer_seconds))
            answering = self._transport.answer("GET", url, None, headers, deadline)
            answer = answering.__enter__()
        with _leaving(answering):
            if answer.status != 200:
                self._checked(answer, answer.read(self.limits.largest_event, decode_content=False))
            deadline.extend(quiet_seconds)
            opened(deadline)
            for line in self._lines(answer):
                deadline.extend(quiet_seconds)
                yield _object(line)

    def _lines(self, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        rest = b""
        for piece in answer.stream(64 * 1024, decode_content=False):
            lines = (rest + piece).split(b"\n")
            rest = lines.pop()
            if len(rest) > self.limits.largest_event:
                raise ClusterUnreachable(
                    f"{self.server} sent an event of more than {self.limits.largest_event} bytes."
                )
            yield from (line for line in lines if line.strip())

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """When it is our turn, and if the server is there at all."""
        self._breaker.check()
        self._pace.take()
        try:
            yield
        except ClusterUnreachable as error:
            self._breaker.failed(str(error))
            raise
        self._breaker.answered()

    def _checked(self, answer: urllib3.BaseHTTPResponse, data: bytes) -> bytes:
        """The data of an answer that is none of the server's refusals."""
        if 200 <= answer.status < 300:
            return data
        if 300 <= answer.status < 400:
            raise ClusterUnreachable(
                f"{self.server} sends us elsewhere (a redirect), which is not followed. "
                "Give the address of the API server itself."
            )
        try:
            facts = _object(data)
        except ClusterUnreachable:
            facts = {}
        retry_after = _retry_after(answer)
        if answer.status == 429 or (answer.status == 503 and retry_after is not None):
            self._pace.pause(retry_after)
        message = _plain(str(facts.get("message") or data[:300].decode("utf-8", "replace")))
        raise ApiRefused(answer.status, _plain(str(facts.get("reason") or "")), message, retry_after)


@contextmanager
def _leaving(answering: AbstractContextManager[Any]) -> Iterator[None]:
    """The second half of a context that was entered before: its errors and its end."""
    with ExitStack() as stack:
        stack.push(answering)
        yield


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode())
    except (ValueError, RecursionError):
        raise ClusterUnreachable(
            "What the API server sent is no JSON; is there a proxy between, or is it another kind of server?"
        ) from None
    if not isinstance(found, dict):
        raise ClusterUnreachable("What the API server sent is no object.")
    return _printable(found) if _UNPRINTABLE.search(data) else found


def _printable(value: Any) -> Any:
    """Without what no database takes."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_printable(each) for each in value]
    if isinstance(value, dict):
        return {_printable(name): _printable(each) for name, each in value.items()}
    return value


def _plain(text: str) -> str:
    """What a stranger's server says, as one line that may be shown."""
    shown = "".join(each if each.isprintable() else " " for each in text[: LONGEST_MESSAGE * 2])
    return " ".join(shown.split())[:LONGEST_MESSAGE]


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    """Seconds; a server may also say it as a date (RFC 9110)."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
