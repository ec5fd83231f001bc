"""What an explanation is made of, and what it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jobs.lifecycle import Status

LONGEST_WORDS = 400


class Own(StrEnum):
    """Reasons that the portal itself gives a job, beside those of clusters.causes."""

    NO_SPACE = "no_space"  # the portal's disk is nearly full
    NO_PLACE = "no_place"  # the cluster has no namespace for the team, or no connection
    TEAM_QUOTA = "team_quota"  # the team uses what it may
    CLUSTER_QUOTA = "cluster_quota"  # the team uses what it may on this cluster
    OWN_QUOTA = "own_quota"  # the owner uses what a member may
    QUOTA_LENT = "quota_lent"  # the team's own is free by its limit, and others have borrowed it
    ITS_TURN = "its_turn"  # there would be room, but a job that has waited longer comes first
    TEAM_DISABLED = "team_disabled"  # by an admin
    BUDGET = "budget"  # the month's CPU-hours or GPU-hours are used up
    PREEMPTED = "preempted"  # stopped, as another team needs back what it borrowed
    RESTARTED = "restarted"  # that, and a new job runs in its place
    STAYS_STOPPED = "stays_stopped"  # that, and no new job could be made
    PAUSED = "paused"  # by an admin
    CLUSTER_FULL = "cluster_full"  # enough of ours wait there for room
    CLUSTER_SILENT = "cluster_silent"  # it does not answer
    INVALID = "invalid"  # the cluster would never take it as it is
    CLUSTER_REFUSED = "cluster_refused"  # refused again and again, for no cause that is known
    CLUSTER_REMOVED = "cluster_removed"  # switched off by an admin
    EXIT_CODE = "exit_code"  # the script ended with a code that is not 0
    SIGNAL = "signal"  # a signal ended the script


@dataclass(frozen=True)
class Explanation:
    """One sentence and, where there is something to do, one piece of advice."""

    sentence: str
    advice: str = ""

    @property
    def asks_for_changes(self) -> bool:
        """The advice names the button Run with changes: run as it was, it would end the same way."""
        return "Run with changes" in self.advice


@dataclass(frozen=True)
class Situation:
    """What an explanation may need to know. `stopped_for`: why the portal itself asked for the stop.

    `facts` are the names and amounts that belong to the reason, ready to be read (jobs/waiting.py makes them);
    each of them may be missing. `has_output`: something that the script wrote is there to be read.
    """

    status: Status
    reason: str = ""
    detail: str = ""
    exit_code: int | None = None
    is_cancelling: bool = False
    cancelled_by: str = ""
    stopped_for: str = ""
    cluster: str = "the cluster"
    entry: str = "the script"
    image: str = "its environment"
    memory: str = ""
    disk: str = ""
    time_limit: str = ""
    is_unreachable: bool = False
    adds_nodes: bool = False
    has_output: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    def fact(self, name: str) -> str:
        """One of the facts, "" where it is not known."""
        return str(self.facts.get(name) or "")

    @property
    def said(self) -> str:
        """ " It says: …" with the cluster's own words; "" without any."""
        words = " ".join(self.detail.split())
        if not words:
            return ""
        short = words if len(words) <= LONGEST_WORDS else words[:LONGEST_WORDS].rstrip() + " …"
        return f" It says: {short}" + ("" if short.endswith((".", "!", "?")) else ".")
