"""The front: nginx on the one port, which knows where web, intake, live, static files and stored files are."""

import errno
import grp
import ipaddress
import resource
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portal.up import binaries
from portal.up.account import Account
from portal.up.processes import Program
from portal.up.state import Home
from portal.up.troubles import AddressRefused, BadAddress, BusyPort

HERE = Path(__file__).parent
OPEN_FILES = 8192
# A stream that a browser watches takes two: this is for some two thousand of them.
CONNECTIONS = 4096


@dataclass(frozen=True)
class Address:
    """Where the portal listens, such as 127.0.0.1:8000 or [::1]:8000."""

    host: str
    port: int

    @classmethod
    def parse(cls, bind: str) -> "Address":
        """Raise BadAddress for anything but `<host>:<port>`."""
        host, colon, port = bind.strip().rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if not (colon and bare and port.isdecimal() and 0 < int(port) < 65536) or set(bare) & set(
            " ;{}\"'$/"
        ):
            raise BadAddress(bind)
        return cls(bare, int(port))

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address to open on this machine; “every address” is no address to open."""
        local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 (compared, not bound)
        return f"http://{Address(local, self.port).netloc}"


def check_free(address: Address) -> None:
    """Raise BusyPort or AddressRefused when nginx could not listen there."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise BusyPort(address.host, address.port) from error
        raise AddressRefused(address.host, address.port, error.strerror or str(error)) from error


def program(home: Home, run: Path, address: Address, account: Account) -> Program:
    """nginx with a configuration written now. Its worker runs as `account`, its master as we do."""
    home.front.mkdir(exist_ok=True)
    home.front.chmod(0o711)  # root's own, or nginx's worker could change what its master reads
    config = home.front / "nginx.conf"
    config.write_text(configuration(home, run, address, account))
    return Program(
        name="front",
        argv=(str(binaries.nginx()), "-p", f"{home.front}/", "-c", str(config), "-e", "stderr"),
        log=home.log("front"),
        folder=home.front,
        environment={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
        stop_signal=signal.SIGQUIT,
        stop_seconds=4.0,
        is_ready=lambda pid: _listens(address),
    )


def configuration(
    home: Home, run: Path, address: Address, account: Account, proxies: Sequence[str] = (), static: str = ""
) -> str:
    """The text of nginx.conf. `proxies`: addresses and networks whose word about who asks is taken.

    `static` is the folder of the static files where they are not in the home.
    """
    files = _open_files()
    values = {
        "open_files": str(files),
        "connections": str(min(CONNECTIONS, files // 2)),
        "pid": f'"{run / "front.pid"}"',
        "user": _user(account),
        "run": str(run),
        "listen": f"listen {address.netloc};",
        "proxies": _proxies(proxies),
        "static": _quoted(Path(static) if static else home.static),
        "files": _quoted(home.files),
        "starting_page_body": (HERE / "starting.html").read_text(),
    }
    text = (HERE / "nginx.conf.template").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _user(account: Account) -> str:
    return f"user {account.name} {grp.getgrgid(account.gid).gr_name};" if account.gid is not None else ""


def _proxies(proxies: Sequence[str]) -> str:
    """Without any, what a client claims of itself is dropped. Raises ValueError for what is no network."""
    networks = [str(ipaddress.ip_network(proxy, strict=False)) for proxy in proxies]
    trusted = [f"set_real_ip_from {network};" for network in networks]
    real = ["real_ip_header X-Forwarded-For;", "real_ip_recursive on;"] if networks else []
    known = " ".join(f"{network} 1;" for network in networks)
    return "\n    ".join(
        [*trusted, *real, f"geo $realip_remote_addr $is_proxy {{ default 0; {known} }}".replace("  ", " ")]
    )


def _quoted(path: Path) -> str:
    """A path inside double quotes of the configuration."""
    return str(path).replace("\\", "\\\\").replace('"', '\\"').replace("$", "${dollar}")


def _open_files() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)


def _listens(address: Address) -> bool:
    host = address.url.removeprefix("http://").rpartition(":")[0].strip("[]")
    try:
        with socket.create_connection((host, address.port), timeout=1):
            return True
    except OSError:
        return False
