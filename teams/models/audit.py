"""Who did what, from where: written once, never changed. The rules are the database's (migration 0004_audit)."""

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Func, Q, Value

DENIED = "access.denied"


class AuditEvent(models.Model):
    """One act. Nothing here refers to other tables by a constraint: an entry outlives whom and what it names.

    `actor_id` is empty for commands, workers and people who are not signed in; `actor_name` is always what to show.
    `old` and `new` hold the fields that changed; of secret ones the word "changed" (teams/audit/values.py).
    """

    at = models.DateTimeField(db_default=Func(function="clock_timestamp"))
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200)
    action = models.CharField(max_length=60, help_text='Dotted words: "team.member_added".')
    area = models.GeneratedField(
        expression=Func(F("action"), Value("."), Value(1), function="split_part"),
        output_field=models.CharField(max_length=60),
        db_persist=True,
    )
    target_kind = models.CharField(max_length=80, blank=True, help_text='A model: "jobs.job"; "" for none.')
    target_id = models.CharField(max_length=40, blank=True)
    target_name = models.CharField(max_length=300, blank=True)
    team_id = models.BigIntegerField(null=True)
    team_name = models.CharField(max_length=80, blank=True)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=32, blank=True)
    old = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    new = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        indexes: ClassVar = [
            # One for each filter of the page, walked backwards; the time finds the ids between which to walk.
            models.Index(fields=["at", "id"], name="audit_at"),
            models.Index(fields=["actor_id", "id"], name="audit_actor"),
            models.Index(fields=["actor_name", "id"], name="audit_named", condition=Q(actor_id=None)),
            models.Index(fields=["area", "id"], name="audit_area"),
            models.Index(fields=["target_kind", "target_id", "id"], name="audit_target"),
            models.Index(fields=["team_id", "id"], name="audit_team"),
            # How often somebody was denied something lately (teams/audit/denied.py).
            models.Index(fields=["actor_id", "at"], name="audit_denied", condition=Q(action=DENIED)),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.target_name}"


class AuditSeal(models.Model):
    """The place of one event in the chain, written by the database when the event's transaction commits."""

    position = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.DO_NOTHING, related_name="seal")
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.position}: {self.hash}"
