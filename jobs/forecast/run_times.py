"""For how long a job will run: as long as similar ones did that ran as long already, never above its limit. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, log, sqrt
from random import Random
from statistics import pstdev

# Fewer past runs than this say little: what is similar in a wider sense is asked instead.
ENOUGH = 3
NEWEST = 50
# Spreads of the logarithm: how far a script's runs may lie from one run of it or of a similar one; and what runs that
# were all alike leave open.
SPREAD, LITTLE = 0.5, 0.1
# The runs of one script among themselves, and how much one or two runs of its own count against many of others.
WITHIN, OWN_SHARE = 0.35, 0.7
# A script ends on its limit at the latest; the cluster needs a moment for it.
AT_LEAST = 1.0


@dataclass(frozen=True)
class RunTimes:
    """Past runs in seconds, sorted: of the same script first, then wider. `limit`: the job's time limit."""

    levels: Sequence[Sequence[float]]
    limit: float

    def known(self, elapsed: float = 0.0) -> Sequence[float]:
        """The past runs that speak for a job that has run for `elapsed` already; () where none does.

        Those of the narrowest level with enough of them; else those of the widest that has any.
        """
        best: Sequence[float] = ()
        for runs in self.levels:
            longer = runs[bisect_right(runs, elapsed) :] if elapsed > 0 else runs
            if len(longer) >= ENOUGH:
                return longer
            best = longer if len(longer) >= len(best) else best
        return best

    def sampler(self, chance: Random) -> "Sampler":
        """For one draw of the future: what is not known of a script is the same for all its runs in it."""
        own = self.levels[0] if self.levels else ()
        if len(own) >= ENOUGH:
            return Sampler(self, chance, shift=exp(chance.gauss(0.0, self._unsure)))
        # One script is like one of the others, and not like their average: a sweep of it runs long, or short.
        speaks = own if own and chance.random() < OWN_SHARE else self.known()
        centre = chance.choice(speaks) * exp(chance.gauss(0.0, SPREAD)) if speaks else None
        return Sampler(self, chance, centre=centre)

    @cached_property
    def _unsure(self) -> float:
        """How far the script's runs to come may lie from those known, together: the standard error of their mean."""
        own = self.levels[0]
        return (pstdev(log(max(run, AT_LEAST)) for run in own) + LITTLE) / sqrt(len(own))

    def quantile(self, share: float, elapsed: float = 0.0) -> float | None:
        """The whole run time that a `share` (0 to 1) of such jobs does not exceed; None without any past."""
        runs = self.known(elapsed)
        if not runs:
            return None
        at = (len(runs) - 1) * share
        low = int(at)
        high = min(low + 1, len(runs) - 1)
        return min(runs[low] + (runs[high] - runs[low]) * (at - low), max(self.limit, elapsed))


@dataclass(frozen=True)
class Sampler:
    """Draws run times of one kind of job: around `centre` where the script is hardly known, else its own runs."""

    times: RunTimes
    chance: Random
    centre: float | None = None
    shift: float = 1.0

    def draw(self, elapsed: float = 0.0) -> float:
        """A possible run time, more than `elapsed`, at most the limit. Without any past: evenly up to the limit."""
        most = max(self.times.limit, elapsed + AT_LEAST)
        if self.centre is not None:
            seconds = self.centre * exp(self.chance.gauss(0.0, WITHIN))
            if seconds > elapsed:
                return min(seconds, most)
        runs = self.times.known(elapsed / self.shift)
        if not runs:
            return self.chance.uniform(elapsed, most)
        seconds = self.chance.choice(runs) * self.shift
        return min(max(seconds, elapsed + AT_LEAST), most)
