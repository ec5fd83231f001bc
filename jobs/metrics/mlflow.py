"""What MLflow writes into a folder: `mlruns/<experiment>/<run>/metrics/<name>` and `…/params/<name>`. Pure."""

import math
import re
from dataclasses import dataclass

from jobs.metrics.left_out import LeftOut, quoted
from jobs.metrics.line import LONGEST_NUMBER, NUMBER, Told

PATH = re.compile(r"(?:results/)?mlruns/[^/]+/([^/]+)/(metrics|params)/(.+)")
MOST_FILES = 200
MOST_BYTES = 1024 * 1024
LONGEST_NAME, LONGEST_VALUE = 200, 500


@dataclass(frozen=True)
class Place:
    """A file of a run."""

    run: str
    is_metric: bool
    name: str


def place_of(path: str) -> Place | None:
    """What a result file is to MLflow; None for all others."""
    found = PATH.fullmatch(path)
    if found is None or len(found[3]) > LONGEST_NAME - 9:
        return None
    return Place(found[1], found[2] == "metrics", found[3])


def read_metric(data: bytes, name: str, left_out: LeftOut) -> list[Told]:
    """Lines `timestamp value step`."""
    told: list[Told] = []
    for line in data.decode("utf-8", "replace").splitlines():
        words = line.split()
        if not words:
            continue
        if len(words) not in (2, 3) or not all(map(_is_number, words[1:])):
            left_out.add(f"A line of MLflow's file for {quoted(name)} is not “timestamp value step”")
            continue
        value, step = float(words[1]), float(words[2]) if len(words) == 3 else None
        if math.isfinite(value) and (step is None or math.isfinite(step)):
            told.append((name, step, value))
        else:
            left_out.not_finite(name)
    return told


def read_parameter(data: bytes) -> str:
    """Its text, shortened."""
    text = data.decode("utf-8", "replace").strip().replace("\0", "�")
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _is_number(word: str) -> bool:
    return len(word) <= LONGEST_NUMBER and NUMBER.fullmatch(word) is not None
