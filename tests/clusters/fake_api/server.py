"""An API server in this process, over real HTTPS: what Stellwerk asks of Kubernetes, with Kubernetes' answers.

Kept honest by tests/clusters/fake_api/api_contract.py, which a real cluster passes too.
"""

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from clusters.kubernetes.addresses import Rules
from clusters.kubernetes.api import Api
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.transport import Limits
from tests.clusters.certificates import Pair, make_pair
from tests.clusters.fake_api.acts import Acts, Call
from tests.clusters.fake_api.controllers import Controllers, Pod
from tests.clusters.fake_api.resources import RESOURCES
from tests.clusters.fake_api.rights import ADMIN, Rights
from tests.clusters.fake_api.store import Object, Refused, Store
from tests.clusters.fake_api.tls import Handler, Server

TOKEN = "fake-admin-token"
LOOPBACK = Rules(loopback=True)


@dataclass(frozen=True)
class Request:
    """What came, for tests to count."""

    method: str
    path: str
    query: dict[str, str] = field(hash=False)
    user: str = ""

    @property
    def is_watch(self) -> bool:
        return bool(self.query.get("watch"))


class FakeApi:
    """A cluster with the node "node-1" and the namespaces default and kube-system. Stop it at the end.

    `tokens` says whose a token is; tokens of service accounts are known by themselves. `answers` are given before
    anything else: (status, body, headers), one for each request that `scripted` accepts.
    """

    def __init__(self, client_ca: str = "", version: str = "v1.36.0") -> None:
        self.version = version
        self.store = Store()
        self.controllers = Controllers(self.store)
        self.rights = Rights(self.store)
        self.acts = Acts(self.store, self.controllers, self.rights)
        self.tokens = {TOKEN: ADMIN}
        self.requests: list[Request] = []
        self.answers: list[tuple[int, Object, dict[str, str]]] = []
        self.scripted: Callable[[Request], bool] = lambda request: True
        self.bookmark_seconds = 60.0
        self._lock = threading.Lock()
        self.pair: Pair = make_pair()
        for name in ("default", "kube-system"):
            self.store.create(RESOURCES["namespaces"], "", {"metadata": {"name": name}})
        self.add_node("node-1")
        self.server = Server(type("FakeApiHandler", (_Handler,), {"fake": self}), self.pair, client_ca)

    def stop(self) -> None:
        self.store.close()
        self.server.stop()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.server_port}"

    def connection(self, token: str = TOKEN) -> Connection:
        return Connection(self.url, self.pair.ca, token)

    def api(self, token: str = TOKEN, limits: Limits | None = None) -> Api:
        """A client of its own. Close it."""
        return Api(self.connection(token), limits=limits, rules=LOOPBACK)

    def add_node(self, name: str, status: Object | None = None, **metadata) -> None:
        """With 8 cores and 32 GiB, unless `status` says otherwise."""
        amounts = {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        given = {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}
        node = {"metadata": {"name": name, **metadata}, "spec": {}, "status": {**given, **(status or {})}}
        self.store.create(RESOURCES["nodes"], "", node)

    def add_namespace(self, name: str, **metadata) -> None:
        self.store.create(RESOURCES["namespaces"], "", {"metadata": {"name": name, **metadata}})

    def pods(self, namespace: str = "") -> list[Pod]:
        """In the order in which they were made."""
        found = self.store.all("pods", namespace)
        found.sort(key=lambda item: int(item["metadata"]["resourceVersion"]))
        return [Pod(self.store, item["metadata"]["namespace"], item["metadata"]["name"]) for item in found]

    def pod_of(self, job: str) -> Pod:
        """The only pod of a Job."""
        (found,) = [pod for pod in self.pods() if pod.key[2].startswith(f"{job}-")]
        return found

    def user_of(self, token: str) -> str | None:
        """None for a token that nobody has."""
        if token in self.tokens:
            return self.tokens[token]
        for secret in self.store.all("secrets"):
            if (secret.get("data") or {}).get("token") == base64.b64encode(token.encode()).decode():
                account = secret["metadata"]["annotations"]["kubernetes.io/service-account.name"]
                return f"system:serviceaccount:{secret['metadata']['namespace']}:{account}"
        return None

    def note(self, request: Request) -> tuple[int, Object, dict[str, str]] | None:
        """Remember it; the scripted answer, if there is one for it."""
        with self._lock:
            self.requests.append(request)
            if self.answers and self.scripted(request):
                return self.answers.pop(0)
        return None


class _Handler(Handler):
    fake: FakeApi

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _answer(self) -> None:
        body = self.read_body()
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        user = self._user()
        scripted = self.fake.note(Request(self.command, parts.path, query, user or ""))
        if scripted is not None:
            status, told, headers = scripted
            return self.send(status, json.dumps(told).encode(), headers)
        try:
            if user is None:
                raise Refused(401, "Unauthorized", "Unauthorized")
            if parts.path == "/version":
                major, minor, _ = self.fake.version.removeprefix("v").split(".")
                told = {"major": major, "minor": minor, "gitVersion": self.fake.version}
                return self.send(200, json.dumps(told).encode())
            content = json.loads(body) if body else {}
            call = Call(self.command, parts.path, query, content, user)
            if query.get("watch") in ("1", "true"):
                return self._watch(call)
            status, answer = self.fake.acts.answer(call)
        except Refused as refused:
            status, answer = refused.code, refused.status
        if isinstance(answer, str):
            return self.send(status, answer.encode(), {"Content-Type": "text/plain"})
        return self.send(status, json.dumps(answer).encode())

    def _user(self) -> str | None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token:
            return self.fake.user_of(token)
        certificate = self.connection.getpeercert()
        names = dict(pair[0] for pair in (certificate or {}).get("subject", ()))
        return names.get("commonName")

    def _watch(self, call: Call) -> None:
        """Events, bookmarks, and the end after timeoutSeconds."""
        events = self.fake.acts.watch(call)
        first = next(events)
        self.begin_stream()
        end = time.monotonic() + float(call.query.get("timeoutSeconds") or 1800)
        has_bookmarks = call.query.get("allowWatchBookmarks") == "true"
        bookmark_at = time.monotonic() + self.fake.bookmark_seconds
        event = first
        try:
            while not self.fake.store.is_closed:
                if isinstance(event, dict):
                    self._send_event(event)
                elif isinstance(event, int):
                    is_over = time.monotonic() >= end
                    if has_bookmarks and (is_over or time.monotonic() >= bookmark_at):
                        bookmark_at = time.monotonic() + self.fake.bookmark_seconds
                        self._send_event(self.fake.acts.bookmark(call, event))
                    if is_over:
                        break
                event = next(events, 0)
            self.chunk(b"")
        except Refused as refused:
            self._send_event({"type": "ERROR", "object": refused.status})
            self.chunk(b"")

    def _send_event(self, event: Object) -> None:
        self.chunk(json.dumps(event).encode() + b"\n")
