"""What can be done to many jobs: cancel, delete, pin, run again, change tags. Each is done to one job at a time."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID, uuid5

from django.db import transaction

from jobs import hints, wishes
from jobs.models import Job
from jobs.retention import pins
from jobs.search import pending
from jobs.submission import submit
from jobs.submission.noted import noting
from jobs.submission.typed import MAX_TAGS
from teams.audit import Origin, record
from teams.models import User
from teams.policy import Rights

ENDED = "nothing is left to cancel there"
FORBIDDEN = "only the owner, a manager of the team or an admin may do this"
TOO_MANY_TAGS = f"a job has at most {MAX_TAGS} tags"
AS_IT_IS = "nothing had to be changed"


@dataclass(frozen=True)
class Action:
    """What is done, by whom. `key`: with it, "run again" makes one new job of each, however often it is asked."""

    name: str
    user: User
    origin: Origin
    key: UUID
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass
class Choice:
    """The jobs that an action concerns, and how many it leaves alone, by the reason."""

    jobs: list[Job] = field(default_factory=list)
    left_alone: Counter[str] = field(default_factory=Counter)

    @property
    def sentences(self) -> list[str]:
        """What is left alone, as people read it."""
        return [f"{jobs_in_words(count)} left alone: {why}." for why, count in self.left_alone.items()]


def choose(name: str, jobs: Iterable[Job], rights: Rights) -> Choice:
    """Part the jobs into those that the action concerns and those that it leaves alone."""
    choice = Choice()
    for job in jobs:
        if name != "again" and not rights.may_change(owner_id=job.owner_id, team_id=job.team_id):
            choice.left_alone[FORBIDDEN] += 1
        elif name == "cancel" and not job.can_be_cancelled:
            choice.left_alone[ENDED] += 1
        else:
            choice.jobs.append(job)
    return choice


def apply(action: Action, choice: Choice) -> int:
    """Do it to each of the jobs; how many it was done to. What cannot be done joins those that are left alone."""
    done = 0
    for job in choice.jobs:
        why = _ACTS[action.name](action, job)
        done += not why
        if why:
            choice.left_alone[why] += 1
    return done


def jobs_in_words(count: int) -> str:
    """ "1 job", "1,200 jobs"."""
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"


def _wish(wish: Callable[[Job, User], bool], entry: str, why_not: str, action: Action, job: Job) -> str:
    """Done, with an entry in the audit log, where something was written; else the reason why not."""
    with transaction.atomic():
        if not wish(job, action.user):
            return why_not
        record(action.origin, entry, job, team=job.team, old=wishes.told_before(action.name, job))
    return ""


def _again(action: Action, job: Job) -> str:
    key = uuid5(action.key, str(job.pk))
    try:
        submit.run_again(action.user, job, key, noting(action.origin, again=job.pk))
    except submit.CannotRun as error:
        return str(error).rstrip(".")
    return ""


def _tag(action: Action, job: Job) -> str:
    with transaction.atomic():
        held = Job.objects.select_for_update().filter(pk=job.pk, deleted_at=None).only("tags").first()
        if held is None:
            return AS_IT_IS
        kept = [tag for tag in held.tags if tag not in action.removed]
        tags = kept + [tag for tag in action.added if tag not in kept]
        if len(tags) > MAX_TAGS:
            return TOO_MANY_TAGS
        if tags == held.tags:
            return AS_IT_IS
        Job.objects.filter(pk=job.pk).update(tags=tags)
        pending.note([job.pk])
        record(action.origin, "job.tagged", job, team=job.team, old={"tags": held.tags}, new={"tags": tags})
        transaction.on_commit(partial(hints.announce, job.pk, "status"), robust=True)
    return ""


_ACTS: dict[str, Callable[[Action, Job], str]] = {
    "cancel": partial(_wish, wishes.cancel, "job.cancelled", ENDED),
    "delete": partial(_wish, wishes.delete, "job.deleted", AS_IT_IS),
    "pin": partial(_wish, pins.pin, "job.pinned", "pinned already"),
    "unpin": partial(_wish, pins.unpin, "job.unpinned", "not pinned"),
    "again": _again,
    "tag": _tag,
}
ACTIONS = tuple(_ACTS)
