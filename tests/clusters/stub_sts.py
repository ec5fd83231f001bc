"""AWS' token service as far as EKS needs it: checks signatures by an implementation of its own, assumes roles.

Signature Version 4 is written down here from its specification, not with botocore:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import base64
import hashlib
import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

PREFIX = "k8s-aws-v1."


class StubSts:
    """`keys` maps access key ids to (secret, session token or ""). `fails` is answered instead: (status, code)."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, str]] = {}
        self.roles: list[dict[str, str]] = []
        self.fails: tuple[int, str] | None = None
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = stub.answer(self.headers, body)
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, headers, body: bytes) -> tuple[int, bytes]:
        if self.fails:
            status, code = self.fails
            return status, _error(code, "as the test wants it")
        if not self._is_signed(headers, body):
            return 403, _error("SignatureDoesNotMatch", "The signature does not match.")
        asked = dict(parse_qsl(body.decode()))
        self.roles.append(asked)
        number = len(self.roles)
        self.keys[f"ASIAROLE{number:012}"] = (f"role-secret-{number}", f"session-{number}")
        return 200, (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>ASIAROLE{number:012}</AccessKeyId><SecretAccessKey>role-secret-{number}</SecretAccessKey>"
            f"<SessionToken>session-{number}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ).encode()

    def identity(self, token: str, cluster: str) -> str:
        """What a cluster does with a token: the access key id behind it. AssertionError for what it would refuse."""
        assert token.startswith(PREFIX)
        encoded = token.removeprefix(PREFIX)
        assert "=" not in encoded
        url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
        assert url.scheme == "https"
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        assert query["Action"] == "GetCallerIdentity"
        assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
        key_id, day, region, service, end = query["X-Amz-Credential"].split("/")
        assert (url.hostname, service, end) == (f"sts.{region}.amazonaws.com", "sts", "aws4_request")
        secret, session = self.keys[key_id]
        assert query.get("X-Amz-Security-Token", "") == session
        headers = f"host:{url.netloc}\nx-k8s-aws-id:{cluster}\n"
        rest = sorted((name, value) for name, value in query.items() if name != "X-Amz-Signature")
        canonical = "\n".join(
            [
                "GET",
                url.path,
                "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in rest),
                headers,
                query["X-Amz-SignedHeaders"],
                hashlib.sha256(b"").hexdigest(),
            ]
        )
        scope = (day, region, service)
        assert query["X-Amz-Signature"] == signature(secret, query["X-Amz-Date"], scope, canonical)
        return key_id

    def _is_signed(self, headers, body: bytes) -> bool:
        fields = dict(
            part.strip().split("=", 1)
            for part in headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(",")
        )
        key_id, day, region, service, _ = fields["Credential"].split("/")
        if key_id not in self.keys:
            return False
        names = fields["SignedHeaders"].split(";")
        lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
        hashed = hashlib.sha256(body).hexdigest()
        canonical = "\n".join(["POST", "/", "", lines, fields["SignedHeaders"], hashed])
        scope = (day, region, service)
        return fields["Signature"] == signature(self.keys[key_id][0], headers["X-Amz-Date"], scope, canonical)


def signature(secret: str, moment: str, scope: tuple[str, str, str], canonical: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{'/'.join(scope)}/aws4_request\n{hashed}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def _error(code: str, message: str) -> bytes:
    return (
        f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>{code}</Code>'
        f"<Message>{message}</Message></Error></ErrorResponse>"
    ).encode()
