"""Saving limits: all of them, the audit entry and the wake-up in one transaction."""

from functools import partial
from typing import Any

from django.db import transaction

from clusters.models import Cluster, TeamSpace
from jobs import hints
from jobs.admission import queues
from jobs.quota.form import QuotaForm, version_of
from teams.audit import record
from teams.models import Team, User
from teams.quota.book import Account
from teams.quota.ledger import lock_team
from teams.quota.limits import limits_of, set_limits, set_sharing
from teams.quota.resources import in_words, noun

SETTINGS = ("budget_grace_minutes", "most_high_jobs")


def save(request: Any, form: QuotaForm) -> bool:
    """Write what the form changes. False: somebody else was faster, and nothing was written."""
    team = form.team
    with transaction.atomic():
        lock_team(team.pk)
        team.refresh_from_db()
        before = limits_of(team.pk)
        if version_of(team, before) != form.version:
            form.is_stale = True
            return False
        old = {name: getattr(team, name) for name in ("shares_quota", *SETTINGS)}
        _set(team, form.limits, shares=form.settings["shares_quota"])
        Team.objects.filter(pk=team.pk).update(**{name: form.settings[name] for name in SETTINGS})
        changed = {name for name in old if old[name] != form.settings[name]}
        if form.limits or changed:
            record(
                request,
                "quota.changed",
                team,
                team=team,
                old=_named({key: before.get(key) for key in form.limits}) | {n: old[n] for n in changed},
                new=_named(form.limits) | {n: form.settings[n] for n in changed},
            )
        _wake(team, is_shared=old["shares_quota"] or form.settings["shares_quota"])
    return True


def _set(team: Team, limits: dict[Account, int | None], *, shares: bool) -> None:
    """In the order in which the lines of the pool are taken once: not while it does not share."""
    if not shares:
        set_sharing(team.pk, shares=False)
    set_limits(team.pk, limits)
    if shares:
        set_sharing(team.pk, shares=True)


def _wake(team: Team, *, is_shared: bool) -> None:
    concerned = Team.objects.filter(shares_quota=True).values_list("pk", flat=True) if is_shared else []
    teams = {team.pk, *concerned}
    queues.wake(teams)
    transaction.on_commit(hints.hint_admission, robust=True)
    spaces = TeamSpace.objects.filter(team__in=teams).order_by().values_list("cluster_id", flat=True)
    for cluster_id in spaces.distinct():
        # Its ResourceQuota there follows; the regular check would do it too, two minutes later.
        transaction.on_commit(partial(hints.hint_check, cluster_id), robust=True)


def _named(limits: dict[Account, int | None]) -> dict[str, str]:
    people = User.objects.filter(pk__in=[key.user_id for key in limits if key.user_id])
    names = dict(people.values_list("pk", "username"))
    clusters = Cluster.objects.in_bulk({key.cluster_id for key in limits if key.cluster_id})
    found = {}
    for key, amount in limits.items():
        place = clusters[key.cluster_id].name if key.cluster_id else ""
        where = {"cluster": f" (on {place})", "user": f" ({names.get(key.user_id or 0, '')})"}
        scope = " (each member)" if key.scope == "member" else where.get(str(key.scope), "")
        found[f"{noun(key.resource)}{scope}"] = (
            "no limit" if amount is None else in_words(key.resource, amount)
        )
    return found
