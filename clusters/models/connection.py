"""How a Kubernetes cluster is reached, and where in it the portal makes its Jobs."""

from typing import ClassVar

from django.db import models
from django.views.decorators.debug import sensitive_variables

from clusters import encryption
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.credentials import IN_CLUSTER_SERVER, Credentials, Eks, Fixed, InCluster
from clusters.kubernetes.eks import EksAccess, EksTokens
from clusters.kubernetes.expiry import expires_at
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
    @sensitive_variables()
    def connection(self) -> Connection:
        """With its token or certificate, if it has one. Raises NoKey and Undecryptable."""
        known = {name: text for name, text in self.secrets.items() if name != "aws_secret_access_key"}
        return Connection(self.server, self.ca, tls_server_name=self.tls_server_name, **known)

    @property
    @sensitive_variables()
    def credentials(self) -> Credentials:
        """What shows the API server who the portal is. Raises NoKey and Undecryptable."""
        if self.authentication == Authentication.IN_CLUSTER:
            return InCluster()
        if self.authentication == Authentication.EKS:
            return Eks(self.connection, EksTokens(self.eks_access))
        return Fixed(self.connection)

    @property
    @sensitive_variables()
    def eks_access(self) -> EksAccess:
        """With the secret part of the AWS key, if there is one. Raises NoKey and Undecryptable."""
        return self._eks_access(self.secrets.get("aws_secret_access_key", "") if self.encrypted else "")

    @sensitive_variables()
    def take(
        self,
        connection: Connection,
        authentication: str | None = None,
        aws_secret_access_key: str | None = None,
    ) -> None:
        """Replace how it is reached and all credentials (and save). Raises ConnectionInvalid and NoKey.

        Without `authentication` it is what `connection` holds: a token or a certificate. For EKS the fields eks_* and
        aws_access_key_id are set before; without `aws_secret_access_key` the stored one stays. IN_CLUSTER needs
        no address: `Connection("", "")`.
        """
        self.authentication = authentication or (
            Authentication.CERTIFICATE if connection.client_certificate else Authentication.TOKEN
        )
        secrets = {name: text for name in SECRETS if (text := getattr(connection, name, ""))}
        if self.authentication == Authentication.IN_CLUSTER:
            connection, secrets = Connection(IN_CLUSTER_SERVER, ""), {}
        elif self.authentication == Authentication.EKS:
            secrets = self._checked_eks(connection, aws_secret_access_key)
        else:
            connection.check()
        self.server, self.ca = connection.server, connection.ca
        self.tls_server_name = connection.tls_server_name
        self.expires_at = expires_at(connection) if secrets else None
        self.encrypted = encryption.encrypt(self._row, secrets)
        self.save()

    @sensitive_variables()
    def _checked_eks(self, connection: Connection, secret_key: str | None) -> dict[str, str]:
        """The secrets to store. Raises ConnectionInvalid, NoKey."""
        connection.check_place()
        if secret_key is None and self._is_stored_with(self.aws_access_key_id):
            secret_key = self.eks_access.secret_key
        access = self._eks_access(secret_key or "")
        access.check()
        return {"aws_secret_access_key": access.secret_key} if access.secret_key else {}

    def _is_stored_with(self, key_id: str) -> bool:
        """Whether the stored secret belongs to this AWS key."""
        stored = KubernetesConnection.objects.filter(pk=self.pk, aws_access_key_id=key_id)
        return bool(key_id) and stored.exists()

    def _eks_access(self, secret_key: str) -> EksAccess:
        return EksAccess(self.eks_cluster, self.eks_region, self.eks_role, self.aws_access_key_id, secret_key)

    def renew_encryption(self) -> None:
        """Encrypt with the newest key (and save). Raises NoKey and Undecryptable."""
        self.encrypted = encryption.renew(self._row, self.encrypted)
        self.save(update_fields=["encrypted"])

    @property
    def _row(self) -> str:
        return f"cluster/{self.cluster_id}"
