"""The namespaces of teams."""

from typing import ClassVar

from django.db import models

from clusters.models.cluster import Cluster
from teams.models import Team


class TeamSpace(models.Model):
    """A team's namespace on a cluster. `namespace` is settled once; the rest is written by the worker."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="spaces")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="spaces")
    namespace = models.CharField(max_length=63)
    is_ready = models.BooleanField(default=False, help_text="Made, or checked, and as it should be.")
    trouble = models.TextField(blank=True, help_text="Why it is not ready, and what to do.")
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["cluster", "team"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cluster", "team"], name="space_once"),
            models.UniqueConstraint(fields=["cluster", "namespace"], name="space_namespace_once"),
        ]

    def __str__(self) -> str:
        return self.namespace
