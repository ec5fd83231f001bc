"""An intake over real HTTP that keeps docs/architecture.md to the letter, with faults on demand."""

import contextlib
import hashlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.runner.stub_answers import input_tar, known_of, so_far

MIB = 1 << 20
REASONS = {"", "time_limit", "out_of_memory", "stopped", "cpu_limit", "file_limit"}


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose path starts with `path`.

    kind: "500"; "reset" = the connection dies unanswered; "drop" = processed, but the answer is lost;
    "page" = a proxy's HTML with status 200; "cut" = half of the answer's body; an int = that status.
    """

    path: str
    kind: str | int
    times: int = 1


@dataclass
class Attempt:
    """What the portal would know of one attempt."""

    command: list
    files: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    limits: dict = field(
        default_factory=lambda: {"output_bytes": 1 << 40, "result_bytes": 1 << 40, "result_files": 10_000}
    )
    time_limit_seconds: int = 60
    grace_seconds: int = 2
    result_wait_seconds: float = 3600
    watched: bool = True
    executable: set = field(default_factory=set)
    job: int = 7
    number: int = 1
    uid: str | None = None
    cancelled: bool = False
    claims: list = field(default_factory=list)
    started: list = field(default_factory=list)
    output: dict = field(default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()})
    written: dict = field(default_factory=lambda: {"stdout": 0, "stderr": 0})
    holes: dict = field(default_factory=lambda: {"stdout": [], "stderr": []})
    tails: dict = field(default_factory=lambda: {"stdout": None, "stderr": None})  # (place, bytes)
    knows_tails: bool = True
    knows_turns: bool = True
    chunks: list = field(default_factory=list)  # (stream, offset, length, time)
    ended: list = field(default_factory=list)
    results: dict = field(default_factory=dict)
    parts: dict = field(default_factory=dict)
    kept: list = field(default_factory=list)
    forget_results: int = 0
    collected: list = field(default_factory=list)

    @property
    def is_collected(self) -> bool:
        return bool(self.collected)


class StubIntake:
    """One server for any number of attempts, told apart by token."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host = host
        self.witnessed: list[str] = []
        self.attempts: dict[str, Attempt] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.violations: list[str] = []
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.connections: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self.port = port
        self.start()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        intake = self

        class Handler(_Handler):
            stub = intake

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, address):
                pass

        self._server = Server((self.host, self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """As a portal that is down: no listener, and its connections are dead."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self.lock:
            for connection in list(self.connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def wait(self, condition, timeout: float = 15.0) -> None:
        """Until `condition()` is true; looked at after each request."""
        end = time.monotonic() + timeout
        with self.changed:
            while not condition():
                left = end - time.monotonic()
                assert left > 0, f"waited in vain; requests: {self.requests[-20:]}"
                self.changed.wait(min(left, 0.2))

    def fault_for(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and path.startswith(fault.path):
                fault.times -= 1
                return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stub: StubIntake

    def setup(self):
        super().setup()
        with self.stub.lock:
            self.stub.connections.add(self.connection)

    def finish(self):
        with self.stub.lock:
            self.stub.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self._handle()

    do_POST = do_PUT = do_GET

    def _handle(self):
        url = urlsplit(self.path)
        query = {
            key: values[0] for key, values in parse_qs(url.query, strict_parsing=bool(url.query)).items()
        }
        length = int(self.headers.get("Content-Length") or 0)
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            self.stub.violations.append("a chunked body")
        fault = self.stub.fault_for(url.path)
        if fault and fault.kind == "reset":
            self.close_connection = True
            self.connection.close()
            return
        body = self.rfile.read(length)
        if len(body) < length:  # The runner was killed in the middle: there is nobody to answer.
            self.close_connection = True
            return
        if fault and (fault.kind == "500" or isinstance(fault.kind, int)):
            self._answer(int(fault.kind), {"error": "as the test wanted it"})
            return
        with self.stub.changed:
            self.stub.requests.append((self.command, self.path))
            status, answer = self._route(url.path, query, body)
            self.stub.changed.notify_all()
        if fault and fault.kind == "drop":
            self.close_connection = True
            self.connection.close()
        elif fault and fault.kind == "page":
            self._send(200, b"<html>starting</html>", "text/html")
        elif isinstance(answer, bytes):
            self._send(status, answer, "application/x-tar", cut=bool(fault and fault.kind == "cut"))
        else:
            self._answer(status, answer)

    def _answer(self, status, facts):
        self._send(status, json.dumps(facts).encode(), "application/json")

    def _send(self, status, body, kind, cut=False):
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
        except OSError:
            self.close_connection = True
        if cut:
            self.close_connection = True

    def _route(self, path, query, body):
        if path.startswith("/witness/"):
            self.stub.witnessed.append(path.removeprefix("/witness/"))
            return 200, {}
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        attempt = self.stub.attempts.get(token)
        if attempt is None:
            return 401, {"error": "unknown token"}
        if path == "/intake/output":
            return self._turns(attempt, query, body)
        if path.startswith("/intake/output/"):
            return self._output(attempt, path.rpartition("/")[2], query, body)
        if path == "/intake/inputs":
            return 200, input_tar(attempt)
        if path == "/intake/results":
            if "offset" in query:
                return self._part(attempt, query["path"], int(query["offset"]), int(query["size"]), body)
            return self._result(attempt, query["path"], body)
        if path == "/intake/known":
            return 200, known_of(attempt)
        name = path.removeprefix("/intake/")
        return getattr(self, "_" + name)(attempt, json.loads(body))

    def _claim(self, attempt, facts):
        attempt.claims.append(facts["uid"])
        if attempt.cancelled or attempt.uid not in (None, facts["uid"]):
            return 409, {"error": "another pod has it"}
        attempt.uid = facts["uid"]
        files = [
            {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for path, data in attempt.files.items()
        ]
        return 200, {
            "job": attempt.job,
            "attempt": attempt.number,
            "command": attempt.command,
            "environment": attempt.environment,
            "time_limit_seconds": attempt.time_limit_seconds,
            "grace_seconds": attempt.grace_seconds,
            "result_wait_seconds": attempt.result_wait_seconds,
            "files": files,
            "limits": attempt.limits,
        }

    def _started(self, attempt, facts):
        self._check(facts["uid"] == attempt.uid, "started by another uid")
        attempt.started.append(time.monotonic())
        return 200, {}

    def _output(self, attempt, stream, query, body):
        if "tail" in query and attempt.knows_tails:
            return self._tail(attempt, stream, int(query["tail"]), body)
        if "offset" not in query:
            return 400, {"error": "Output goes to stdout or stderr, at an offset."}
        log, offset = attempt.output[stream], int(query["offset"])
        attempt.written[stream] = max(attempt.written[stream], int(query["written"]))
        self._check(bool(attempt.started), "output before started")
        self._check(len(body) <= attempt.limits.get("chunk_bytes", MIB), f"a chunk of {len(body)} bytes")
        if "hole" in query:
            at, size, why = query["hole"].split(",")
            hole = [int(at), int(size), why]
            self._check(hole[0] <= offset, "a hole behind the chunk")
            if hole not in attempt.holes[stream]:
                self._check(hole[0] == len(log), f"a hole at {at} of {len(log)}")
                attempt.holes[stream].append(hole)
        self._check(self.headers["X-Content-SHA256"] == hashlib.sha256(body).hexdigest(), "a chunk's hash")
        if offset > len(log):
            return 409, {"size": len(log)}
        if log[offset : offset + len(body)] != body[: len(log) - offset]:
            self.stub.violations.append(f"other bytes at {offset} of {stream}")
            return 409, {"size": len(log)}
        if offset + len(body) > len(log):
            del log[offset:]
            log += body
            attempt.chunks.append((stream, offset, len(body), time.monotonic()))
        return 200, {"size": len(log), "watched": attempt.watched, "holes": attempt.holes[stream]}

    def _turns(self, attempt, query, body):
        if not attempt.knows_turns:
            return 404, {"error": "There is no such call."}
        at = {stream: int(query[stream]) for stream in attempt.output}
        self._check(self.headers["X-Content-SHA256"] == hashlib.sha256(body).hexdigest(), "the turns' hash")
        self._check(bool(attempt.started), "output before started")
        for turn in query["turns"].split(","):
            number, size = map(int, turn.split(":"))
            stream, piece, body = ("stdout", "stderr")[number], body[:size], body[size:]
            log, offset = attempt.output[stream], at[stream]
            if offset > len(log) or log[offset : offset + size] != piece[: len(log) - offset]:
                return 409, {"sizes": {name: len(log) for name, log in attempt.output.items()}}
            if offset + size > len(log):
                del log[offset:]
                log += piece
                attempt.chunks.append((stream, offset, size, time.monotonic()))
            at[stream] += size
        self._check(not body, "more than its turns")
        sizes = {name: len(log) for name, log in attempt.output.items()}
        return 200, {"sizes": sizes, "watched": attempt.watched}

    def _tail(self, attempt, stream, at, body):
        self._check(0 < len(body) <= 65536, f"a tail of {len(body)} bytes")
        self._check(self.headers["X-Content-SHA256"] == hashlib.sha256(body).hexdigest(), "a tail's hash")
        self._check(not attempt.ended, "a tail after the end")
        attempt.tails[stream] = (at, body)
        attempt.written[stream] = max(attempt.written[stream], at + len(body))
        size = len(attempt.output[stream])
        return 200, {"size": size, "watched": attempt.watched, "holes": attempt.holes[stream]}

    def _ended(self, attempt, facts):
        expected = {
            "uid",
            "exit_code",
            "signal",
            "reason",
            "message",
            "started_at",
            "ended_at",
            "stdout_size",
            "stderr_size",
        }
        self._check(set(facts) == expected, f"ended with {sorted(facts)}")
        self._check(facts["reason"] in REASONS, f"the reason {facts['reason']}")
        attempt.ended.append(facts)
        return 200, {}

    def _result(self, attempt, path, body):
        if path.startswith("/") or ".." in path.split("/") or "\n" in path:
            return 400, {"error": "a bad path"}
        attempt.results[path] = body
        return 200, {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}

    def _part(self, attempt, path, offset, size, body):
        begun = attempt.parts.setdefault(path, bytearray())
        if offset == 0:
            begun.clear()
        if offset != len(begun):
            whole = attempt.results.get(path)
            has = begun if begun or whole is None else whole
            return 409, {"error": "elsewhere", "is_stored": has is whole, **so_far(has)}
        begun += body
        if len(begun) == size:
            attempt.results[path] = bytes(attempt.parts.pop(path))
        return 200, so_far(begun)

    def _kept(self, attempt, facts):
        self._check(set(facts) == {"uid", "results", "changing"}, f"kept {sorted(facts)}")
        hashes = {path: hashlib.sha256(data).hexdigest() for path, data in attempt.results.items()}
        told = [(result["path"], result["sha256"]) for result in facts["results"]]
        if missing := [path for path, sha256 in told if hashes.get(path) != sha256]:
            return 409, {"missing": missing}
        before = attempt.kept[-1] if attempt.kept else {}
        stay = {path: before[path] for path in facts["changing"] if path in before}
        attempt.kept.append(stay | {path: attempt.results[path] for path, _ in told})
        return 200, {}

    def _collected(self, attempt, facts):
        self._check(
            set(facts) == {"uid", "stdout", "stderr", "results", "skipped", "versions"},
            f"collected {sorted(facts)}",
        )
        while attempt.forget_results and attempt.results:
            attempt.forget_results -= 1
            attempt.results.pop(next(iter(attempt.results)))
        missing = [
            result["path"]
            for result in facts["results"]
            if hashlib.sha256(attempt.results.get(result["path"], b"?")).hexdigest() != result["sha256"]
        ]
        sizes = {stream: len(attempt.output[stream]) for stream in ("stdout", "stderr")}
        if missing or any(facts[stream]["size"] != size for stream, size in sizes.items()):
            return 409, {
                "missing": missing,
                "stdout_size": sizes["stdout"],
                "stderr_size": sizes["stderr"],
            }
        for stream in sizes:
            told, real = facts[stream]["sha256"], hashlib.sha256(attempt.output[stream]).hexdigest()
            self._check(told == real, f"the hash of {stream}")
            self._check(facts[stream]["holes"] == attempt.holes[stream], f"the holes of {stream}")
            left_out = sum(size for _, size, _ in attempt.holes[stream])
            self._check(facts[stream]["written"] == sizes[stream] + left_out, f"the length of {stream}")
        attempt.collected.append(facts)
        return 200, {}

    def _check(self, is_kept, violation):
        if not is_kept:
            self.stub.violations.append(violation)
