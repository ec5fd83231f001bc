"""A proxy before a real API server that holds, loses, refuses or mutes what a test names."""

import http.client
import ipaddress
import re
import socket
import ssl
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusters.kubernetes.connection import Connection

HOLD, LOSE, ANSWER = "hold", "lose", "answer"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass
class Fault:
    """What happens to the next `times` requests that match.

    "hold": they reach the API server when `released` is set, whether or not anybody waits for the answer still;
    "lose": they reach it at once and their answers never come back; "answer": they get `status` and `headers` instead.
    """

    kind: str
    pattern: re.Pattern[str]
    times: int
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    met: int = 0
    passed_on: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


class FaultyApi:
    """`url` and `ca` are what a connection needs; requests keep their own token."""

    def __init__(self, host: str, behind: Connection) -> None:
        address = urlsplit(behind.server)
        self.behind = (address.hostname or "", address.port or 443)
        self.context = ssl.create_default_context(cadata=behind.ca)
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._mute_before = 0
        self._streams = 0
        self.requests: list[str] = []
        self._cuts = 0
        self.host = host
        self._server = _Server((host, 0), _Handler)
        self._server.api = self
        self.rotate()
        self.url = f"https://{host}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def hold(self, pattern: str, times: int = 1) -> Fault:
        """`pattern` is searched in "METHOD /path?query"."""
        return self._add(Fault(HOLD, re.compile(pattern), times))

    def lose(self, pattern: str, times: int = 1) -> Fault:
        return self._add(Fault(LOSE, re.compile(pattern), times))

    def answer(self, pattern: str, status: int, times: int = 1, **headers: str) -> Fault:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._add(Fault(ANSWER, re.compile(pattern), times, status, named))

    def mute_watches(self) -> None:
        """From now on the watches that are open say nothing more, and are never closed: half-open connections."""
        with self._lock:
            self._mute_before = self._streams

    def rotate(self) -> None:
        """A new certificate of a new CA; whoever is connected has to connect again."""
        certificate, key = _certificate(self.host)
        self.ca = certificate.decode()
        self._server.context = _serving(certificate, key)
        for connection in self._server.connections.copy():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def cut_watches(self, times: int) -> None:
        """Of the next so many pieces that watches say only a half arrives, and then the connection ends."""
        with self._lock:
            self._cuts += times

    @property
    def cuts_left(self) -> int:
        return self._cuts

    def is_cut(self) -> bool:
        with self._lock:
            is_cut = self._cuts > 0
            self._cuts -= is_cut
            return is_cut

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            self.faults.append(fault)
        return fault

    def met_by(self, request: str) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            for fault in self.faults:
                if fault.met < fault.times and fault.pattern.search(request):
                    fault.met += 1
                    return fault
        return None

    def new_stream(self) -> int:
        with self._lock:
            self._streams += 1
            return self._streams

    def is_mute(self, stream: int) -> bool:
        return stream <= self._mute_before

    def stop(self) -> None:
        for fault in self.faults:
            fault.released.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    api: FaultyApi
    context: ssl.SSLContext

    def __init__(self, *arguments):
        self.connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def finish_request(self, request, client_address):
        # In the connection's own thread: a slow handshake holds nobody else.
        with suppress(OSError), self.context.wrap_socket(request, server_side=True) as secure:
            self.connections.add(secure)
            try:
                self.RequestHandlerClass(secure, client_address, self)
            finally:
                self.connections.discard(secure)

    def handle_error(self, request, client_address):
        """A client that went away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def _serve(self):
        api = self.server.api
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = api.met_by(f"{self.command} {self.path}")
        if fault is None:
            self._forward(body)
        elif fault.kind == ANSWER:
            self._reply(fault.status, fault.headers, b'{"kind":"Status","message":"made up by a test"}')
        else:
            fault.arrived.set()
            if fault.kind == HOLD:
                fault.released.wait(300)
            self._forward(body, fault)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815 (names of the base class)

    def _forward(self, body, fault=None):
        upstream = http.client.HTTPSConnection(
            *self.server.api.behind, context=self.server.api.context, timeout=120
        )
        headers = {name: text for name, text in self.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            if fault is not None:
                answer_body = answer.read()
                fault.passed_on += 1
                if fault.kind == LOSE:
                    self.close_connection = True
                    return
                self._reply(answer.status, dict(answer.getheaders()), answer_body)
            elif "watch=1" in self.path and answer.status == 200:
                self._stream(answer)
            else:
                self._reply(answer.status, dict(answer.getheaders()), answer.read())
        except (OSError, http.client.HTTPException):
            # The API server is away: so is this proxy.
            self.close_connection = True
        finally:
            upstream.close()

    def _reply(self, status, headers, body):
        self.send_response_only(status)
        for name, text in headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _stream(self, answer):
        number = self.server.api.new_stream()
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        while piece := answer.read1(65536):
            if self.server.api.is_cut():
                self.wfile.write(b"%x\r\n%s" % (len(piece), piece[: len(piece) // 2]))
                self.wfile.flush()
                self.close_connection = True
                return
            if not self.server.api.is_mute(number):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
        if self.server.api.is_mute(number):
            self.connection.recv(1)  # until the client gives up
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def log_message(self, *_):
        pass


def _certificate(host: str) -> tuple[bytes, bytes]:
    """A certificate that is its own CA, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "faulty API server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), secret


def _serving(certificate: bytes, key: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "certificate", Path(folder) / "key"
        for path, text in zip(paths, (certificate, key), strict=True):
            path.write_bytes(text)
        context.load_cert_chain(*paths)
    return context
