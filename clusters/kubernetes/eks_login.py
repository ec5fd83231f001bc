"""What a kubeconfig for Amazon EKS says of the cluster: it signs in by a command, which the portal does not run.

`aws eks update-kubeconfig` and aws-iam-authenticator write the cluster's name, region and role into its arguments.
"""

import re
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any
from urllib.parse import urlsplit

_HOST = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d{1,2})\.eks\.amazonaws\.com(?:\.cn)?")
_NAME = ("--cluster-name", "--cluster-id", "-i")
_ROLE = ("--role-arn", "--role", "-r")
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True)
class EksLogin:
    """ "" for what the kubeconfig does not say."""

    cluster: str = ""
    region: str = ""
    role: str = ""


def eks_login(command: Any, server: Any) -> EksLogin | None:
    """From a user's `exec` and the cluster's address; None for any other command."""
    if not isinstance(command, dict) or not isinstance(command.get("command"), str):
        return None
    # Windows' rules for paths know both slashes.
    program = PureWindowsPath(command["command"]).name.removesuffix(".exe")
    arguments = _texts(command.get("args"))
    is_aws = program == "aws" and "eks" in arguments and "get-token" in arguments
    if not is_aws and program not in ("aws-iam-authenticator", "heptio-authenticator-aws"):
        return None
    return EksLogin(
        _value(arguments, _NAME),
        _value(arguments, ("--region",)) or _of_environment(command.get("env")) or _of_host(server),
        _value(arguments, _ROLE),
    )


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _value(arguments: list[str], names: tuple[str, ...]) -> str:
    """Of `--name value` or `--name=value`."""
    for at, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            return value if equals else next(iter(arguments[at + 1 :]), "")
    return ""


def _of_environment(variables: Any) -> str:
    listed = variables if isinstance(variables, list) else []
    pairs = [(each.get("name"), each.get("value")) for each in listed if isinstance(each, dict)]
    named = {name: value for name, value in pairs if isinstance(name, str) and isinstance(value, str)}
    return next((named[name] for name in _REGION if named.get(name)), "")


def _of_host(server: Any) -> str:
    try:
        host = urlsplit(server).hostname or "" if isinstance(server, str) else ""
    except ValueError:
        return ""
    found = _HOST.search(host)
    return found[1] if found else ""
