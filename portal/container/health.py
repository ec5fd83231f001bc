"""Is the process of this container alive and at work? Each role is asked in its own way."""

import http.client
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from portal.container import roles
from portal.up.front import Address

ANSWERS_WITHIN = 15.0
# The worker's consumer says something every 2 s, beat sends a sweep every 5 s, watch reads the database every 3 s.
OLDEST = 60.0


def main(arguments: list[str]) -> int:
    """0 when the role (the argument, or the one of this container) is well; 1 with a sentence."""
    role = arguments[0] if arguments else _own_role()
    check = _checks().get(role)
    trouble = check() if check else f"“{role}” is no role that can be checked."
    print(trouble or f"{role} is well.", file=sys.stderr if trouble else sys.stdout)
    return 1 if trouble else 0


def _checks() -> dict[str, Callable[[], str]]:
    """Each answers what is wrong, "" for nothing."""
    return {
        "web": lambda: _answer("web", _Unix(roles.RUN / "web.sock"), "/health/", 200),
        "intake": lambda: _answer("intake", _Unix(roles.RUN / "intake.sock"), "/health/", 200),
        # A stream needs a session: turned away is what a stranger gets from a live process.
        "live": lambda: _answer("live", _Unix(roles.RUN / "live.sock"), "/live/changes?ids=1", 401),
        "front": lambda: _answer("front", _port(), "/health/", 200),
        **{role: lambda role=role: _age(role) for role in ("worker", "beat", "watch")},  # type: ignore[misc]
    }


def _answer(role: str, connection: http.client.HTTPConnection, path: str, expected: int) -> str:
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{role} does not answer: {error or type(error).__name__}."
    finally:
        connection.close()
    return "" if status == expected else f"{role} answers {status} and not {expected}."


def _age(role: str) -> str:
    """How long ago the process showed that it works."""
    try:
        age = time.time() - (roles.SCRATCH / role).stat().st_mtime
    except FileNotFoundError:
        return f"{role} has not begun its work."
    return "" if age < OLDEST else f"{role} has done nothing for {age:.0f} seconds."


def _own_role() -> str:
    return roles.ROLE.read_text() if roles.ROLE.exists() else ""


def _port() -> http.client.HTTPConnection:
    address = Address.parse(os.environ.get("STELLWERK_BIND") or "0.0.0.0:8000")
    return http.client.HTTPConnection("127.0.0.1", address.port, timeout=ANSWERS_WITHIN)


class _Unix(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWERS_WITHIN)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))
