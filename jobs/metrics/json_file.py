"""`metrics.json`: numbers, nested objects with dots between their names, lists as curves. Pure."""

import json
import math
from collections.abc import Iterator
from typing import Any

from jobs.metrics.left_out import LeftOut, quoted
from jobs.metrics.line import STEP, Told

MOST_BYTES = 1024 * 1024
MOST_VALUES = 200_000
LONGEST_NAME = 200
DEEPEST = 32


def read(data: bytes, path: str, left_out: LeftOut) -> list[Told]:
    """The metrics of a file. Nothing where it is not JSON, which is said."""
    try:
        # A float from the start: Python refuses whole numbers of many digits, and makes none of them infinite.
        found = json.loads(data, parse_int=float)
    except (ValueError, RecursionError) as error:
        left_out.add(f"{quoted(path)} is not JSON that can be read ({_where(error)})")
        return []
    if not isinstance(found, dict):
        left_out.add(f"{quoted(path)} is not a JSON object with names")
        return []
    told: list[Told] = []
    for each in _flat(found, "", left_out, 0):
        if len(told) >= MOST_VALUES:
            left_out.add(f"{quoted(path)} has more than {MOST_VALUES:,} values; the rest was not read")
            break
        told.append(each)
    return told


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else "it is not UTF-8"


def _flat(value: Any, name: str, left_out: LeftOut, depth: int) -> Iterator[Told]:
    if isinstance(value, dict):
        if depth >= DEEPEST:
            left_out.add(f"{quoted(name)} is nested more than {DEEPEST} deep")
            return
        for key, below in value.items():
            yield from _flat(below, f"{name}.{key}" if name else str(key), left_out, depth + 1)
    elif isinstance(value, list):
        for place, element in enumerate(value):
            yield from _of_list(element, name, float(place), left_out)
    else:
        yield from _number(value, name, None, left_out)


def _of_list(element: Any, name: str, place: float, left_out: LeftOut) -> Iterator[Told]:
    """A number of a curve; or an object that has one for several curves, and perhaps the step."""
    if not isinstance(element, dict):
        if isinstance(element, list):
            left_out.add(f"{quoted(name)} holds lists within a list")
        else:
            yield from _number(element, name, place, left_out)
        return
    step = element.get(STEP)
    at = step if isinstance(step, float) and math.isfinite(step) else place
    for key, value in element.items():
        if key != STEP:
            yield from _number(value, f"{name}.{key}", at, left_out)


def _number(value: Any, name: str, step: float | None, left_out: LeftOut) -> Iterator[Told]:
    """Texts, true, false and null are no metrics and nothing that is missed."""
    if not isinstance(value, float):
        return
    if not math.isfinite(value):
        left_out.not_finite(name)
    elif len(name) > LONGEST_NAME or "\0" in name or not name:
        left_out.add(f"A name is empty, or longer than {LONGEST_NAME} characters")
    else:
        yield name.encode("utf-8", "replace").decode(), step, value
