"""What one job used, cut into the sums that it belongs to. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from jobs.lifecycle import TERMINAL
from jobs.models import Grain
from jobs.usage import waits
from jobs.usage.days import milliseconds_by_day

MIB = 1024**2


class Used(NamedTuple):
    """What counts of a job, in the order in which the database is asked for it (`COLUMNS`)."""

    id: int
    team_id: int
    owner_id: int
    cluster_id: int
    profile_label: str
    gpu_resource: str
    cpu_millis: int
    memory_bytes: int
    gpu_count: int
    status: str
    created_at: datetime
    running_at: datetime | None
    finishing_at: datetime | None
    finished_at: datetime | None
    reason: str = ""
    image_label: str = ""


COLUMNS = Used._fields


class Key(NamedTuple):
    """Which sum: the unique columns of UsageSum; 0 and "" for what its grain does not tell apart."""

    grain: str
    day: date
    team_id: int
    owner_id: int
    cluster_id: int
    profile_label: str
    gpu_resource: str


@dataclass
class Amounts:
    """The columns of a sum that are added up; `waits` as in jobs/usage/waits.py, without zeros at its end."""

    cpu: int = 0
    memory: int = 0
    gpu: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    error: int = 0
    waits: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Amounts":
        """Those with these NUMBERS."""
        amounts = cls()
        for name, number in zip(NUMBERS, numbers, strict=True):
            setattr(amounts, name, number)
        return amounts

    def add(self, other: "Amounts") -> None:
        """Take the other's amounts too."""
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.waits:
            self.waits = waits.added(self.waits, other.waits)

    @property
    def jobs(self) -> int:
        """How many ended."""
        return self.succeeded + self.failed + self.cancelled + self.error


NUMBERS = ("cpu", "memory", "gpu", "succeeded", "failed", "cancelled", "error")
Sums = dict[Key, Amounts]


def summed(jobs: Iterable[Used], zone: tzinfo, now: datetime) -> Sums:
    """The sums, of every grain, that these jobs belong to. What runs still has used what it used until `now`."""
    sums: Sums = {}
    for job in jobs:
        for day, amounts in by_day(job, zone, now):
            for key in keys(job, day):
                sums.setdefault(key, Amounts()).add(amounts)
    return sums


def by_day(job: Used, zone: tzinfo, now: datetime) -> Iterator[tuple[date, Amounts]]:
    """What the job used on each day; its outcome and its wait belong to the day on which it ended."""
    days: dict[date, Amounts] = {}
    if job.running_at:
        end = job.finishing_at or job.finished_at or now
        for day, milliseconds in milliseconds_by_day(job.running_at, end, zone).items():
            days[day] = Amounts(
                cpu=job.cpu_millis * milliseconds,
                memory=-(-job.memory_bytes // MIB) * milliseconds,
                gpu=job.gpu_count * milliseconds,
            )
    if job.status in TERMINAL and job.finished_at:
        days.setdefault(job.finished_at.astimezone(zone).date(), Amounts()).add(_ended(job))
    yield from days.items()


def _ended(job: Used) -> Amounts:
    """A job that never started its script counts as a job and has no wait that ended."""
    ended = Amounts()
    setattr(ended, job.status, 1)
    if job.running_at:
        step = waits.step_of((job.running_at - job.created_at).total_seconds())
        ended.waits = [0] * step + [1]
    return ended


def keys(job: Used, day: date) -> tuple[Key, ...]:
    """The sum of each grain for a day of the job."""
    month, quarter, year = (
        day.replace(day=1),
        date(day.year, (day.month - 1) // 3 * 3 + 1, 1),
        date(day.year, 1, 1),
    )
    gpu = job.gpu_resource if job.gpu_count else ""
    cluster, profile = job.cluster_id, job.profile_label
    spans = ("", month), ("_q", quarter), ("_y", year)
    return (
        Key(Grain.DETAIL.value, day, job.team_id, job.owner_id, cluster, profile, gpu),
        *(Key(Grain.TEAM.value + span, first, job.team_id, 0, cluster, "", gpu) for span, first in spans),
        *(Key(Grain.OWNER.value + span, first, 0, job.owner_id, cluster, "", gpu) for span, first in spans),
        Key(Grain.ALL.value, day, 0, 0, cluster, profile, gpu),
    )
