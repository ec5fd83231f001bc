"""The mirror of a cluster, before an API server of which the test says what happens."""

import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from clusters.driver import ClusterRefused, ClusterUnreachable, DriverError
from clusters.kubernetes import mirror as mirroring
from clusters.kubernetes.api import Api
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.mirror import Mirror


class Server:
    """Lists what is in `objects`; a watch sends what is put into `events`. `answers` come before all that."""

    def __init__(self) -> None:
        self.objects: dict[str, dict] = {}
        self.version = 1
        self.events: queue.Queue = queue.Queue()
        self.answers: list[tuple[int, dict, dict]] = []
        self.requests: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server.answer(self)

            def log_message(self, *words):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def put(self, name: str, kind: str = "ADDED") -> None:
        self.version += 1
        item = {"metadata": {"name": name, "resourceVersion": str(self.version), "managedFields": ["big"]}}
        if kind == "DELETED":
            self.objects.pop(name, None)
        else:
            self.objects[name] = item
        self.events.put({"type": kind, "object": item})

    def answer(self, handler) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        self.requests.append(query)
        if self.answers:
            status, body, headers = self.answers.pop(0)
            self.send(handler, status, body, headers)
        elif query.get("watch"):
            self.stream(handler)
        else:
            metadata = {"resourceVersion": str(self.version)}
            self.send(handler, 200, {"metadata": metadata, "items": list(self.objects.values())}, {})

    def send(self, handler, status, body, headers) -> None:
        data = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def stream(self, handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while (event := self.events.get()) is not None:
            line = json.dumps(event).encode() + b"\n"
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")

    @property
    def lists(self) -> int:
        return sum("watch" not in query for query in self.requests)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.events.put(None)
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def mirror(server, monkeypatch):
    monkeypatch.setattr(mirroring, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr("clusters.kubernetes.api._ssl_context", lambda connection: None)
    api = Api(Connection(f"http://127.0.0.1:{server.http.server_port}", "", "t"))
    api._pool = urllib3.PoolManager()
    mirror = Mirror(api, {"jobs": "/jobs"}, "stellwerk/installation=i").start()
    yield mirror
    mirror.close()
    server.events.put(None)


def names(mirror) -> set[str]:
    try:
        return {item["metadata"]["name"] for item in mirror.read("jobs")}
    except DriverError:
        return set()


def until(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_comes_changes_and_goes_is_seen_without_another_list(server, mirror):
    server.objects["a"] = {"metadata": {"name": "a", "resourceVersion": "1"}}
    until(lambda: server.lists)
    server.put("b")
    until(lambda: "b" in names(mirror))
    server.put("b", "DELETED")
    until(lambda: "b" not in names(mirror))
    assert server.lists == 1
    assert server.requests[-1]["allowWatchBookmarks"] == "true"
    assert all(query["labelSelector"] == "stellwerk/installation=i" for query in server.requests)


def test_the_bookkeeping_of_fields_is_not_kept(server, mirror):
    server.put("a")
    until(lambda: names(mirror))
    (item,) = mirror.read("jobs")
    assert "managedFields" not in item["metadata"]


def test_whoever_waits_is_woken_by_news(server, mirror):
    until(lambda: server.lists and not mirror.kinds["jobs"]._trouble)
    version, began = mirror.version, time.monotonic()
    threading.Timer(0.2, server.put, ["a"]).start()
    mirror.wait(version, 20)
    assert 0.1 < time.monotonic() - began < 5
    mirror.wait(mirror.version, 0.05)


def test_an_ended_watch_goes_on_from_where_it_was(server, mirror):
    server.put("a")
    until(lambda: "a" in names(mirror))
    server.events.put(None)
    server.put("b")
    until(lambda: "b" in names(mirror))
    assert server.lists == 1


def test_a_bookmark_moves_the_place(server, mirror):
    until(lambda: server.lists)
    server.events.put({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "77"}}})
    server.events.put(None)
    until(lambda: any(query.get("resourceVersion") == "77" for query in server.requests))


def test_what_the_server_forgot_is_listed_anew(server, mirror):
    until(lambda: server.lists)
    server.objects["missed"] = {"metadata": {"name": "missed", "resourceVersion": "9"}}
    server.events.put({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}})
    server.events.put(None)
    until(lambda: "missed" in names(mirror))
    assert server.lists == 2


def test_a_list_comes_from_time_to_time_whatever_the_watch_says(server, mirror, monkeypatch):
    until(lambda: server.lists)
    monkeypatch.setattr(mirroring, "RELIST_SECONDS", 0.0)
    server.events.put({"type": "ERROR", "object": {"code": 410}})
    until(lambda: server.lists > 3)


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (401, ClusterRefused, "credentials"),
        (403, ClusterRefused, "refused"),
        (500, ClusterUnreachable, "at the moment"),
        (302, ClusterUnreachable, "redirect"),
    ],
)
def test_a_lasting_trouble_is_told_and_ends_by_itself(server, mirror, monkeypatch, status, error, says):
    monkeypatch.setattr(mirroring, "TROUBLE_SECONDS", 0.0)
    server.put("a")
    until(lambda: names(mirror))
    server.answers += [
        (status, {"message": "as the test wants it"}, {"Location": "http://127.0.0.1:1/"})
    ] * 500
    server.events.put(None)
    with pytest.raises(error, match=says):
        until(lambda: mirror.read("jobs") and False)
    server.answers.clear()
    until(lambda: names(mirror) == {"a"})


def test_a_cut_stream_is_no_trouble_worth_telling(server, mirror):
    server.put("a")
    until(lambda: names(mirror))
    server.answers.append((500, {}, {}))
    server.events.put(None)
    until(lambda: not server.answers)
    for _ in range(20):
        assert mirror.read("jobs")
        time.sleep(0.01)


def test_before_the_first_list_nothing_is_claimed(server, monkeypatch):
    api = Api(Connection("https://127.0.0.1:1", "", "t"))
    with pytest.raises(ClusterUnreachable, match="not been read"):
        Mirror(api, {"jobs": "/jobs"}, "x").read("jobs")


def test_how_long_to_wait_is_the_servers_to_say(server, mirror, monkeypatch):
    pauses = []
    until(lambda: server.lists)
    wait = mirror._closing.wait
    monkeypatch.setattr(mirror._closing, "wait", lambda seconds: (pauses.append(seconds), wait(0.01))[1])
    server.answers.append((429, {"message": "slow down"}, {"Retry-After": "7"}))
    server.events.put(None)
    until(lambda: pauses)
    assert 3.4 < pauses[0] <= 7.0
