"""Why a job is where it is: a sentence for people and what to do next. Pure; one entry per reason.

The reasons are those of clusters/causes.py and `Own`; docs/reasons.md lists them all.
"""

from jobs.catalogue.ends import signal_name
from jobs.catalogue.explaining import explain
from jobs.catalogue.situation import Explanation, Own, Situation

__all__ = ["Explanation", "Own", "Situation", "explain", "signal_name"]
