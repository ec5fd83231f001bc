"""Where jobs run: clusters, the environments (images) and the profiles they offer."""

from typing import ClassVar

from django.db import models

from clusters import encryption
from clusters.kubernetes.connection import Connection


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


class KubernetesConnection(models.Model):
    """How a Kubernetes cluster is reached. What is secret of it is only here, and encrypted."""

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="kubernetes")
    server = models.CharField(max_length=300, help_text="The API address, such as https://10.0.0.1:6443.")
    ca = models.TextField(help_text="The CA certificate of the API server, as PEM text.")
    tls_server_name = models.CharField(max_length=253, blank=True)
    namespace = models.CharField(max_length=63, help_text="Where the portal makes its Jobs.")
    runner_image = models.CharField(
        max_length=300, help_text="An image with Python 3.9 or newer, for what runs beside the script."
    )
    portal_url = models.CharField(
        max_length=300, blank=True, help_text="Where pods reach the portal; empty: PORTAL_URL_FOR_JOBS."
    )
    encrypted = models.TextField(editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.server

    @property
    def connection(self) -> Connection:
        """With its secrets, for the driver alone. Raises NoKey and Undecryptable."""
        secrets = encryption.decrypt(self._row, self.encrypted)
        return Connection(self.server, self.ca, tls_server_name=self.tls_server_name, **secrets)

    def take(self, connection: Connection) -> None:
        """Replace all of it (and save). Raises ConnectionInvalid and NoKey."""
        connection.check()
        secrets = {
            name: getattr(connection, name)
            for name in ("token", "client_certificate", "client_key")
            if getattr(connection, name)
        }
        self.server, self.ca = connection.server, connection.ca
        self.tls_server_name = connection.tls_server_name
        self.encrypted = encryption.encrypt(self._row, secrets)
        self.save()

    def renew_encryption(self) -> None:
        """Encrypt with the newest key (and save). Raises NoKey and Undecryptable."""
        self.encrypted = encryption.renew(self._row, self.encrypted)
        self.save(update_fields=["encrypted"])

    @property
    def _row(self) -> str:
        return f"cluster/{self.cluster_id}"


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
