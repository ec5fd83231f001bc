"""Where an API server may be: never at an address that belongs to the portal's machine or to its cloud.

A name is looked up when a connection is made, and the connection goes to the address that was judged: a name that
leads elsewhere a moment later (DNS rebinding) leads nowhere.
"""

import ipaddress
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from clusters.driver import AdminFirst, ClusterUnreachable
from clusters.kubernetes.connection import Connection, ConnectionInvalid

LOOK_UP_SECONDS = 5.0
# An odd number of an address that C libraries read: 2130706433, 0x7f.1, 0177.0.0.1, 127.1.
_ENDS_IN_A_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0[xX][0-9a-fA-F]*)$")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
# Services of clouds for the machine itself that do not lie in the link-local range.
# AWS (IPv6), Alibaba, Azure, Oracle.
_METADATA = {"fd00:ec2::254", "fd00:ec2::23", "100.100.100.200", "168.63.129.16", "192.0.0.192"}
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Rules:
    """What is allowed beside the addresses of the internet."""

    private: bool = True
    loopback: bool = False


def rules_of_settings() -> Rules:
    """CLUSTER_PRIVATE_ADDRESSES and CLUSTER_LOOPBACK_ADDRESSES."""
    return Rules(settings.CLUSTER_PRIVATE_ADDRESSES, settings.CLUSTER_LOOPBACK_ADDRESSES)


def check_address(url: str) -> None:
    """Look the host of an API address up once. Raises ConnectionInvalid where it may not be, or leads nowhere."""
    Connection(url, "").check_place()
    parts = urlsplit(url)
    try:
        allowed_addresses(parts.hostname or "", parts.port or 443, rules_of_settings())
    except (AdminFirst, ClusterUnreachable) as error:
        raise ConnectionInvalid("server", str(error)) from None


def allowed_addresses(host: str, port: int, rules: Rules, seconds: float = LOOK_UP_SECONDS) -> list[str]:
    """The addresses of `host`, each of them judged. Raises AdminFirst for one that may not be, ClusterUnreachable."""
    literal = _literal(host)
    found = [str(literal)] if literal else _look_up_in_time(host, port, seconds)
    for address in found:
        if refusal := why_not(ipaddress.ip_address(address), rules):
            where = host if literal else f"{host} leads to {address}, which"
            raise AdminFirst(f"{where} {refusal}")
    return found


def why_not(address: Address, rules: Rules) -> str:
    """Why no API server may be there, and what to do, as the end of a sentence; "" where it may."""
    inner = _embedded(address)
    if inner is not None:
        return why_not(inner, rules)
    if str(address) in _METADATA or address.is_link_local:
        return "is for a cloud's metadata and neighbours on the wire. Give the API server's own address."
    if address.is_multicast or address.is_unspecified or _is_reserved(address):
        return "is no address of one machine. Give the API server's own address."
    if address.is_loopback:
        return (
            ""
            if rules.loopback
            else "is the portal's own machine. If the cluster runs there (kind, k3d, minikube), an operator sets "
            "CLUSTER_LOOPBACK_ADDRESSES=on; otherwise give the address under which other machines reach it."
        )
    if not address.is_global and not rules.private:
        return (
            "is a private address, and this portal connects to public ones only. "
            "An operator can allow it with CLUSTER_PRIVATE_ADDRESSES=on."
        )
    return ""


def _literal(host: str) -> Address | None:
    """The address that the host is written as; None for a name. Raises AdminFirst for what is neither."""
    plain = host.rstrip(".")
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        pass
    else:
        if getattr(address, "scope_id", None):
            raise AdminFirst(f"{host} names a network card of this machine. Give the address without %.")
        return address
    if _ENDS_IN_A_NUMBER.search(plain):
        raise AdminFirst(
            f"{host} is an address in an unusual spelling. Write it as four numbers, such as 10.0.0.1."
        )
    if not _NAME.fullmatch(plain):
        raise AdminFirst(f"{host!r} is no host name. Write it in ASCII, such as api.example.org.")
    return None


def _look_up_in_time(host: str, port: int, seconds: float) -> list[str]:
    """A name server that does not answer holds nobody longer than this: the C library has no such limit."""
    found: list[str] = []
    errors: list[OSError] = []

    def run() -> None:
        try:
            found.extend(look_up(host, port))
        except (OSError, UnicodeError) as error:
            errors.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=run, name=f"look-up-{host[:40]}", daemon=True)
    thread.start()
    thread.join(max(seconds, 0.0))
    if thread.is_alive():
        raise ClusterUnreachable(f"The name server does not say where {host} is. Is DNS well?")
    if errors or not found:
        raise ClusterUnreachable(f"There is no machine called {host}. Is the API address spelled right?")
    return found


def look_up(host: str, port: int) -> list[str]:
    """What the system's resolver knows, each address once."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in entries))


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for, whichever way it is wrapped."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if wrapped is not None:
        return wrapped
    is_compatible = address in _COMPATIBLE and int(address) > 1
    if is_compatible or any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_reserved(address: Address) -> bool:
    """Nobody's: 0.0.0.0/8, 240.0.0.0/4 and IPv6's retired site-local range among them."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_reserved or int(address) >> 24 == 0
    return address.is_site_local or (address.is_reserved and not address.is_loopback)
