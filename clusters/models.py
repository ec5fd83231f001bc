"""Where jobs run: clusters, the environments (images) and the profiles they offer."""

from typing import ClassVar

from django.db import models


class DriverKind(models.TextChoices):
    """Which driver speaks to the cluster."""

    LOCAL = "local", "This machine"


class Cluster(models.Model):
    """A place where jobs run. Written by admins, except for what `watch` sees."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=40, unique=True)
    driver = models.CharField(max_length=20, choices=DriverKind.choices)
    is_enabled = models.BooleanField(default=True)
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


class Image(models.Model):
    """An environment: where a script finds its interpreter and libraries.

    `entry_commands` maps a file name's ending to the argument list that runs such a file, for example
    `{".py": ["python3", "-u"]}`.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="images")
    label = models.CharField(max_length=80)
    reference = models.CharField(max_length=300, help_text="Image reference; on this machine a plain name.")
    description = models.CharField(max_length=200, blank=True)
    entry_commands = models.JSONField(default=dict)
    is_enabled = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["cluster", "position", "label"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cluster", "label"], name="image_label_once")
        ]

    def __str__(self) -> str:
        return self.label


class Profile(models.Model):
    """A size: cores in thousandths, memory and disk in bytes, GPUs by resource name."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="profiles")
    name = models.CharField(max_length=60)
    cpu_millis = models.PositiveIntegerField()
    memory_bytes = models.PositiveBigIntegerField()
    disk_bytes = models.PositiveBigIntegerField(help_text="Largest file and scratch space.")
    max_processes = models.PositiveIntegerField(default=512)
    gpu_count = models.PositiveSmallIntegerField(default=0)
    gpu_resource = models.CharField(max_length=100, blank=True)
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

    @property
    def cores(self) -> str:
        """Cores as people write them: 2, 0.5."""
        return f"{self.cpu_millis / 1000:g}"
