"""A kubeconfig that somebody uploads, taken apart: only its plain data goes on.

kubectl's format can name files, commands, proxies and other addresses; read as it is meant, it would run and read
things on the portal's machine. Whatever is no plain data is refused by its name, with what to do instead.
Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.reader import ReaderError

from clusters.kubernetes.connection import Connection
from clusters.kubernetes.eks_login import EksLogin, eks_login

LARGEST = 256 * 1024
_EMBED = "kubectl config view --raw --flatten --minify"
_WHOLE = f"Give the whole file as kubectl wrote it: `{_EMBED}` prints it."
_EKS = (
    "It would run a command of AWS on the portal's machine. The portal makes the tokens of EKS itself: go on at"
    " Amazon EKS, where what this kubeconfig says is filled in."
)
_REFUSED_OF_USER = {
    "exec": "It would run a command on the portal's machine. Make a service account and give its token instead.",
    "auth-provider": "It was removed from Kubernetes. Make a service account and give its token instead.",
    "tokenFile": "It names a file of your machine. Put the token itself into the field token.",
    "client-certificate": f"It names a file of your machine. `{_EMBED}` writes its content into the kubeconfig.",
    "client-key": f"It names a file of your machine. `{_EMBED}` writes its content into the kubeconfig.",
    "username": "Kubernetes no longer takes passwords. Make a service account and give its token instead.",
    "password": "Kubernetes no longer takes passwords. Make a service account and give its token instead.",
    "as": "The portal acts as itself. Give it an account that has the rights it needs.",
    "as-uid": "The portal acts as itself. Give it an account that has the rights it needs.",
    "as-groups": "The portal acts as itself. Give it an account that has the rights it needs.",
    "as-user-extra": "The portal acts as itself. Give it an account that has the rights it needs.",
}
_REFUSED_OF_CLUSTER = {
    "certificate-authority": f"It names a file of your machine. `{_EMBED}` writes its content into the kubeconfig.",
    "insecure-skip-tls-verify": "Whoever is between could read everything. Give the cluster's CA certificate instead.",
    "proxy-url": "The portal connects directly. Remove the field, or use an address that the portal can reach.",
}


class KubeconfigRefused(Exception):
    """Why the kubeconfig cannot be taken, and what to do: `field` names the place, the text is for people."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}" if field else sentence)
        self.field = field
        self.sentence = sentence


class EksFound(KubeconfigRefused):
    """It signs in by AWS' command: the portal has a way of its own for that. `values` fill its form."""

    def __init__(self, eks: EksLogin, cluster: Mapping[str, Any]) -> None:
        super().__init__("user.exec", _EKS)
        self.values = {
            "eks_cluster": eks.cluster,
            "eks_region": eks.region,
            "eks_role": eks.role,
            "server": _text("cluster.server", cluster.get("server")),
            "ca": _pem("cluster.certificate-authority-data", cluster.get("certificate-authority-data")),
        }


@dataclass(frozen=True)
class Kubeconfig:
    """What was uploaded, read but not yet judged. `contexts` are the names to choose from."""

    contexts: tuple[str, ...]
    current: str
    _entries: Mapping[str, Mapping[str, Mapping[str, Any]]]

    def connection(self, context: str = "") -> Connection:
        """The plain data of a context (default: the current one). Raises KubeconfigRefused."""
        name = context or self.current
        chosen = self._entries["contexts"].get(name)
        if chosen is None:
            raise KubeconfigRefused(
                "current-context", f"There is no context {name!r}; choose one of the others."
            )
        cluster = self._named("clusters", "cluster", chosen)
        user = self._named("users", "user", chosen)
        _refuse("cluster", cluster, _REFUSED_OF_CLUSTER)
        if eks := eks_login(user.get("exec"), cluster.get("server")):
            raise EksFound(eks, cluster)
        _refuse("user", user, _REFUSED_OF_USER)
        return Connection(
            server=_text("cluster.server", cluster.get("server")),
            ca=_pem("cluster.certificate-authority-data", cluster.get("certificate-authority-data")),
            token=_text("user.token", user.get("token")),
            client_certificate=_pem("user.client-certificate-data", user.get("client-certificate-data")),
            client_key=_pem("user.client-key-data", user.get("client-key-data")),
            tls_server_name=_text("cluster.tls-server-name", cluster.get("tls-server-name")),
        )

    def _named(self, kind: str, field: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
        name = context.get(field)
        found = self._entries[kind].get(name) if isinstance(name, str) else None
        if found is None:
            raise KubeconfigRefused(f"context.{field}", f"It names {name!r}, which is not among the {kind}.")
        return found


def read_kubeconfig(text: str) -> Kubeconfig:
    """Raises KubeconfigRefused for what is no kubeconfig."""
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise KubeconfigRefused("", f"A kubeconfig has at most {LARGEST // 1024} KiB; this is larger.")
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise KubeconfigRefused("", f"{_what_is_wrong(error, text)} {_WHOLE}") from error
    if not isinstance(found, dict):
        raise KubeconfigRefused(
            "", f"This is no kubeconfig: it names no clusters, users and contexts. {_WHOLE}"
        )
    if found.get("kind", "Config") != "Config":
        raise KubeconfigRefused("kind", f"This is no kubeconfig: its kind should be Config. {_WHOLE}")
    entries = {
        kind: dict(_entries(found, kind, field))
        for kind, field in (("clusters", "cluster"), ("users", "user"), ("contexts", "context"))
    }
    contexts = tuple(entries["contexts"])
    if not contexts:
        raise KubeconfigRefused("contexts", "This kubeconfig has no context: it says nothing to connect to.")
    current = found.get("current-context")
    return Kubeconfig(contexts, current if current in contexts else contexts[0], entries)


class _ReferenceFound(yaml.MarkedYAMLError):
    """`*name`, which stands for what is written elsewhere."""


class _Loader(yaml.SafeLoader):
    """Plain data without references: a few lines of them could unfold to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise _ReferenceFound(None, None, "a reference", self.peek_event().start_mark)
        return super().compose_node(parent, index)


def _entries(config: Mapping[str, Any], kind: str, field: str) -> list[tuple[str, Mapping[str, Any]]]:
    listed = config.get(kind) or []
    if not isinstance(listed, list):
        raise KubeconfigRefused(kind, "It should be a list.")
    found: list[tuple[str, Mapping[str, Any]]] = []
    for entry in listed:
        value = entry.get(field) if isinstance(entry, dict) else None
        if (
            not isinstance(entry, dict)
            or not isinstance(entry.get("name"), str)
            or not isinstance(value, dict)
        ):
            raise KubeconfigRefused(kind, f"Each entry should have a name and a {field}.")
        found.append((entry["name"], value))
    return found


def _refuse(place: str, values: Mapping[str, Any], refused: Mapping[str, str]) -> None:
    for field, sentence in refused.items():
        if values.get(field):
            raise KubeconfigRefused(f"{place}.{field}", sentence)


def _text(field: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise KubeconfigRefused(field, "It should be text.")
    return value.strip()


def _pem(field: str, value: Any) -> str:
    """The text of base64-encoded PEM; "" where there is none."""
    encoded = _text(field, value)
    try:
        text = base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise KubeconfigRefused(
            field, "It should be a certificate or key in base64, as kubectl writes it."
        ) from error
    return text


def _what_is_wrong(error: Exception, text: str) -> str:
    """With the line, never in the words of the YAML parser."""
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"This is no kubeconfig: line {line} has a character that is no text."
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if mark is None:
        return "This is no kubeconfig: it cannot be read as YAML."
    if isinstance(error, _ReferenceFound):
        return f"Line {mark.line + 1} has a reference (*name), and references are not read here."
    begun = "".join(text.splitlines()[mark.line : mark.line + 1])[: mark.column + 1]
    if "\t" in begun[: len(begun) - len(begun.lstrip())]:
        return f"Line {mark.line + 1} is indented with a tab, and YAML takes only spaces."
    return f"This is no kubeconfig: line {mark.line + 1} cannot be read as YAML."
