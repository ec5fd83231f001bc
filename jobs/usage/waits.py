"""Waiting times as counts in steps, so that sums of many jobs still have a median. Pure.

A step is a quarter of a doubling: what is read back is at most a tenth off.
"""

import math
from collections.abc import Sequence

STEPS_PER_DOUBLING = 4
# Whoever waited longer than 45 days is in the last step.
STEPS = 89


def step_of(seconds: float) -> int:
    """The step of a waiting time."""
    return min(STEPS - 1, int(STEPS_PER_DOUBLING * math.log2(1 + max(0.0, seconds))))


def seconds_at(step: float) -> float:
    """The waiting time at which a step begins."""
    return float(2 ** (step / STEPS_PER_DOUBLING) - 1)


def added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """The counts of both; the shorter one has nothing in the steps that it lacks."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    return [count + (shorter[step] if step < len(shorter) else 0) for step, count in enumerate(longer)]


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The waiting time that a `share` (0 to 1) of the jobs did not exceed; None without jobs."""
    rank = sum(counts) * share
    passed = 0
    for step, count in enumerate(counts):
        if count and passed + count >= rank:
            return seconds_at(step + (rank - passed) / count)
        passed += count
    return None
