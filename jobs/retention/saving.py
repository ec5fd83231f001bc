"""Saving rules: all of them and the audit entry in one transaction."""

from typing import Any

from django.db import transaction

from jobs.models import Kind
from jobs.retention.form import RetentionForm, version_of
from jobs.retention.rules import InForce, Rule, portal_rules, rules_of, set_rules
from teams.audit import record
from teams.models import Team
from teams.quota.ledger import lock_team


def save(request: Any, form: RetentionForm) -> bool:
    """Write what the form says. False: somebody else was faster, and nothing was written."""
    with transaction.atomic():
        before = _now(form.team)
        if version_of(before) != form.version or form.is_stale:
            form.is_stale = True
            return False
        if form.is_admin:
            allowed = {each.kind: each.allowed.rule for each in form.sections if each.allowed}
            set_rules(form.team, allowed, is_allowance=True)
        if form.team:
            own = {each.kind: each.own.rule for each in form.sections if each.own}
            set_rules(form.team, own, is_allowance=False)
        old, new = _in_words(before), _in_words(_now(form.team))
        changed = [name for name in new if old[name] != new[name]]
        if changed:
            record(
                request,
                "retention.changed",
                form.team or "all teams",
                team=form.team,
                old={name: old[name] for name in changed},
                new={name: new[name] for name in changed},
            )
    return True


def _now(team: Team | None) -> dict[str, InForce]:
    """Under a lock where it is a team's: of two who save at the same time the second one sees the first one's."""
    if team is None:
        return {kind: InForce(rule, Rule(), True) for kind, rule in portal_rules().items()}
    lock_team(team.pk)
    return rules_of(team)


def _in_words(rules: dict[str, InForce]) -> dict[str, str]:
    found = {}
    for kind, force in rules.items():
        name = Kind(kind).label.lower()
        found[name] = force.own.words if force.own.is_any else "as allowed"
        found[f"{name} (allowed)"] = (
            force.allowed.words if not force.is_portal else f"portal: {force.allowed.words}"
        )
    return found
