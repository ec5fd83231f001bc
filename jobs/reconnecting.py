"""A process's first statement for a request, where no connection is checked before it is used (settings_intake.py)."""

from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")


def asked_again_if_dead(ask: Callable[[], T]) -> T:
    """What `ask` answers; once more where its connection had died (PostgreSQL was started again).

    It has to be a question that changes nothing. Raises what it raises, at once where no connection is to be had.
    """
    try:
        return ask()
    except (OperationalError, InterfaceError):
        if connection.connection is None:
            raise
        connection.close()
        if connection.pool:  # type: ignore[attr-defined]
            connection.pool.check()  # type: ignore[attr-defined]
        return ask()
