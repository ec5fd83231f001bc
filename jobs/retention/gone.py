"""What rules deleted of a job, as its pages say it."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone

from jobs.models import Job, Kind, Stored
from teams.wording import readable_bytes

SUBJECTS = {Kind.LOGS: "The output", Kind.RESULTS: "The results", Kind.INPUTS: "The input files"}
PLURAL = {Kind.RESULTS, Kind.INPUTS}
# What a list on a page can hold.
MOST_SHOWN = 200


@dataclass(frozen=True)
class Gone:
    """One kind of a job's that is gone."""

    kind: str
    sentence: str
    files: list[dict[str, Any]]
    more: int


def gone_of(job: Job) -> dict[str, Gone]:
    """By kind, what is gone of it. One query."""
    of_it = Q(job=job.pk) | Q(bundle=job.bundle_id, team=job.team_id)
    rows = Stored.objects.filter(of_it, gone_at__isnull=False).defer("keys")
    return {row.kind: _gone(row) for row in rows}


def _gone(row: Stored) -> Gone:
    files = [{"path": path, "size": size} for path, size, _ in row.listing[:MOST_SHOWN]]
    return Gone(row.kind, sentence_of(row), files, max(0, row.gone_files - len(files)))


def sentence_of(row: Stored) -> str:
    """ "The output (1.2 GiB) was deleted on 3 May 2026 by the team's rule: 30 days after the end." """
    kind = Kind(row.kind)
    amount = readable_bytes(row.gone_bytes)
    if kind in PLURAL:
        amount = f"{row.gone_files:,} file{'' if row.gone_files == 1 else 's'}, {amount}"
    day = timezone.localtime(row.gone_at)
    verb = "were" if kind in PLURAL else "was"
    return f"{SUBJECTS[kind]} ({amount}) {verb} deleted on {day.day} {day:%B %Y} by {row.rule}."
