"""Writing an entry."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.http import HttpRequest

from teams.audit.origin import Origin, name_of, origin_of
from teams.audit.values import kept, safe_text
from teams.models import AuditEvent, Team, User

Target = models.Model | str | None


def record(
    request: HttpRequest | Origin,
    action: str,
    target: Target,
    *,
    team: Team | None = None,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """One entry about an act of the request's person.

    Call it within the transaction of the change, last: both are committed or neither, and at the commit the entry is
    sealed (docs/decisions/0011-audit.md). `action` is dotted words such as "team.member_added"; `target` the row it
    was done to, or a text where there is none. `old` and `new`: the fields that changed; see `changes`.
    """
    origin = request if isinstance(request, Origin) else origin_of(request)
    return AuditEvent.objects.create(
        actor_id=origin.actor_id,
        actor_name=safe_text(origin.actor_name, 200),
        action=action,
        **_target(target),
        team_id=team.pk if team else None,
        team_name=safe_text(team.name, 80) if team else "",
        address=safe_text(origin.address, 45),
        request_id=origin.request_id,
        old=kept(old),
        new=kept(new),
    )


def record_by(
    actor_name: str,
    action: str,
    target: Target,
    *,
    team: Team | None = None,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """As `record`, for commands and workers: "manage.py connect_cluster", "The sweep"."""
    return record(Origin(actor_name), action, target, team=team, old=old, new=new)


def _target(target: Target) -> dict[str, str]:
    if not isinstance(target, models.Model):
        return {"target_name": safe_text(target or "", 300)}
    # A row that was deleted a moment ago has lost its id.
    number = target.pk if target.pk is not None else getattr(target, "audit_id", "")
    name = name_of(target) if isinstance(target, User) else str(getattr(target, "name", None) or target)
    return {
        "target_kind": target._meta.label_lower,
        "target_id": str(number)[:40],
        "target_name": safe_text(name, 300),
    }
