"""What jobs used, summed up: reports read sums, however long the history is (docs/usage.md)."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce

from clusters.models import Cluster
from teams.models import Team


class Grain(models.TextChoices):
    """How finely a sum is kept. All keep the cluster and the kind of GPU."""

    DETAIL = "detail", "a day of a person in a team with a profile"
    TEAM = "team", "a month of a team"
    TEAM_QUARTER = "team_q", "a quarter of a team"
    TEAM_YEAR = "team_y", "a year of a team"
    OWNER = "owner", "a month of a person"
    OWNER_QUARTER = "owner_q", "a quarter of a person"
    OWNER_YEAR = "owner_y", "a year of a person"
    ALL = "all", "a day of everybody with a profile"


class UsageSum(models.Model):
    """One sum. What its grain does not tell apart is null (team, owner) or empty (profile)."""

    grain = models.CharField(max_length=7, choices=Grain.choices)
    day = models.DateField(help_text="In the portal's time zone; of a longer span its first.")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="usage_sums", db_index=False)
    profile_label = models.CharField(max_length=60, blank=True)
    gpu_resource = models.CharField(max_length=100, blank=True)

    cpu = models.BigIntegerField(default=0, help_text="Thousandths of a core × milliseconds.")
    memory = models.BigIntegerField(default=0, help_text="MiB × milliseconds.")
    gpu = models.BigIntegerField(default=0, help_text="GPUs × milliseconds.")
    # Jobs that ended on that day, by outcome, and how long they had waited (jobs/usage/waits.py).
    succeeded = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    cancelled = models.IntegerField(default=0)
    error = models.IntegerField(default=0)
    waits = ArrayField(models.IntegerField(), default=list)

    class Meta:
        constraints: ClassVar = [
            # Counting adds to the row that is there. PostgreSQL 14 cannot yet take nulls for equal by itself.
            models.UniqueConstraint(
                "grain",
                "day",
                Coalesce("team", Value(0, models.BigIntegerField())),
                Coalesce("owner", Value(0, models.BigIntegerField())),
                "cluster",
                "profile_label",
                "gpu_resource",
                name="usage_once",
            ),
            models.CheckConstraint(condition=models.Q(grain__in=Grain.values), name="usage_grain_known"),
        ]
        indexes: ClassVar = [
            # A team's report, and a person's, read their own rows; the largest of all are found in the index alone.
            models.Index(
                fields=["grain", "team", "day"],
                include=["cpu", "gpu"],
                name="usage_by_team",
                condition=models.Q(team__isnull=False),
            ),
            models.Index(
                fields=["grain", "owner", "day"],
                include=["cpu", "gpu"],
                name="usage_by_owner",
                condition=models.Q(owner__isnull=False),
            ),
            # Who used most is found in these two alone (jobs/usage/ranking.py).
            models.Index(
                fields=["grain", "day", "team"],
                include=["cpu", "gpu", "cluster"],
                name="usage_of_teams",
                condition=models.Q(team__isnull=False, owner__isnull=True),
            ),
            models.Index(
                fields=["grain", "day", "owner"],
                include=["cpu", "gpu", "cluster"],
                name="usage_of_people",
                condition=models.Q(owner__isnull=False, team__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grain} of {self.day}"


class OutcomeKind(models.TextChoices):
    """What the label of a sum of outcomes says."""

    ENVIRONMENT = "environment", "the environment in which they ran"
    PROFILE = "profile", "their profile"
    REASON = "reason", "why they did not succeed"


class OutcomeSum(models.Model):
    """How many jobs of a day ended so, and how long they ran. Without team and owner: everybody's."""

    day = models.DateField(help_text="On which they ended, in the portal's time zone.")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=11, choices=OutcomeKind.choices)
    label = models.CharField(max_length=80)
    jobs = models.IntegerField(default=0)
    took = ArrayField(
        models.IntegerField(), default=list, help_text="In steps, as waits (jobs/usage/waits.py)."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "day",
                Coalesce("team", Value(0, models.BigIntegerField())),
                Coalesce("owner", Value(0, models.BigIntegerField())),
                "cluster",
                "kind",
                "label",
                name="outcome_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["team", "day"], name="outcome_by_team", condition=models.Q(team__isnull=False)
            ),
            models.Index(
                fields=["owner", "day"], name="outcome_by_owner", condition=models.Q(owner__isnull=False)
            ),
            models.Index(fields=["day"], name="outcome_of_all", condition=models.Q(team__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.day}"


class PastJob(models.Model):
    """What is left of a job that was deleted: what it used, without its name or content. The audit of sums needs it."""

    id = models.BigIntegerField(primary_key=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="+")
    profile_label = models.CharField(max_length=60)
    gpu_resource = models.CharField(max_length=100, blank=True)
    cpu_millis = models.PositiveIntegerField()
    memory_bytes = models.PositiveBigIntegerField()
    gpu_count = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=10)
    reason = models.CharField(max_length=40, blank=True, db_default="", default="")
    image_label = models.CharField(max_length=80, blank=True, db_default="", default="")
    created_at = models.DateTimeField()
    running_at = models.DateTimeField(null=True)
    finishing_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"deleted job {self.pk}"
