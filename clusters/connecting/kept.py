"""What was typed into a form that is not right yet: kept in the session, its secrets encrypted, never shown again."""

import time
from collections.abc import Mapping
from typing import Any

from clusters import encryption

KEPT_SECONDS = 24 * 3600
Typed = dict[str, str]


class Kept:
    """One form of one person. `name` says which: "connect/eks", "credentials/7"."""

    def __init__(self, session: Any, user_id: int, name: str) -> None:
        self._session, self._user_id = session, user_id
        self._key = f"kept:{name}"
        self._row = f"kept/{user_id}/{name}"

    @property
    def values(self) -> Typed:
        """What is shown again."""
        return dict(self._found.get("values", {}))

    @property
    def secrets(self) -> Typed:
        """What is not. Empty when it can no longer be read."""
        if not (encrypted := self._found.get("secrets")):
            return {}
        try:
            return encryption.decrypt(self._row, encrypted)
        except (encryption.NoKey, encryption.Undecryptable):
            return {}

    def keep(self, values: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """Replace what was kept. Raises NoKey where there are secrets and no key to encrypt them with."""
        filled = {name: text for name, text in secrets.items() if text}
        self._session[self._key] = {
            "values": dict(values),
            "secrets": encryption.encrypt(self._row, filled) if filled else "",
            "at": int(time.time()),
        }

    def forget(self) -> None:
        """As if nothing had been typed."""
        self._session.pop(self._key, None)

    def other(self, name: str) -> "Kept":
        """Another form of the same person."""
        return Kept(self._session, self._user_id, name)

    @property
    def _found(self) -> dict[str, Any]:
        found = self._session.get(self._key) or {}
        return found if time.time() - found.get("at", 0) < KEPT_SECONDS else {}
