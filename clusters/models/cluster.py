"""A place where jobs run."""

from typing import ClassVar

from django.db import models
from django.urls import reverse


class DriverKind(models.TextChoices):
    """Which driver speaks to the cluster."""

    LOCAL = "local", "This machine"
    KUBERNETES = "kubernetes", "Kubernetes"


class Cluster(models.Model):
    """A place where jobs run. Written by admins, except for what `watch` sees."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=40, unique=True)
    driver = models.CharField(max_length=20, choices=DriverKind.choices)
    is_enabled = models.BooleanField(default=True)
    adds_nodes = models.BooleanField(
        default=False, help_text="An autoscaler adds nodes: what fits no node today may fit one tomorrow."
    )
    removed_at = models.DateTimeField(
        null=True, blank=True, help_text="It is kept for the jobs that ran there, and for nothing else."
    )
    last_seen_at = models.DateTimeField(null=True, blank=True, help_text="Written by watch.")
    unreachable_since = models.DateTimeField(null=True, blank=True, help_text="Written by watch.")
    trouble = models.TextField(blank=True, help_text="Written by watch: why it cannot be reached.")

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(driver__in=DriverKind.values), name="cluster_driver_known"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page, for admins."""
        return reverse("cluster_detail", args=[self.slug])
