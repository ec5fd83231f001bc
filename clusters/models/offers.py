"""What a cluster offers: environments (images) and profiles (sizes)."""

from typing import ClassVar

from django.db import models
from django.urls import reverse

from clusters.models.cluster import Cluster
from teams.models import Team


class Image(models.Model):
    """An environment: where a script finds its interpreter and libraries.

    `entry_commands` maps a file name's ending to the argument list that runs such a file, for example
    `{".py": ["python3", "-u"]}`. Without `teams` all teams may use it.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="images")
    label = models.CharField(max_length=80)
    reference = models.CharField(max_length=300, help_text="Image reference; on this machine a plain name.")
    description = models.CharField(max_length=200, blank=True)
    entry_commands = models.JSONField(default=dict)
    pull_secret = models.CharField(
        max_length=63,
        blank=True,
        help_text="Name of the Secret in the jobs' namespace with its registry's login.",
    )
    teams = models.ManyToManyField(Team, blank=True, related_name="+")
    is_enabled = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["cluster", "position", "label"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cluster", "label"], name="image_label_once")
        ]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        """Its page, for admins."""
        return reverse("image_edit", args=[self.cluster.slug, self.pk])


class Profile(models.Model):
    """A size: cores in thousandths, memory and disk in bytes, GPUs by resource name; and on which nodes."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="profiles")
    name = models.CharField(max_length=60)
    cpu_millis = models.PositiveIntegerField()
    memory_bytes = models.PositiveBigIntegerField()
    disk_bytes = models.PositiveBigIntegerField(help_text="Largest file and scratch space.")
    max_processes = models.PositiveIntegerField(default=512)
    gpu_count = models.PositiveSmallIntegerField(default=0)
    gpu_resource = models.CharField(max_length=100, blank=True)
    node_labels = models.JSONField(
        default=dict, blank=True, help_text="Only nodes with these labels: {name: value}."
    )
    tolerations = models.JSONField(
        default=list, blank=True, help_text="Taints that do not keep it away: [{key, value, effect}]."
    )
    is_enabled = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["cluster", "position", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cluster", "name"], name="profile_name_once"),
            models.CheckConstraint(
                condition=models.Q(cpu_millis__gt=0, memory_bytes__gt=0), name="profile_has_size"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page, for admins."""
        return reverse("profile_edit", args=[self.cluster.slug, self.pk])

    @property
    def cores(self) -> str:
        """Cores as people write them: 2, 0.5."""
        return f"{self.cpu_millis / 1000:g}"
