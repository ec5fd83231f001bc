"""Waiting for the servers: with patience that ends."""

import os
import time

from portal.up.external import ask
from portal.up.troubles import Trouble

PATIENCE = 60.0
WORDS = {"DATABASE_URL": "The database", "REDIS_URL": "Redis or Valkey"}


class NoAnswer(Trouble):
    def __init__(self, variable: str, seconds: float, why: str) -> None:
        super().__init__(
            f"{WORDS[variable]} of {variable} did not answer within {seconds:g} seconds ({why}); "
            f"start that server or correct {variable}."
        )


def wait_for(*variables: str) -> None:
    """Return once all of them answer. Raises NoAnswer after STELLWERK_WAIT_SECONDS in all."""
    patience = float(os.environ.get("STELLWERK_WAIT_SECONDS") or PATIENCE)
    deadline = time.monotonic() + patience
    for variable in variables:
        while (why := _try(variable)) is not None:
            if time.monotonic() > deadline:
                raise NoAnswer(variable, patience, why)
            time.sleep(0.5)


def _try(variable: str) -> str | None:
    """Why it does not answer; None when it does."""
    try:
        ask(variable, os.environ[variable])
    except Exception as error:  # noqa: BLE001 (every driver has its own errors: the person needs their first line)
        lines = str(error).strip().splitlines()
        return lines[0] if lines else type(error).__name__
    return None
