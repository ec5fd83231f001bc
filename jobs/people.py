"""What the pages of teams and people ask about jobs (teams/work.py)."""

from collections.abc import Iterable

from django.db.models import Count

from jobs import wishes
from jobs.lifecycle import ACTIVE
from jobs.models import Job
from jobs.retention.sums import totals_of
from teams.models import Team, User


class JobWork:
    """The jobs of teams and people, by the history's own indexes."""

    def active_of_teams(self, team_ids: Iterable[int]) -> dict[int, int]:
        """As many as are shown by the history's filter "Active"."""
        jobs = Job.objects.filter(team__in=list(team_ids), status__in=ACTIVE, deleted_at=None).order_by()
        return dict(jobs.values_list("team").annotate(Count("pk")))

    def stored_of_teams(self, team_ids: Iterable[int]) -> dict[int, int]:
        """Output, results and input files together."""
        return {team_id: sum(by_kind.values()) for team_id, by_kind in totals_of(team_ids).items()}

    def active_of(self, user: User, team: Team | None = None) -> int:
        """As many as are shown by the history's filters "Active" and the person."""
        jobs = Job.objects.filter(owner=user, status__in=ACTIVE, deleted_at=None)
        return (jobs.filter(team=team) if team else jobs).count()

    def cancel_all_of(self, owner: User, asker: User) -> int:
        """Those that can be cancelled; a job that is about to end ends by itself."""
        return wishes.cancel_all_of(owner, asker)
