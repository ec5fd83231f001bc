"""Why a job waits, and why it ended strangely: told to people as soon as it is known, asked for where nobody tells.

What a pod tells by itself comes with `watch` and costs nothing. The rest (a quota, a rule, a scheduler that does not
act) only an inquiry finds: a few requests for one job, first after some seconds, then ever less often.
"""

import logging
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from clusters.causes import BETTER_THAN_STOPPED, End, Wait
from clusters.driver import Driver, DriverError, Explained, State, Told
from clusters.models import DriverKind
from jobs.hints import announce
from jobs.lifecycle import Status
from jobs.models import TOLD, Attempt, Job, JobEvent
from jobs.reconciler.inquiries import INQUIRED, LATER, Inquiries

log = logging.getLogger(__name__)
WAITING = "waiting"
MOST_TOLD, MOST_WAITING = 50, 50
# What the runner, or nobody, said of an end that the cluster may know better.
VAGUE = frozenset({End.STOPPED, End.LOST, End.REFUSED, End.START_FAILED})
OF_SCRIPTS = frozenset({End.DISK_LIMIT, End.OUT_OF_MEMORY, End.TIME_LIMIT})


inquiries = Inquiries()


def tell(job: Job, reason: str, detail: str) -> None:
    """Write why the job is where it is, while it is there; an event when the reason is another one."""
    if (job.reason, job.detail) == (reason, detail):
        return
    is_news = reason not in ("", job.reason)
    with transaction.atomic():
        if not Job.objects.filter(pk=job.pk, status=job.status).update(reason=reason, detail=detail):
            return
        if is_news and job.events.filter(kind=WAITING).count() < MOST_WAITING:
            sentence = job.explained(Status(job.status), reason, detail).sentence
            data = {"reason": reason, "facts": job.facts_of(reason, detail)}
            JobEvent.objects.create(job_id=job.pk, kind=WAITING, sentence=sentence, data=data)
    job.reason, job.detail = reason, detail
    announce(job.pk, "status")


def tell_wait(job: Job, attempt: Attempt | None) -> float | None:
    """Tell what watch saw of what holds the job up. The attempt's age where an inquiry may find more, else None."""
    if attempt is None or job.status not in (Status.STARTING, Status.RUNNING):
        return None
    _tell_what_was_seen(job, attempt)
    # Whose script's container runs waits for nothing at the cluster, though its runner has not reported yet.
    is_waiting = job.status == Status.STARTING and attempt.seen_state != State.RUNNING
    is_unusual = is_waiting or bool(attempt.seen_reason)
    if not (is_asked(job) and is_unusual) or attempt.created_at is None or job.is_cancelling:
        return None
    return (timezone.now() - attempt.created_at).total_seconds()


def is_due(job: Job, attempt: Attempt, age: float) -> bool:
    """Whether to inquire into what holds it up."""
    return inquiries.is_due(attempt, age, job.reason)


def seconds_left(job: Job, attempt: Attempt, age: float) -> float:
    """Until there may be more to tell. Where there were enough inquiries, the usual look comes back to it."""
    left = inquiries.next_age(attempt, age, job.reason) - age
    return left if left > 0 else LATER


def is_quiet(driver: Driver, job: Job, attempt: Attempt) -> bool:
    """Whether nothing tells of any trouble, as far as that can be known at little cost."""

    def read() -> set[str] | None:
        try:
            return driver.warned(attempt.space)
        except DriverError:
            return None

    return inquiries.is_quiet(job, attempt, read)


def tell_found(job: Job, attempt: Attempt, found: Explained | None) -> None:
    """Tell what an inquiry found of what holds the job up."""
    if found is not None:
        record(job, found.told)
        _tell_what_was_found(job, attempt, found)


def is_asked(job: Job) -> bool:
    """Whether inquiries into jobs of that cluster are of any use."""
    return bool(job.cluster.driver != DriverKind.LOCAL)


def ask(driver: Driver, attempt: Attempt, age: float = 0.0) -> Explained | None:
    """The cluster's answer; None where it has none, or cannot be asked. Without the database."""
    try:
        return driver.explain(attempt.name, attempt.space, age)
    except DriverError as error:
        log.info("no inquiry into %s: %s", attempt.name, error)
        return None


def explain_end(job: Job, found: Explained | None, reason: str, detail: str) -> tuple[Status, str, str]:
    """A strange end, with what the cluster told of it: the status, reason and words to end with."""
    if found is None:
        return Status.ERROR, reason, detail
    record(job, found.told)
    if reason not in VAGUE or found.reason not in frozenset(End) - VAGUE:
        return Status.ERROR, reason, detail
    # The script ran, and ended for a cause of its own.
    is_its_own = found.reason in OF_SCRIPTS and job.status == Status.FINISHING
    return Status.FAILED if is_its_own else Status.ERROR, found.reason, found.message


def may_be_refined(job: Job) -> bool:
    """The cluster may know better why it was stopped, until its work is removed."""
    return job.status == Status.ERROR and job.reason == End.STOPPED and is_asked(job)


def refine_end(job: Job, reason: str, detail: str) -> None:
    """The cluster came later with why a script was stopped. The status stays, what is told of it gets better."""
    if reason not in BETTER_THAN_STOPPED:
        return
    row = Job.objects.filter(pk=job.pk, status=Status.ERROR, reason=End.STOPPED)
    with transaction.atomic():
        if not row.update(reason=reason, detail=detail):
            return
        sentence = job.explained(Status.ERROR, reason, detail).sentence
        data = {"reason": reason, "facts": job.facts_of(reason, detail)}
        JobEvent.objects.create(job_id=job.pk, kind="explained", sentence=sentence, data=data)
    announce(job.pk, "status")


def record(job: Job, told: tuple[Told, ...]) -> None:
    """Keep what the cluster noted, each thing once with its newest count, MOST_TOLD of them at most."""
    known = {event.data.get("uid"): event for event in job.events.filter(kind=TOLD)}
    fresh = [each for each in told if each.uid not in known][: max(0, MOST_TOLD - len(known))]
    JobEvent.objects.bulk_create(
        JobEvent(job_id=job.pk, kind=TOLD, sentence=each.message, data=_data(each), at=_moment(each.at))
        for each in fresh
    )
    for each in told:
        event = known.get(each.uid)
        if event is not None and event.data != _data(each):
            JobEvent.objects.filter(pk=event.pk).update(data=_data(each), sentence=each.message)


def _tell_what_was_seen(job: Job, attempt: Attempt) -> None:
    reason, detail = attempt.seen_reason, attempt.seen_message
    if reason in frozenset(End):
        return  # it is being stopped for that, and is told at its end
    if job.status == Status.RUNNING:
        is_silent = reason == Wait.NODE_SILENT
        tell(job, *((reason, detail) if is_silent else ("", "")))
    elif not _is_finer(job.reason, reason):
        tell(job, reason, detail)


def _tell_what_was_found(job: Job, attempt: Attempt, found: Explained) -> None:
    if found.reason in frozenset(Wait):
        tell(job, found.reason, found.message)
    elif not attempt.seen_reason and not found.reason:
        tell(job, "", "")


def _is_finer(told: str, seen: str) -> bool:
    """Whether what is told already says more than what watch saw."""
    if told in INQUIRED and not seen:
        return True
    if told == Wait.PULL_SECRET_MISSING:
        return seen.startswith("image_")
    return seen == Wait.IMAGE_PULL and told.startswith("image_") and told != seen


def _data(each: Told) -> dict[str, str | int]:
    return {
        "uid": each.uid,
        "kind": each.kind,
        "reason": each.reason,
        "about": each.about,
        "count": each.count,
        "last_at": each.last_at,
    }


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return timezone.now()
    return at if at.tzinfo else at.replace(tzinfo=UTC)
