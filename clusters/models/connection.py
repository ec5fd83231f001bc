"""How a Kubernetes cluster is reached, and where in it the portal makes its Jobs."""

from typing import ClassVar

from django.db import models

from clusters import encryption
from clusters.kubernetes.connection import Connection
from clusters.models.cluster import Cluster

SECRETS = ("token", "client_certificate", "client_key", "aws_secret_access_key")


class Authentication(models.TextChoices):
    """How the portal shows the API server who it is."""

    TOKEN = "token", "Token"
    CERTIFICATE = "certificate", "Client certificate"
    IN_CLUSTER = "in_cluster", "The account of the pod that the portal runs in"
    EKS = "eks", "Amazon EKS"


class SpaceMode(models.TextChoices):
    """In which namespaces jobs run."""

    ONE = "one", "One namespace for all teams"
    PREPARED = "prepared", "A namespace for each team, made by an admin"
    MADE = "made", "A namespace for each team, made by the portal"


class KubernetesConnection(models.Model):
    """How a Kubernetes cluster is reached. What is secret of it is only here, and encrypted."""

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="kubernetes")
    server = models.CharField(max_length=300, help_text="The API address, such as https://10.0.0.1:6443.")
    ca = models.TextField(
        blank=True, help_text="The CA certificate of the API server, as PEM text; empty: the system's."
    )
    tls_server_name = models.CharField(max_length=253, blank=True)
    authentication = models.CharField(
        max_length=20, choices=Authentication.choices, default=Authentication.TOKEN
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When the credentials end, if known.")
    identity = models.CharField(
        max_length=80, blank=True, help_text="UID of the cluster's kube-system: which cluster it is."
    )
    eks_cluster = models.CharField(max_length=100, blank=True)
    eks_region = models.CharField(max_length=40, blank=True)
    eks_role = models.CharField(max_length=300, blank=True, help_text="ARN of a role to assume.")
    aws_access_key_id = models.CharField(max_length=128, blank=True)
    namespace = models.CharField(
        max_length=63, help_text="Where the portal's account is, and in mode ONE its Jobs."
    )
    space_mode = models.CharField(max_length=10, choices=SpaceMode.choices, default=SpaceMode.ONE)
    runner_image = models.CharField(
        max_length=300, help_text="An image with Python 3.9 or newer, for what runs beside the script."
    )
    runner_pull_secret = models.CharField(max_length=63, blank=True)
    portal_url = models.CharField(
        max_length=300, blank=True, help_text="Where pods reach the portal; empty: PORTAL_URL_FOR_JOBS."
    )
    encrypted = models.TextField(editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(authentication__in=Authentication.values),
                name="connection_authentication_known",
            ),
            models.CheckConstraint(
                condition=models.Q(space_mode__in=SpaceMode.values), name="connection_space_mode_known"
            ),
        ]

    def __str__(self) -> str:
        return self.server

    @property
    def secrets(self) -> dict[str, str]:
        """What is encrypted, by name (see SECRETS), for the driver alone. Raises NoKey and Undecryptable."""
        return encryption.decrypt(self._row, self.encrypted)

    @property
    def connection(self) -> Connection:
        """With its secrets, for the driver alone. Raises NoKey and Undecryptable."""
        known = {name: text for name, text in self.secrets.items() if name != "aws_secret_access_key"}
        return Connection(self.server, self.ca, tls_server_name=self.tls_server_name, **known)

    def take(self, connection: Connection) -> None:
        """Replace all of it (and save). Raises ConnectionInvalid and NoKey."""
        connection.check()
        secrets = {name: text for name in SECRETS if (text := getattr(connection, name, ""))}
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
