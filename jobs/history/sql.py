"""Statements put together from pieces, with their values beside them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Sql:
    """A piece of a statement and the values of its placeholders. Values never become text."""

    text: str
    values: tuple[Any, ...] = ()

    @classmethod
    def join(cls, glue: str, parts: Iterable["Sql"]) -> "Sql":
        """The pieces one after the other."""
        listed = list(parts)
        return cls(glue.join(part.text for part in listed), tuple(v for part in listed for v in part.values))

    def put(self, **parts: "Sql") -> "Sql":
        """This text with each `{name}` replaced by a piece, the values in the order of the text."""
        values: list[Any] = []
        text = ""
        for index, piece in enumerate(self.text.replace("}", "{").split("{")):
            text += parts[piece].text if index % 2 else piece
            values += parts[piece].values if index % 2 else ()
        return Sql(text, tuple(values))


def run(statement: Sql) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.values)
        return cursor.fetchall()
