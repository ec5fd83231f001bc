"""High priority is for few jobs of a team at a time; otherwise it would be everybody's."""

from jobs.lifecycle import ACTIVE
from jobs.models import Job, Priority
from teams.models import Team


def too_many_high(team: Team) -> str:
    """A sentence while the team has as many high-priority jobs as it may, waiting or running; else "".

    Exact only under the team's lock (teams.quota.ledger.lock_team).
    """
    active = Job.objects.filter(team=team, priority=Priority.HIGH, status__in=ACTIVE, deleted_at=None)
    if active[: team.most_high_jobs].count() < team.most_high_jobs:
        return ""
    if not team.most_high_jobs:
        return f"{team.name} has no high-priority jobs. Choose normal, or ask an admin."
    return (
        f"{team.name} has {team.most_high_jobs} high-priority jobs waiting or running, which is as many as it may"
        " have. Choose normal, or wait until one of them has ended."
    )
