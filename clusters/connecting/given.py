"""How a cluster is reached, as an admin gave it: plain values, secrets left out of the repr."""

from dataclasses import dataclass, field

from clusters.kubernetes.connection import Connection
from clusters.models import Authentication


@dataclass(frozen=True)
class Given:
    """What becomes a KubernetesConnection. "" where there is nothing."""

    authentication: Authentication
    server: str
    ca: str = field(repr=False, default="")
    token: str = field(repr=False, default="")
    client_certificate: str = field(repr=False, default="")
    client_key: str = field(repr=False, default="")
    tls_server_name: str = ""
    eks_cluster: str = ""
    eks_region: str = ""
    eks_role: str = ""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = field(repr=False, default="")


def from_connection(connection: Connection) -> Given:
    """With a token or a client certificate, whichever there is."""
    kind = Authentication.CERTIFICATE if connection.client_certificate else Authentication.TOKEN
    return Given(
        kind,
        connection.server,
        connection.ca,
        connection.token,
        connection.client_certificate,
        connection.client_key,
        connection.tls_server_name,
    )
