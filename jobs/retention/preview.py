"""The dry run in words and pages: exactly what would go, before anything is saved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from jobs.models import Job, Kind
from jobs.retention.choosing import Sum, due, summed
from jobs.retention.rules import Rule, rules_of
from jobs.retention.sums import note_ends
from teams.models import Team
from teams.wording import readable_bytes

PAGE = 20
MOST_SENTENCES = 100
POSSESSIVE = {Kind.LOGS: "output", Kind.RESULTS: "results", Kind.INPUTS: "input files"}


@dataclass(frozen=True)
class Row:
    """One thing that would go. `others`: so many more jobs have the same input files."""

    job: Job
    ended_at: datetime
    freed: int
    why: str
    others: int


@dataclass(frozen=True)
class Page:
    """Some of what would go of one kind; `next_after` is where the next page begins, "" on the last one."""

    kind: str
    label: str
    rows: list[Row]
    next_after: str


@dataclass(frozen=True)
class Told:
    """What would go of one kind; `is_any`: there is a list of it."""

    kind: str
    label: str
    sentence: str
    is_any: bool


@dataclass(frozen=True)
class Preview:
    """A sentence for each kind, and the list of one of them."""

    sums: list[Told]
    page: Page | None


def preview(team: Team, rules: Mapping[str, Rule], shown: str = "", after: str = "") -> Preview:
    """With these rules instead of those that hold. `shown`: the kind whose list is wanted; else the first one."""
    note_ends()
    sums = {kind: summed(team.pk, kind, rule) for kind, rule in rules.items()}
    listed = [kind for kind, found in sums.items() if found.jobs]
    chosen = shown if shown in listed else next(iter(listed), "")
    page = _page(team, chosen, rules[chosen], _place(after) if chosen == shown else None) if chosen else None
    told = [
        Told(kind, Kind(kind).label, words_of(kind, found), kind in listed) for kind, found in sums.items()
    ]
    return Preview(told, page)


def preview_of_all(portal: Mapping[str, Rule]) -> list[str]:
    """With these rules of the portal: a sentence for each team and kind of which something would go."""
    note_ends()
    sentences = []
    for team in Team.objects.order_by("name"):
        for kind, force in rules_of(team, portal).items():
            found = summed(team.pk, kind, force.rule)
            if found.jobs:
                sentences.append(f"{team.name}: {words_of(kind, found)}")
    more = len(sentences) - MOST_SENTENCES
    return sentences[:MOST_SENTENCES] + ([f"And {more:,} more."] if more > 0 else [])


def words_of(kind: str, found: Sum) -> str:
    """ "412 jobs' output, 31.2 GiB, the oldest of 3 May 2026, the newest of 1 Jun 2026"."""
    if not found.jobs or found.oldest is None or found.newest is None:
        return "nothing would go."
    whose = "1 job's" if found.jobs == 1 else f"{found.jobs:,} jobs'"
    first, last = _day(found.oldest), _day(found.newest)
    when = f"ended on {first}" if first == last else f"the oldest of {first}, the newest of {last}"
    return f"{whose} {POSSESSIVE[Kind(kind)]}, {readable_bytes(found.freed)}, {when}."


def _page(team: Team, kind: str, rule: Rule, after: tuple[datetime, int] | None) -> Page:
    found = due(team.pk, kind, rule, PAGE + 1, after)
    jobs = newest_jobs(team.pk, ((each.job_id, each.bundle_id) for each in found[:PAGE]))
    rows = [
        Row(job, each.ended_at, each.freed, "by age" if each.is_age else "by size", each.jobs - 1)
        for each in found[:PAGE]
        if (job := jobs.get(each.job_id or each.bundle_id)) is not None
    ]
    last = found[PAGE - 1] if len(found) > PAGE else None
    next_after = f"{last.ended_at.isoformat()}_{last.id}" if last else ""
    return Page(kind, Kind(kind).label, rows, next_after)


def newest_jobs(team_id: int, found: Iterable[tuple[int | None, Any]]) -> dict[Any, Job]:
    """Of (job, bundle) pairs the jobs by either id; of a bundle the newest. Without those that people deleted."""
    listed = list(found)
    jobs = Job.objects.filter(team=team_id, deleted_at=None).select_related("owner")
    by: dict[Any, Job] = {job.pk: job for job in jobs.filter(pk__in=[pk for pk, _ in listed if pk])}
    bundles = [bundle for _, bundle in listed if bundle]
    newest = jobs.filter(bundle__in=bundles).order_by("bundle", "-pk").distinct("bundle")
    return by | {job.bundle_id: job for job in newest}


def _place(text: str) -> tuple[datetime, int] | None:
    moment, _, number = text.partition("_")
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (parsed, int(number)) if number.isdecimal() and len(number) < 19 and parsed.tzinfo else None


def _day(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y}"
