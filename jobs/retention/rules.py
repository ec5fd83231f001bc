"""Which rule holds for a team and a kind: the portal's, what an admin allows the team, and the team's own.

An admin's rule for a team takes the place of the portal's. The team's own can only be stricter: of two limits the
smaller one holds, so that a rule of the portal that becomes stricter reaches teams whose own is laxer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from jobs.models import Kind, RetentionRule
from teams.models import Team
from teams.wording import readable_bytes

Rules = dict[str, "InForce"]


@dataclass(frozen=True)
class Rule:
    """None: for ever, and no limit."""

    days: int | None = None
    most_bytes: int | None = None

    @property
    def is_any(self) -> bool:
        """Whether it ever deletes something."""
        return self.days is not None or self.most_bytes is not None

    def and_own(self, own: "Rule") -> "Rule":
        """With a rule that can only be stricter."""
        return Rule(_smaller(self.days, own.days), _smaller(self.most_bytes, own.most_bytes))

    @property
    def words(self) -> str:
        """ "30 days after the end, at most 50 GiB of the team"; "for ever"."""
        parts = [days_words(self.days)] if self.days is not None else []
        parts += [size_words(self.most_bytes)] if self.most_bytes is not None else []
        return ", ".join(parts) or "for ever"


@dataclass(frozen=True)
class InForce:
    """What holds, and where it comes from: `allowed` is what the team's own rule cannot exceed."""

    allowed: Rule
    own: Rule
    is_portal: bool

    @property
    def rule(self) -> Rule:
        """What is done."""
        return self.allowed.and_own(self.own)

    def reason(self, *, is_age: bool) -> str:
        """For what went: "the team's rule: 30 days after the end"."""
        value, own = (
            (self.rule.days, self.own.days) if is_age else (self.rule.most_bytes, self.own.most_bytes)
        )
        whose = "the team's" if value == own or not self.is_portal else "the portal's"
        return f"{whose} rule: {days_words(value) if is_age else size_words(value)}"


def days_words(days: int | None) -> str:
    """ "1 day after the end"."""
    return "for ever" if days is None else f"{days:,} day{'' if days == 1 else 's'} after the end"


def size_words(most_bytes: int | None) -> str:
    """ "at most 50 GiB of the team"."""
    return "no limit" if most_bytes is None else f"at most {readable_bytes(most_bytes)} of the team"


def portal_rules() -> dict[str, Rule]:
    """What holds where nothing else is said, by kind."""
    rows = RetentionRule.objects.filter(team=None)
    found = {str(kind): Rule() for kind in Kind}
    return found | {row.kind: Rule(row.days, row.most_bytes) for row in rows}


def rules_of(team: Team) -> Rules:
    """What holds for the team, by kind. One query."""
    return _in_force(team.pk, RetentionRule.objects.filter(Q(team=team) | Q(team=None)))


def rules_of_all(portal: Mapping[str, Rule] | None = None) -> dict[int, Rules]:
    """Of every team for which something may be deleted; `portal`: with other rules of the portal. Two queries."""
    by_team: dict[int | None, list[RetentionRule]] = {}
    for row in RetentionRule.objects.all():
        by_team.setdefault(row.team_id, []).append(row)
    if portal is not None:
        by_team[None] = [
            RetentionRule(kind=kind, is_allowance=True, days=rule.days, most_bytes=rule.most_bytes)
            for kind, rule in portal.items()
        ]
    found = {}
    for team_id in Team.objects.order_by("pk").values_list("pk", flat=True):
        rules = _in_force(team_id, [*by_team.get(None, []), *by_team.get(team_id, [])])
        if any(each.rule.is_any for each in rules.values()):
            found[team_id] = rules
    return found


def set_rules(team: Team | None, rules: dict[str, Rule | None], *, is_allowance: bool) -> None:
    """In place of those there are; None: as the level above says. Within the caller's transaction."""
    RetentionRule.objects.filter(team=team, is_allowance=is_allowance, kind__in=rules).delete()
    RetentionRule.objects.bulk_create(
        RetentionRule(
            team=team, kind=kind, is_allowance=is_allowance, days=rule.days, most_bytes=rule.most_bytes
        )
        for kind, rule in rules.items()
        if rule is not None
    )


def _in_force(team_id: int, rows: Iterable[RetentionRule]) -> Rules:
    by: dict[tuple[Any, bool, str], Rule] = {
        (row.team_id, row.is_allowance, row.kind): Rule(row.days, row.most_bytes) for row in rows
    }
    found = {}
    for kind in map(str, Kind):
        given = by.get((team_id, True, kind))
        found[kind] = InForce(
            allowed=given or by.get((None, True, kind), Rule()),
            own=by.get((team_id, False, kind), Rule()),
            is_portal=given is None,
        )
    return found


def _smaller(one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return min(known, default=None)
