"""The line by which a script tells a metric: `::stellwerk-metric loss=0.31 step=12`. Pure (docs/metrics.md)."""

import math
import re

from jobs.metrics.left_out import LeftOut

MARK = b"::stellwerk-metric "
LONGEST_LINE = 4096
STEP = "step"
# Names as people write them in code: letters of any language, digits and _ . / - and nothing that is no word.
NAME = re.compile(r"[\w./-]{1,200}")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.I | re.ASCII)
LONGEST_NUMBER = 400

# Name, step (None: the next one), value.
Told = tuple[str, float | None, float]


def parse(line: bytes, left_out: LeftOut) -> list[Told]:
    """The metrics of a line that begins with MARK. What cannot be read is left out."""
    if len(line) > LONGEST_LINE:
        left_out.add(f"A metric's line is longer than {LONGEST_LINE} bytes")
        return []
    step: float | None = None
    found: list[tuple[str, float]] = []
    for word in line[len(MARK) :].decode("utf-8", "replace").split():
        name, sign, text = word.partition("=")
        if not sign or not NAME.fullmatch(name):
            left_out.add("A word of a metric's line is not name=number")
        elif len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
            left_out.add("The value of a metric is not a number")
        elif not math.isfinite(value := float(text)):
            left_out.not_finite(name)
        elif name == STEP:
            step = value
        else:
            found.append((name, value))
    return [(name, step, value) for name, value in found]
