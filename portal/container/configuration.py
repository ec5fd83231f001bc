"""What a container is given must be whole: what is missing or half set is said before anything starts."""

import base64
import binascii
import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from portal.up.troubles import Trouble

SHORTEST_KEY = 40
OFF = {"", "0", "false", "no", "off"}
# What the image says of itself (Dockerfile, ENV): a line left empty in .env takes it away.
DEFAULTS = {
    "STELLWERK_HOME": "/data",
    "STELLWERK_STATIC_ROOT": "/opt/stellwerk/static",
    "STELLWERK_BIND": "0.0.0.0:8000",
    "STELLWERK_ACCEL": "1",
    "STELLWERK_LOCAL_CLUSTER": "false",
}


class BadConfiguration(Trouble):
    """Everything that is wrong with the settings, a sentence each."""


def check(values: Mapping[str, str], needs_keys: bool) -> None:
    """Raise BadConfiguration unless `values` (the environment) are enough to start with.

    `needs_keys`: the keys have to be there, given or made by `migrate`.
    """
    sentences = [*_servers(values), *_addresses(values), *_keys(values, needs_keys), *_proxies(values)]
    if sentences:
        raise BadConfiguration(" ".join(sentences))


def effective(values: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process here: what is set but empty (as compose does it) counts as not set."""
    return DEFAULTS | {name: value for name, value in values.items() if value}


def home_of(values: Mapping[str, str]) -> Path:
    """The shared volume."""
    return Path(values.get("STELLWERK_HOME") or DEFAULTS["STELLWERK_HOME"])


def proxies_of(values: Mapping[str, str]) -> list[str]:
    """The proxies that an admin has named."""
    return values.get("STELLWERK_PROXIES", "").replace(",", " ").split()


def _servers(values: Mapping[str, str]) -> Iterator[str]:
    schemes = {
        "DATABASE_URL": (("postgresql", "postgres"), "postgresql://user:password@host:5432/name"),
        "REDIS_URL": (("redis", "rediss", "unix"), "redis://host:6379/0"),
    }
    for name, (allowed, example) in schemes.items():
        url = values.get(name, "")
        if not url:
            yield f"{name} is not set: a container starts no server of its own; give one, as in {example}."
        elif _split(url).scheme not in allowed:
            # The address may hold a password: it is not repeated.
            yield f"{name} cannot be read; it should look like {example}, with letters and digits in its password."


def _addresses(values: Mapping[str, str]) -> Iterator[str]:
    for_jobs = values.get("PORTAL_URL_FOR_JOBS", "")
    has_local = values.get("STELLWERK_LOCAL_CLUSTER", "").strip().lower() not in OFF
    host = _split(for_jobs).hostname or ""
    if not for_jobs:
        yield (
            "PORTAL_URL_FOR_JOBS is not set: it is the address under which the pods of your cluster reach this portal, "
            "such as http://10.0.0.5:8000."
        )
    elif _split(for_jobs).scheme not in ("http", "https") or not host:
        yield f"PORTAL_URL_FOR_JOBS is “{for_jobs}”, but an address such as http://10.0.0.5:8000 is needed."
    elif _is_loopback(host) and not has_local:
        yield (
            f"PORTAL_URL_FOR_JOBS is “{for_jobs}”, which in a pod is the pod itself; "
            "give the address under which pods reach this machine."
        )
    for origin in filter(None, values.get("STELLWERK_TRUSTED_ORIGINS", "").split(",")):
        yield from _origin(origin.strip(), values)


def _origin(origin: str, values: Mapping[str, str]) -> Iterator[str]:
    parts = _split(origin)
    hosts = [host.strip() for host in values.get("STELLWERK_ALLOWED_HOSTS", "").split(",") if host.strip()]
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
        yield f"STELLWERK_TRUSTED_ORIGINS has “{origin}”, but one such as https://stellwerk.example.org is needed."
    elif not any(_covers(host, parts.hostname) for host in hosts):
        yield (
            f"STELLWERK_TRUSTED_ORIGINS has “{origin}”, but STELLWERK_ALLOWED_HOSTS has no {parts.hostname}: "
            "add it there, or browsers are turned away."
        )


def _covers(allowed: str, host: str) -> bool:
    return allowed in ("*", host) or (allowed.startswith(".") and f".{host}".endswith(allowed))


def _keys(values: Mapping[str, str], needs_keys: bool) -> Iterator[str]:
    home, key = home_of(values), values.get("SECRET_KEY", "")
    if key and len(key) < SHORTEST_KEY:
        yield f"SECRET_KEY is too short to protect anything: give at least {SHORTEST_KEY} random characters."
    if not all(
        _is_credential_key(word.strip()) for word in values.get("CREDENTIAL_KEYS", "").split(",") if word
    ):
        yield "CREDENTIAL_KEYS holds something that is no key: each is 32 random bytes in URL-safe base64."
    if not needs_keys:
        return
    for name, file in (("SECRET_KEY", home / "secret-key"), ("CREDENTIAL_KEYS", home / "credential-keys")):
        if not values.get(name) and not _has_content(file):
            yield (
                f"There is no {name}, neither given nor in {file}: "
                "run migrate first, on the same volume, which makes it once."
            )


def _proxies(values: Mapping[str, str]) -> Iterator[str]:
    for proxy in proxies_of(values):
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            yield f"STELLWERK_PROXIES has “{proxy}”, but addresses or networks such as 10.0.0.0/8 are needed."


def _has_content(file: Path) -> bool:
    return os.access(file, os.R_OK) and file.stat().st_size > 0


def _is_credential_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text.encode("ascii"))) == 32
    except (binascii.Error, ValueError):
        return False


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts
