"""What a team's pages say of its amounts: a bar for each kind, the rule beside it, and what went lately."""

from dataclasses import dataclass

from jobs.models import Job, Kind, Stored
from jobs.retention.gone import sentence_of
from jobs.retention.preview import newest_jobs
from jobs.retention.rules import InForce, Rules
from jobs.retention.sums import totals_of
from teams.models import Team
from teams.wording import readable_bytes

# From so much of its limit on a bar warns.
HIGH = 0.9
LATEST = 20


@dataclass(frozen=True)
class Amount:
    """One kind. `part`: how much of the limit (without one: of all that the team has) it is, in per cent."""

    kind: str
    label: str
    bytes: int
    part: float
    level: str
    has_limit: bool
    words: str
    rule_words: str
    source: str


@dataclass(frozen=True)
class Gone:
    """What went. `job`: of which, of input files that several had the newest; None where people deleted it since."""

    sentence: str
    job: Job | None


def amounts_of(team: Team, rules: Rules) -> list[Amount]:
    """By kind; one query."""
    totals = totals_of([team.pk])[team.pk]
    return [_amount(kind, totals[kind], sum(totals.values()), rules[kind]) for kind in map(str, Kind)]


def latest_gone(team: Team) -> list[Gone]:
    """What rules deleted last; three queries."""
    rows = Stored.objects.filter(team=team, gone_at__isnull=False).defer("keys", "listing")
    latest = list(rows.order_by("-gone_at", "-pk")[:LATEST])
    jobs = newest_jobs(team.pk, ((row.job_id, row.bundle_id) for row in latest))
    return [Gone(sentence_of(row), jobs.get(row.job_id or row.bundle_id)) for row in latest]


def _amount(kind: str, number: int, total: int, force: InForce) -> Amount:
    most = force.rule.most_bytes
    whole = most if most is not None else total
    part = min(1.0, number / whole) if whole else float(number > 0)
    level = ""
    words = readable_bytes(number)
    if most is not None:
        words += f" of {readable_bytes(most)}"
        level = "full" if number > most else "high" if part >= HIGH else ""
    has_own = force.own.is_any and force.rule != force.allowed
    source = (
        "the team's own rule" if has_own else "the portal's rule" if force.is_portal else "set by an admin"
    )
    rule_words = f"Kept {force.rule.words}" if force.rule.days is None else f"Kept for {force.rule.words}"
    if force.rule.days is None and most is not None:
        rule_words = f"Kept for ever, {force.rule.words}"
    return Amount(
        kind, Kind(kind).label, number, 100 * part, level, most is not None, words, rule_words, source
    )
