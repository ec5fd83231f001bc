"""How the portal shows an API server who it is: for each way of authentication one object that makes the headers."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from clusters.driver import AdminFirst
from clusters.kubernetes.connection import Connection

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# Written into rows, where an address has to stand: the pod's own environment says the real one.
IN_CLUSTER_SERVER = "https://kubernetes.default.svc"


class Hidden(str):
    """Text that no log, message or error page shows: only `encode` and concatenation give it away."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"


class Credentials(Protocol):
    """Safe to share between threads. All raise AdminFirst, or ClusterUnreachable, where there are none now."""

    def connection(self) -> Connection:
        """Where to, whom to trust there, and the client certificate if there is one."""

    def headers(self) -> Mapping[str, str]:
        """What a request says about who sends it."""

    def renew(self, used: Mapping[str, str]) -> bool:
        """The server did not accept `used`. Whether there are others now, so that trying again makes sense."""


@dataclass(frozen=True)
class Fixed:
    """A token or a client certificate: what an admin gave, until an admin gives another."""

    given: Connection

    def connection(self) -> Connection:
        """As given."""
        return self.given

    def headers(self) -> Mapping[str, str]:
        """The token, if it is one."""
        return bearer(self.given.token) if self.given.token else {}

    def renew(self, used: Mapping[str, str]) -> bool:
        """There are no others."""
        return False


class InCluster:
    """The account of the pod that the portal runs in. Kubernetes writes a new token into its file every hour or so."""

    def __init__(self, folder: Path = SERVICE_ACCOUNT, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = os.environ if environment is None else environment
        self._lock = threading.Lock()
        self._read_at: tuple[int, int] = (0, 0)
        self._headers: Mapping[str, str] = {}

    def connection(self) -> Connection:
        """From the pod's environment and the account's files, read anew each time."""
        host = self._environment.get("KUBERNETES_SERVICE_HOST", "")
        port = self._environment.get("KUBERNETES_SERVICE_PORT", "") or "443"
        if not host:
            raise AdminFirst(
                "The portal does not run in a Kubernetes pod (KUBERNETES_SERVICE_HOST is not set). "
                "Connect this cluster with a token instead."
            )
        return Connection(f"https://{f'[{host}]' if ':' in host else host}:{port}", self._file("ca.crt"))

    def headers(self) -> Mapping[str, str]:
        """The token as the file has it now."""
        with self._lock:
            version = self._version()
            if version != self._read_at or not self._headers:
                self._headers, self._read_at = bearer(self._file("token").strip()), version
            return self._headers

    def renew(self, used: Mapping[str, str]) -> bool:
        """Read again, whatever the file's time says."""
        with self._lock:
            self._read_at = (0, 0)
        return self.headers() != used

    def _version(self) -> tuple[int, int]:
        try:
            found = (self._folder / "token").stat()
        except OSError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_ino)

    def _file(self, name: str) -> str:
        try:
            return (self._folder / name).read_text("ascii")
        except (OSError, ValueError):
            raise AdminFirst(
                f"The pod of the portal has no service account to use: {self._folder / name} cannot be read. "
                "Set automountServiceAccountToken: true in its Deployment."
            ) from None


class Eks:
    """Tokens of Amazon EKS, made from an AWS identity and made anew before they end."""

    def __init__(self, place: Connection, maker: "TokenMaker") -> None:
        self._place = replace(place, token="", client_certificate="", client_key="")
        self._maker = maker

    def connection(self) -> Connection:
        """Where the cluster is; nothing secret."""
        return self._place

    def headers(self) -> Mapping[str, str]:
        """With a token that is good for some minutes more."""
        return bearer(self._maker.token())

    def renew(self, used: Mapping[str, str]) -> bool:
        """Make another, unless somebody has made one since."""
        if bearer(self._maker.token()) == used:
            self._maker.forget()
        return True


class TokenMaker(Protocol):
    """See eks.EksTokens."""

    def token(self) -> str: ...

    def forget(self) -> None: ...


def bearer(token: str) -> Mapping[str, str]:
    """The header that carries a token."""
    return {"Authorization": Hidden("Bearer " + token)}
