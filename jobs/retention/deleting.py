"""The deletes of the rules: in the background, in small batches, wherever it is killed.

First rows say that something is gone (jobs/retention/marking.py), then its bytes are removed, then a row says so. A
crash leaves rows whose bytes are still there, which the next round finds; never the reverse. What somebody downloads
just now keeps its bytes until the download ends.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models.functions import Now

from clusters.failpoints import failpoint
from jobs import store
from jobs.models import Attempt, Kind, Stored
from jobs.output import outputlog
from jobs.retention.choosing import Due, due, is_too_much, may_delete
from jobs.retention.downloads import forget_ended, is_read
from jobs.retention.marking import mark
from jobs.retention.rules import InForce, Rule, rules_of_all
from jobs.retention.sums import add_up, note_ends, totals_of
from teams.audit import record_by
from teams.models import Team
from teams.wording import readable_bytes

log = logging.getLogger(__name__)
AT_ONCE = 50
# One round ends after so many batches of a team's kind: other teams have their turn.
MOST_BATCHES = 40
ACTOR = "The rules for what is kept"


@dataclass(frozen=True)
class Deleted:
    """What a round deleted of a team's kind."""

    team_id: int
    kind: str
    count: int
    bytes: int


def delete_by_rules(team_id: int | None = None) -> list[Deleted]:
    """One round for all teams, or one; what fails is tried again in the next round and stops nothing else."""
    note_ends()
    done, every = [], rules_of_all()
    totals = totals_of(every)
    for pk, rules in every.items():
        for kind, force in rules.items():
            if team_id not in (None, pk) or not may_delete(force.rule, totals[pk][kind]):
                continue
            try:
                done.append(_delete(pk, kind, force))
            except Exception:
                log.exception("the rule for the %s of team %s failed", kind, pk)
    erase()
    forget_ended()
    add_up()
    return [each for each in done if each.count]


def _delete(team_id: int, kind: str, force: InForce) -> Deleted:
    count = freed = 0
    waiting: list[Due] = []
    for _ in range(MOST_BATCHES):
        waiting = _still_due(team_id, kind, force.rule, waiting)
        waiting = waiting or due(team_id, kind, force.rule, MOST_BATCHES * AT_ONCE)
        batch, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        marked, less = mark(team_id, kind, force, batch) if batch else (0, 0)
        failpoint("retention.marked")
        count, freed = count + marked, freed + less
        if not marked or (marked == len(batch) and not waiting):
            break
        # What was passed over may have what the others would have freed: they are chosen anew.
        waiting = waiting if marked == len(batch) else []
        erase()
    if count:
        team = Team.objects.get(pk=team_id)
        what = {"what": Kind(kind).label, "jobs": count, "amount": readable_bytes(freed)}
        record_by(ACTOR, "retention.deleted", team, team=team, new=what | {"rule": force.rule.words})
    return Deleted(team_id, kind, count, freed)


def _still_due(team_id: int, kind: str, rule: Rule, waiting: list[Due]) -> list[Due]:
    """Of what was chosen some batches ago: by size nothing, if the rest fits meanwhile."""
    if not waiting or is_too_much(rule, totals_of([team_id])[team_id][kind]):
        return waiting
    return [each for each in waiting if each.is_age]


def erase() -> int:
    """Remove the bytes of what is gone, unless somebody reads them; how many rows are done."""
    done = 0
    for row in _to_erase():
        if row.job_id is not None and is_read(row.job_id, row.kind):
            continue
        try:
            _remove(row)
        except OSError as error:
            log.warning("the %s of job %s could not be removed: %s", row.kind, row.job_id, error)
            continue
        failpoint("retention.removed")
        done += Stored.objects.filter(pk=row.pk, erased_at=None).update(erased_at=Now(), keys=[])
    return done


def _to_erase() -> Iterator[Stored]:
    """By id, some at a time: the keys of one row may be many."""
    last = 0
    while rows := list(
        Stored.objects.filter(gone_at__isnull=False, erased_at=None, pk__gt=last).order_by("pk")[:AT_ONCE]
    ):
        yield from rows
        last = rows[-1].pk


def _remove(row: Stored) -> None:
    """Missing is done: this may be a repeat."""
    if row.kind == Kind.LOGS:
        for attempt_id in Attempt.objects.filter(job=row.job_id).values_list("pk", flat=True):
            outputlog.delete(attempt_id)
    for number, key in enumerate(row.keys):
        store.delete(key)
        if number == 0:
            failpoint("retention.half_removed")
