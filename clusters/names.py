"""Names that Kubernetes, registries and AWS give things: whether a text can be one. Pure; errors are sentences."""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
# github.com/distribution/reference: a path of names, perhaps after a registry's host, then a tag or a digest.
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?)*(?::\d{1,5})?"
REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?", re.ASCII
)
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class Misnamed(ValueError):
    """The admin can act: the message says what is wrong and what to write instead."""


def check_namespace(text: str) -> str:
    """A namespace. Raises Misnamed."""
    if not LABEL.fullmatch(text):
        raise Misnamed(
            f"“{shortened(text)}” cannot be a namespace. Use lower-case letters, digits and dashes,"
            " 63 at most, with a letter or digit at both ends."
        )
    if text.startswith("kube-"):
        raise Misnamed("Namespaces that begin with kube- are Kubernetes' own. Choose another name.")
    return text


def check_secret_name(text: str) -> str:
    """The name of a Secret; "" for none. Raises Misnamed."""
    if text and (len(text) > 63 or not SUBDOMAIN.fullmatch(text)):
        raise Misnamed(
            f"“{shortened(text)}” cannot be the name of a Secret. Use lower-case letters, digits, dashes and dots,"
            " 63 at most. It is the name that is wanted here, never the password itself."
        )
    return text


def check_reference(text: str) -> str:
    """An image reference. Raises Misnamed."""
    if "://" in text:
        raise Misnamed("Leave out https://. An image reference looks like python:3.12-slim.")
    if not REFERENCE.fullmatch(text):
        raise Misnamed(
            f"“{shortened(text)}” is no image reference. Write for example python:3.12-slim or"
            " registry.example.org/team/image:1.4; names are lower-case."
        )
    return text


def check_portal_url(text: str) -> str:
    """An address of the portal without its last slash. Raises Misnamed."""
    try:
        url = urlsplit(text)
        is_good = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_good = False
    if not is_good or url.query or url.fragment or url.username or url.path not in ("", "/"):
        raise Misnamed(
            "Write http:// or https://, a host and perhaps a port, such as https://stellwerk.example.org."
        )
    return text.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the address means the machine that asks: a pod would find itself there."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def check_label(name: str, value: str) -> None:
    """The name and value of a node's label. Raises Misnamed."""
    prefix, slash, last = name.rpartition("/")
    if (slash and not (SUBDOMAIN.fullmatch(prefix) and len(prefix) < 254)) or not QUALIFIED.fullmatch(last):
        raise Misnamed(f"“{shortened(name)}” cannot be the name of a label.")
    if not VALUE.fullmatch(value):
        raise Misnamed(f"“{shortened(value)}” cannot be the value of a label.")


def toleration_text(toleration: Mapping[str, str]) -> str:
    """A toleration or a taint: key=value:effect."""
    value, effect = toleration.get("value") or "", toleration.get("effect") or ""
    return toleration.get("key", "") + (f"={value}" if value else "") + (f":{effect}" if effect else "")


def shortened(text: str) -> str:
    """For a sentence: printable, and not longer than a line."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= 80 else f"{shown[:40]}…{shown[-38:]}"
