"""The dry run in words and pages: exactly what would go, before anything is saved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from jobs.models import Job, Kind
from jobs.retention.choosing import Sum, is_too_much, listed, may_delete, summed, with_ends
from jobs.retention.rules import Rule, Rules, rules_of_all
from jobs.retention.sums import note_ends, totals_of
from teams.models import Team
from teams.wording import readable_bytes

PAGE = 20
# So many teams are worked out at once, those with most: the page answers in seconds however many there are.
MOST_TEAMS = 100
POSSESSIVE = {Kind.LOGS: "output", Kind.RESULTS: "results", Kind.INPUTS: "input files"}
STAY = (
    "stay above the size: pinned jobs, or jobs that have not ended or ended less than an hour ago, hold them."
)
NOT_WORKED_OUT = "are not worked out here: only the teams with most are."


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


@dataclass(frozen=True)
class Touched:
    """A team that something can happen to: what it has of all kinds, and the rules by which it can, by kind."""

    bytes: int
    rules: dict[str, Rule]


def preview(team: Team, rules: Mapping[str, Rule], shown: str = "", after: str = "") -> Preview:
    """With these rules instead of those that hold. `shown`: the kind whose list is wanted; else the first one."""
    note_ends()
    sums = {kind: summed(team.pk, kind, rule) for kind, rule in rules.items()}
    going = [kind for kind, found in sums.items() if found.jobs]
    chosen = shown if shown in going else next(iter(going), "")
    page = _page(team, chosen, rules[chosen], _place(after) if chosen == shown else None) if chosen else None
    told = [
        Told(kind, Kind(kind).label, words_of(kind, found), kind in going) for kind, found in sums.items()
    ]
    return Preview(told, page)


def preview_of_all(portal: Mapping[str, Rule]) -> list[str]:
    """With these rules of the portal: a sentence for each team and kind that they touch, most stored bytes first.

    Teams to which nothing can happen are passed over by a few statements for all of them; of the others the first
    MOST_TEAMS are worked out, and a last sentence says how many are not.
    """
    note_ends()
    touched = _touched(rules_of_all(portal))
    looked_at = sorted(touched, key=lambda pk: touched[pk].bytes, reverse=True)[:MOST_TEAMS]
    names = dict(Team.objects.filter(pk__in=looked_at).values_list("pk", "name"))
    sentences = [
        f"{names[pk]}: {words_of(kind, found)}"
        for pk in filter(names.get, looked_at)
        for kind, rule in touched[pk].rules.items()
        if (found := summed(pk, kind, rule)).jobs or found.over
    ]
    rest = sum(each.bytes for pk, each in touched.items() if pk not in looked_at)
    more = len(touched) - len(looked_at)
    return sentences + ([_more(more, rest)] if more else [])


def words_of(kind: str, found: Sum) -> str:
    """ "412 jobs' output, 31.2 GiB, the oldest of 3 May 2026, the newest of 1 Jun 2026"; and what cannot go."""
    what = POSSESSIVE[Kind(kind)]
    over = f" {readable_bytes(found.over)} of the {what} {STAY}" if found.over else ""
    if not found.jobs or found.oldest is None or found.newest is None:
        return f"nothing would go.{over}"
    whose = "1 job's" if found.jobs == 1 else f"{found.jobs:,} jobs'"
    first, last = _day(found.oldest), _day(found.newest)
    when = f"ended on {first}" if first == last else f"the oldest of {first}, the newest of {last}"
    return f"{whose} {what}, {readable_bytes(found.freed)}, {when}.{over}"


def _touched(every: Mapping[int, Rules]) -> dict[int, Touched]:
    """By team the rules by which something can happen: too much is there, or old enough. Two statements for all."""
    totals = totals_of(every)
    rules = {
        (pk, kind): force.rule
        for pk, of_team in every.items()
        for kind, force in of_team.items()
        if totals[pk][kind] and may_delete(force.rule, totals[pk][kind])
    }
    fitting = {each: rule for each, rule in rules.items() if not is_too_much(rule, totals[each[0]][each[1]])}
    ended = with_ends((pk, kind, rule.days or 0) for (pk, kind), rule in fitting.items())
    found: dict[int, Touched] = {}
    for (pk, kind), rule in rules.items():
        if (pk, kind) not in fitting or (pk, kind) in ended:
            found.setdefault(pk, Touched(sum(totals[pk].values()), {})).rules[kind] = rule
    return found


def _more(teams: int, rest: int) -> str:
    which = "1 more team, which has" if teams == 1 else f"{teams:,} more teams, which have"
    return f"The rules touch {which} less stored ({readable_bytes(rest)} in all) and {NOT_WORKED_OUT}"


def _page(team: Team, kind: str, rule: Rule, after: tuple[datetime, int] | None) -> Page:
    found = listed(team.pk, kind, rule, PAGE + 1, after)
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
    pairs = list(found)
    jobs = Job.objects.filter(team=team_id, deleted_at=None).select_related("owner")
    by: dict[Any, Job] = {job.pk: job for job in jobs.filter(pk__in=[pk for pk, _ in pairs if pk])}
    bundles = [bundle for _, bundle in pairs if bundle]
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
