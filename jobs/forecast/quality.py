"""How good the estimates were: of those that were judged, by team and by what the jobs waited for."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from jobs.catalogue.queued import SHORT
from jobs.models import StartEstimate
from teams.models import Team

DAYS = 30
MOST_TEAMS = 50
# What ranges are made for (jobs/forecast/ranges.py).
GOAL_PERCENT = 80


@dataclass(frozen=True)
class Quality:
    """Of some judged estimates: `width` of the ranges and `relative` to the wait are medians."""

    label: str
    count: int
    right: int
    width: float | None
    relative: float | None

    @property
    def percent(self) -> int | None:
        """How many of a hundred were right; None without any."""
        return 100 * self.right // self.count if self.count else None

    @property
    def is_good(self) -> bool:
        """As good as promised."""
        return self.percent is not None and self.percent >= GOAL_PERCENT


@dataclass
class QualityReport:
    """The page. `open`: estimates whose jobs still wait."""

    whole: Quality
    teams: list[Quality] = field(default_factory=list)
    causes: list[Quality] = field(default_factory=list)
    open: int = 0


def make_report() -> QualityReport:
    """Of the last DAYS days."""
    since = timezone.now() - timedelta(days=DAYS)
    whole = _grouped("''", since)
    teams = _grouped("team_id::text", since)[:MOST_TEAMS]
    names = {
        str(pk): name
        for pk, name in Team.objects.filter(pk__in=[int(each.label) for each in teams]).values_list(
            "pk", "name"
        )
    }
    return QualityReport(
        whole=whole[0] if whole else Quality("All together", 0, 0, None, None),
        teams=[_named(each, names.get(each.label, "")) for each in teams],
        causes=[_named(each, SHORT.get(each.label, each.label)) for each in _grouped("cause", since)],
        open=StartEstimate.objects.filter(is_right=None).count(),
    )


def _named(quality: Quality, label: str) -> Quality:
    return Quality(label, quality.count, quality.right, quality.width, quality.relative)


def _grouped(by: str, since: datetime) -> list[Quality]:
    with connection.cursor() as cursor:
        cursor.execute(JUDGED.format(by=by), [since])
        return [Quality(*row) for row in cursor.fetchall()]


# Width against wait only where the wait is long enough to be compared with anything.
JUDGED = """
SELECT {by} AS label, count(*), count(*) FILTER (WHERE is_right),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM late - early)::float8),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY
        CASE WHEN started_at - made_at >= interval '1 minute'
        THEN (extract(epoch FROM late - early) / extract(epoch FROM started_at - made_at))::float8 END)
FROM jobs_startestimate WHERE made_at >= %s AND is_right IS NOT NULL
GROUP BY 1 ORDER BY 2 DESC, 1
"""
