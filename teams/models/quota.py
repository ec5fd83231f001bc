"""How much a team may use, and what of it is reserved: the ledger's accounts."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from teams.models.people import Team


class Scope(models.TextChoices):
    """Whose use a line limits."""

    TEAM = "team", "The team"
    CLUSTER = "cluster", "The team on one cluster"
    MEMBER = "member", "Each member of the team"
    USER = "user", "One member of the team"
    POOL = "pool", "All teams that share their quota"


class QuotaLine(models.Model):
    """One account: how much of a resource may be used within a scope, and how much is reserved.

    `resource` and its units are those of teams/quota/resources.py. Without a `limit` the use is counted all the same.
    MEMBER lines only give the limit of everybody who has no USER limit; nothing is reserved on them. POOL lines have
    no team; their limits are the sums of the sharing teams'. Only teams/quota/ledger.py writes `used`.
    """

    scope = models.CharField(max_length=10, choices=Scope.choices)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="quota_lines")
    # A cluster is named here, not imported: clusters know teams, and never the other way round.
    cluster = models.ForeignKey("clusters.Cluster", on_delete=models.CASCADE, null=True, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    resource = models.CharField(max_length=110)
    limit = models.PositiveBigIntegerField(null=True)
    used = models.PositiveBigIntegerField(default=0)
    reached_at = models.DateTimeField(null=True, help_text="Of a budget: since when it is used up.")

    class Meta:
        constraints: ClassVar = [
            # With numbers instead of NULLs, so that the ledger finds lines by plain comparisons.
            models.UniqueConstraint(
                "team",
                "scope",
                Coalesce("cluster", 0),
                Coalesce("user", 0),
                "resource",
                name="quota_line_once",
            ),
            models.UniqueConstraint(
                fields=["resource"], condition=models.Q(scope=Scope.POOL), name="quota_pool_once"
            ),
            models.CheckConstraint(
                condition=models.Q(scope__in=Scope.values)
                & (
                    models.Q(scope=Scope.POOL, team=None)
                    | ~models.Q(scope=Scope.POOL) & models.Q(team__isnull=False)
                )
                & (
                    models.Q(scope=Scope.CLUSTER, cluster__isnull=False)
                    | ~models.Q(scope=Scope.CLUSTER) & models.Q(cluster=None)
                )
                & (
                    models.Q(scope=Scope.USER, user__isnull=False)
                    | ~models.Q(scope=Scope.USER) & models.Q(user=None)
                ),
                name="quota_line_scope_fits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} of {self.scope} {self.team_id or ''}"


class Pause(models.Model):
    """Nothing new starts, and why: in one team, on one cluster, or (without both) anywhere."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, null=True, related_name="pause")
    cluster = models.OneToOneField(
        "clusters.Cluster", on_delete=models.CASCADE, null=True, related_name="pause"
    )
    message = models.CharField(max_length=300, help_text="Users see it where they wait.")
    since = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(team=None) | models.Q(cluster=None), name="pause_of_one_thing"
            ),
            # Of everything there is one at most.
            models.UniqueConstraint(fields=["team", "cluster"], name="pause_once", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return self.message
