"""For how long a job will run: as long as similar ones did that ran as long already, never above its limit. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt
from random import Random

# Fewer past runs than this say little: what is similar in a wider sense is asked instead.
ENOUGH = 3
NEWEST = 50
# A past run stands for others a little shorter and longer; the fewer there are, the more so.
SPREAD = 0.5
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

    def draw(self, chance: Random, elapsed: float = 0.0) -> float:
        """One possible run time, more than `elapsed`, at most the limit. Without any past: evenly up to the limit."""
        runs = self.known(elapsed)
        most = max(self.limit, elapsed + AT_LEAST)
        if not runs:
            return chance.uniform(elapsed, most)
        seconds = chance.choice(runs) * exp(chance.gauss(0.0, SPREAD / sqrt(len(runs))))
        if seconds <= elapsed:
            # The jitter went below what it ran already: it ends soon.
            seconds = elapsed + AT_LEAST + chance.random() * 0.1 * elapsed
        return min(seconds, most)

    def quantile(self, share: float, elapsed: float = 0.0) -> float | None:
        """The whole run time that a `share` (0 to 1) of such jobs does not exceed; None without any past."""
        runs = self.known(elapsed)
        if not runs:
            return None
        at = (len(runs) - 1) * share
        low = int(at)
        high = min(low + 1, len(runs) - 1)
        return min(runs[low] + (runs[high] - runs[low]) * (at - low), max(self.limit, elapsed))
