"""The doctor's test pod, in the place of `fetch`: does a pod reach the portal, and if not, why not?

Its last words go to the container's termination message, as JSON: {"python": [3, 11, 2], "time": seconds, "reason",
"detail"}; no reason: it went well. `main.sh` is left a script to run, so that the user's image is tried as well.
Written so that even a Python that is too old for the runner (3.7) can say that it is.
"""

from __future__ import annotations

import errno
import json
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OLDEST = (3, 9)
PATIENCE_SECONDS, TRY_SECONDS, PAUSE_SECONDS = 15.0, 6.0, 1.0
LONGEST_ANSWER = 65536
# No `sleep`: the time limit could not be kept.
SCRIPT = "command -v sleep >/dev/null 2>&1 || exit 3"
_UNROUTABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)


class NotReached(Exception):
    """`reason`, for the doctor: dns, refused, timeout, unroutable, certificate, tls, broken, answer, status."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def probe(root: Path, environment: Mapping[str, str]) -> int:
    """0 when the portal was reached; the message is written either way."""
    facts: dict[str, Any] = {"python": list(sys.version_info[:3]), "time": time.time()}
    try:
        if sys.version_info < OLDEST:
            raise NotReached("python", sys.version.split()[0])
        _leave_script(root)
        call_back(environment, PATIENCE_SECONDS)
    except NotReached as trouble:
        facts.update(reason=trouble.reason, detail=trouble.detail[:500])
    except Exception as error:
        facts.update(reason="broken", detail=f"{type(error).__name__}: {error}"[:500])
    message = environment.get("STELLWERK_MESSAGE_FILE") or "/dev/termination-log"
    Path(message).write_text(json.dumps(facts), "utf-8")
    return 1 if "reason" in facts else 0


def call_back(environment: Mapping[str, str], patience: float) -> None:
    """Tell the portal that a pod lives. The network of a fresh pod may need a moment. Raises NotReached."""
    url = environment["STELLWERK_PORTAL_URL"]
    token = Path(environment["STELLWERK_TOKEN_FILE"]).read_text("ascii").strip()
    deadline = time.monotonic() + patience
    was_sent = False
    while True:
        facts = {"uid": environment.get("STELLWERK_POD_UID", ""), "python": list(sys.version_info[:3])}
        try:
            status, detail = _post(url, token, facts)
        except NotReached as trouble:
            was_sent = was_sent or trouble.reason in ("timeout", "broken", "answer")
            final: NotReached = trouble
        else:
            # Taken once only: what was taken before its answer was lost is known already.
            if status == 200 or (status == 409 and was_sent):
                return
            final = NotReached("status", f"{status} {detail}")
            if status < 500:
                raise final
        if time.monotonic() + PAUSE_SECONDS > deadline:
            raise final
        time.sleep(PAUSE_SECONDS)


def _post(url: str, token: str, facts: Mapping[str, Any]) -> tuple[int, str]:
    """One try. Raises NotReached."""
    from runner.portal_client import import_http_client

    scheme, _, rest = url.partition("://")
    host, _, prefix = rest.partition("/")
    path = ("/" + prefix.strip("/") if prefix.strip("/") else "") + "/intake/probe"
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    body = json.dumps({**facts, "time": time.time()}).encode()
    try:
        http = import_http_client(url)
        kind = http.HTTPSConnection if scheme.lower() == "https" else http.HTTPConnection
        connection = kind(host, timeout=TRY_SECONDS)
        try:
            connection.request("POST", path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, _sentence(response.status, response.read(LONGEST_ANSWER))
        finally:
            connection.close()
    except NotReached:
        raise
    except Exception as error:
        raise NotReached(_reason(error), str(error) or type(error).__name__) from error


def _sentence(status: int, answer: bytes) -> str:
    try:
        facts = json.loads(answer)
        return str(facts.get("error", "")) if isinstance(facts, dict) else ""
    except ValueError:
        if 200 <= status < 300:
            # A sign-in page, or a proxy's: something else stands at this address.
            raise NotReached("answer", answer[:200].decode("utf-8", "replace")) from None
        return answer[:200].decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    ssl = sys.modules.get("ssl")
    if ssl is not None and isinstance(error, ssl.SSLError):
        return "certificate" if isinstance(error, ssl.SSLCertVerificationError) else "tls"
    if isinstance(error, socket.gaierror):
        return "dns"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (socket.timeout, TimeoutError)):
        return "timeout"
    if isinstance(error, OSError) and error.errno in _UNROUTABLE:
        return "unroutable"
    return "tls" if isinstance(error, ImportError) else "broken"


def _leave_script(root: Path) -> None:
    from runner.launch_file import launch_text
    from runner.volume import Volume

    volume = Volume(root)
    volume.make_script_dirs(None)
    (volume.work_dir / "results").mkdir(exist_ok=True)
    volume.make_logs()
    # Nobody reads what it says.
    for mark in ("reading", "drained"):
        volume.mark(mark)
    claim = {"time_limit_seconds": 60, "grace_seconds": 1, "command": ["/bin/sh", "-c", SCRIPT]}
    (root / "launch.sh").write_text(launch_text(volume, claim), "utf-8")
