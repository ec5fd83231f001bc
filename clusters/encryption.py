"""Secrets at rest: encrypted with keys that are not in the database, each bound to the row it belongs to."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

# cryptography is imported where it is used: most processes never do, and it costs each of them megabytes.


class NoKey(Exception):
    """The portal has no usable encryption key; the text says what an admin does."""


class Undecryptable(Exception):
    """None of the keys fits, or the secret was moved here from another row."""


def new_key() -> str:
    """A key as `CREDENTIAL_KEYS` takes it."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode("ascii")


def encrypt(row: str, secrets: Mapping[str, str]) -> str:
    """`row` names where the result will be kept ("cluster/7"); with another name it cannot be read. Raises NoKey."""
    text = json.dumps({"row": row, "secrets": dict(secrets)})
    return _keys().encrypt(text.encode()).decode("ascii")


def decrypt(row: str, encrypted: str) -> dict[str, str]:
    """Raises NoKey and Undecryptable."""
    from cryptography.fernet import InvalidToken

    try:
        found = json.loads(_keys().decrypt(encrypted.encode("ascii")))
    except (InvalidToken, ValueError) as error:
        raise Undecryptable(
            "The stored credentials fit none of the portal's keys (CREDENTIAL_KEYS)."
        ) from error
    if found["row"] != row:
        raise Undecryptable("The stored credentials belong to another cluster.")
    return {str(name): str(value) for name, value in found["secrets"].items()}


def renew(row: str, encrypted: str) -> str:
    """The same secrets under the first of the keys. Raises NoKey and Undecryptable."""
    return encrypt(row, decrypt(row, encrypted))


def read_keys() -> list[str]:
    """The newest first. Those that `make up` made are read anew each time: a rotation needs no restart."""
    file = Path(settings.CREDENTIAL_KEY_FILE)
    if settings.CREDENTIAL_KEYS:
        return list(settings.CREDENTIAL_KEYS)
    return file.read_text("ascii").split() if file.exists() else []


def write_keys(keys: Sequence[str]) -> None:
    """Whole or not at all, for our user only."""
    file = Path(settings.CREDENTIAL_KEY_FILE)
    partial = file.with_suffix(".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write("".join(f"{key}\n" for key in keys))
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)


def _keys() -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet

    keys = read_keys()
    if not keys:
        raise NoKey("The portal has no key for credentials: set CREDENTIAL_KEYS, or start it with `make up`.")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise NoKey("CREDENTIAL_KEYS holds something that is no key: 32 bytes in URL-safe base64.") from error
