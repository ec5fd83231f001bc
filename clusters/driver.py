"""What the portal asks of a cluster, and what a cluster answers: values and a protocol, no client library.

Every method of a driver returns in seconds, may be repeated, and treats a missing object as done.
The contract is written down in docs/architecture.md; tests/clusters/driver_contract.py proves each driver.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, Self

LABEL_INSTALLATION = "stellwerk/installation"
LABEL_JOB = "stellwerk/job"
LABEL_ATTEMPT = "stellwerk/attempt"
LABEL_TEAM = "stellwerk/team"
LABEL_WORK = "stellwerk/work"  # its name, where works are chosen by labels only


@dataclass(frozen=True, slots=True)
class Work:
    """Everything a cluster needs to start one attempt.

    `name` is deterministic ("sw-<installation>-<job>-<attempt>") and never reused. `token` is a secret:
    it is left out of the repr, so that it cannot reach a log by accident. `gpu_resource` is the resource's name at the
    cluster ("nvidia.com/gpu"); `space` the part of the cluster it belongs in (a namespace; "" on this machine);
    `pull_secret` names the registry's login there. `tolerations` have key, value ("" for any) and effect ("" for any).
    """

    name: str
    labels: Mapping[str, str]
    image: str
    portal_url: str
    token: str = field(repr=False)
    cpu_millis: int
    memory_bytes: int
    disk_bytes: int
    max_processes: int
    time_limit_seconds: int
    grace_seconds: int
    gpu_count: int = 0
    gpu_resource: str = ""
    space: str = ""
    pull_secret: str = ""
    node_labels: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, str]] = ()


class State(StrEnum):
    """Where an attempt's pod is. ENDED is said only when nothing of it can run any more."""

    PENDING = "pending"  # made, the script has not started
    RUNNING = "running"  # the script may run
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the cluster says about one work now.

    `reason` is "" or a word for machines of clusters/causes.py: until it ENDED why it waits, then why it ended;
    End.DELETED before the end tells that what held it to its limits is gone, and that it has to be stopped.
    `message` is a sentence for people, the cluster's own words where it has some. A script ended by a signal has
    128 + its number as exit code. `image_digest` is "sha256:…" of the image that runs, "" while it is not known.
    """

    name: str
    labels: Mapping[str, str]
    uid: str
    state: State
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    space: str = ""
    image_digest: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a cluster noted about one work (a Kubernetes event).

    `at` and `last_at` are its own times (ISO 8601, may be ""), `uid` stays the same while `count` grows. `kind` is
    "Normal" or "Warning", `about` names the object in words ("pod sw-…").
    """

    uid: str
    at: str
    last_at: str
    kind: str
    reason: str
    message: str
    about: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer to an inquiry: reason and words as in `Seen` ("" where nothing is unusual), and what was noted."""

    reason: str = ""
    message: str = ""
    told: tuple[Told, ...] = ()


class DriverError(Exception):
    """Something about a cluster did not work; the subclasses say who can act. The text is fit for people.

    `cause` is "" or a word of clusters.causes.
    """

    cause = ""

    def because(self, cause: str) -> Self:
        """The same error with its cause."""
        self.cause = str(cause)
        return self


class ClusterUnreachable(DriverError):
    """Time heals: try again later. Says nothing about the works on the cluster."""


class NotReadYet(ClusterUnreachable):
    """Nothing is known of it yet, good or bad: it has just begun to be followed."""


class ClusterRefused(DriverError):
    """An admin can act: credentials, rights, quotas, disk space."""


class AdminFirst(ClusterRefused):
    """An admin must act before anything works there: unknown credentials, another cluster. No job ends by it."""


class WorkInvalid(DriverError):
    """The user can act: the cluster would never take this work as it is."""


class NameTaken(DriverError):
    """A work of this name exists with other labels: it is somebody else's and was left alone."""


class Driver(Protocol):
    """One connected cluster. Safe to share between threads. `space` is the work's own, as in Work.space."""

    def create(self, work: Work) -> None:
        """Make the work exist. An existing work of that name is adopted after its labels are checked.

        Raises NameTaken, WorkInvalid, ClusterRefused, ClusterUnreachable.
        """

    def stop(self, name: str, space: str = "") -> None:
        """End all of the work: TERM, its grace time, KILL. Returns at once; a missing work is done."""

    def remove(self, name: str, space: str = "", *, is_ended: bool = False) -> None:
        """Forget an ended work and free its space; a missing one is done, a living one ClusterRefused.

        `is_ended`: this cluster was seen to say so, and need not be asked again.
        """

    def remove_ended(self, names: Collection[str], space: str = "") -> set[str]:
        """The same for many that were seen to have ended, in a request or two: those of them that are gone by it.

        The others have to be removed one by one. Raises ClusterUnreachable.
        """

    def warned(self, space: str = "") -> set[str] | None:
        """The names of all works there of which the cluster has noted a trouble; None: it cannot tell at little cost.

        Raises ClusterUnreachable.
        """

    def observe(self) -> list[Seen]:
        """All works of this installation, ended ones included until they are removed."""

    def close(self) -> None:
        """Nobody will use it any more."""

    def wait(self, seconds: float) -> None:
        """Return when `observe` may show something new, after so many seconds at the latest."""

    def look(self, name: str, space: str = "") -> Seen | None:
        """One work, read past any cache; None when there is none of that name."""

    def explain(self, name: str, space: str = "", age: float = 0.0) -> Explained | None:
        """An inquiry into one work that waits, or whose end was strange; None where there is nothing to ask.

        It costs a few requests: for single works, now and then. `age`: seconds since it was made, by the caller's
        clock.
        """
