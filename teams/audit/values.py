"""What is kept of old and new values: only what changed, nothing secret, nothing that could pass for another line."""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

CHANGED = "changed"
LONGEST_TEXT, MOST_ITEMS, DEEPEST = 500, 50, 5
SECRET = re.compile(
    r"passw|secret|token|credential|kubeconfig|private|encrypted|nonce|session|certificate|client_key|api_key|"
    r"access_key|authorization|cookie",
    re.I,
)
# A name of a secret is none, and it helps to see that it was changed.
NO_SECRETS = {"pull_secret", "runner_pull_secret", "must_change_password", "aws_access_key_id"}
# What would end a line, command a terminal or turn the reading direction is written as its escape.
UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class Changes(NamedTuple):
    """The fields that differ, as they were and as they are."""

    old: dict[str, Any]
    new: dict[str, Any]


def snapshot(instance: models.Model) -> dict[str, Any]:
    """The columns of a row as they are in memory, for `changes`."""
    return {field.attname: field.value_from_object(instance) for field in instance._meta.concrete_fields}


def changes(instance: models.Model, before: Mapping[str, Any]) -> Changes:
    """What is different from an earlier `snapshot` of the row."""
    return compared(before, snapshot(instance))


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """The keys whose values differ. Secret ones only say that they did."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    secret = [name for name in names if is_secret(name)]
    old = {name: before[name] for name in names if name in before and name not in secret}
    new = {name: after[name] for name in names if name in after and name not in secret}
    return Changes(old, new | {name: CHANGED for name in secret if name in after})


def is_secret(name: str) -> bool:
    """Whether a field of this name is never written down."""
    return bool(SECRET.search(name)) and name not in NO_SECRETS


def kept(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """As it goes into the database: plain JSON, secrets away, texts safe and of a bounded length."""
    plain: dict[str, Any] = _bounded(dict(values or {}), DEEPEST)
    return plain


def safe_text(text: str, longest: int = LONGEST_TEXT) -> str:
    r"""One line without commands for a terminal: a line break becomes the two characters `\n`, and so on."""
    shown = "".join(
        _escaped(char) if unicodedata.category(char) in UNPRINTABLE else char for char in text[:longest]
    )
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def _bounded(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        if depth == 0:
            return "…"
        pairs = list(value.items())[:MOST_ITEMS]
        return {safe_text(str(name), 80): _item(str(name), item, depth) for name, item in pairs}
    if isinstance(value, str):
        return safe_text(str(value))
    if isinstance(value, list | tuple | set | frozenset | models.QuerySet):
        return "…" if depth == 0 else [_bounded(item, depth - 1) for item in list(value)[:MOST_ITEMS]]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return CHANGED
    if isinstance(value, models.Model):
        return safe_text(str(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return _bounded(json.loads(json.dumps(value, cls=_Encoder)), depth)


def _item(name: str, value: Any, depth: int) -> Any:
    return CHANGED if is_secret(name) and value else _bounded(value, depth - 1)


class _Encoder(DjangoJSONEncoder):
    """Dates and numbers as Django writes them, anything else by its own words."""

    def default(self, o: Any) -> Any:
        """Called for what JSON does not know."""
        try:
            return super().default(o)
        except TypeError:
            return str(o)
