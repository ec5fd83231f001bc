"""What was lent comes back: a team that needs its own gets it from jobs that their owners marked as pre-emptible."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from jobs.admission.choosing import Choice
from jobs.admission.stopping import ask_to_stop
from jobs.catalogue import Own
from jobs.models import Job
from teams.models import Scope
from teams.quota.resources import Amounts, amounts_of

SENTENCE = "Another team needs back what this job borrowed: asked to stop; it is started anew by itself."


@dataclass(frozen=True)
class Borrower:
    """A job that runs on what other teams lend, and may be stopped. `is_stopping`: it was asked to before."""

    job_id: int
    is_stopping: bool
    amounts: Amounts


def lacking(choice: Choice) -> dict[str, int]:
    """Of what was lent, how much the first of each waiting lane needs, by resource."""
    found: dict[str, int] = {}
    for block in choice.blocks.values():
        short = block.shortage
        if short and short.scope == Scope.POOL and not short.is_never:
            missing = short.used + short.asked - short.limit
            found[short.resource] = max(found.get(short.resource, 0), missing)
    return found


def take_back(team_id: int, needs: dict[str, int]) -> list[int]:
    """Ask as many pre-emptible borrowers to stop as the need takes; the ids of those that are asked now."""
    if not needs:
        return []
    chosen: set[int] = set()
    for resource, missing in needs.items():
        chosen |= choose(_borrowers(team_id, resource), resource, missing)
    return ask_to_stop(Job.objects.filter(pk__in=chosen), SENTENCE, reason=Own.PREEMPTED)


def choose(borrowers: Iterable[Borrower], resource: str, missing: int) -> set[int]:
    """Those that are stopped already count; of the others the newest, who lose least. Pure."""
    borrowers = list(borrowers)
    missing -= sum(each.amounts.get(resource, 0) for each in borrowers if each.is_stopping)
    chosen = set()
    for each in borrowers:
        if missing <= 0:
            break
        if not each.is_stopping and each.amounts.get(resource):
            chosen.add(each.job_id)
            missing -= each.amounts[resource]
    return chosen


def _borrowers(team_id: int, resource: str) -> list[Borrower]:
    with connection.cursor() as cursor:
        cursor.execute(BORROWERS, [resource, team_id])
        return [Borrower(pk, bool(asked), amounts_of(*rest)) for pk, asked, *rest in cursor.fetchall()]


BORROWERS = """
SELECT job.id, job.cancel_requested_at, job.cpu_millis, job.memory_bytes, job.gpu_resource, job.gpu_count
FROM jobs_attempt attempt JOIN jobs_job job ON job.id = attempt.job_id
JOIN teams_team team ON team.id = job.team_id AND team.shares_quota
JOIN teams_quotaline line ON line.team_id = team.id AND line.scope = 'team' AND line.resource = %s
    AND line.used > line."limit"
WHERE attempt.reserved_at IS NOT NULL AND attempt.released_at IS NULL
AND job.team_id <> %s AND (job.is_preemptible OR job.cancel_requested_at IS NOT NULL)
ORDER BY attempt.reserved_at DESC LIMIT 500
"""
