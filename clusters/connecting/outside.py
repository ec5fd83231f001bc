"""What the pages ask of the other rooms of this app, in one place."""

from clusters import doctor
from clusters.connecting.given import Given
from clusters.kubernetes import addresses, onboarding
from clusters.kubernetes.connection import Connection
from clusters.models import Authentication, Cluster, KubernetesConnection, SpaceMode, TeamSpace
from teams.models import User


def request_visit(cluster: Cluster, user: User) -> None:
    """Ask the doctor to come; a worker makes the visit."""
    doctor.request_visit(cluster, user)


def check_address(server: str) -> None:
    """Raises ConnectionInvalid for an address that the portal does not call."""
    addresses.check_address(server)


def paste(namespace: str, mode: str, *, with_nodes: bool) -> str:
    """The YAML that gives the portal its place in the cluster; `with_nodes`: and shows it the nodes."""
    return onboarding.paste(namespace, SpaceMode(mode), view=with_nodes)


def token_command(namespace: str) -> str:
    """What prints the token of the account that the YAML makes."""
    return onboarding.token_command(namespace)


def team_paste(row: KubernetesConnection, space: TeamSpace) -> str:
    """The YAML that makes a team's namespace (`space` may be unsaved) and lets the portal's account in."""
    # Imported here: the web process does without the HTTP client.
    from clusters import spaces

    return spaces.paste_for(row, space)


def store(row: KubernetesConnection, given: Given) -> None:
    """Write how the cluster is reached into `row` (and save). Raises ConnectionInvalid and NoKey."""
    row.eks_cluster, row.eks_region, row.eks_role = given.eks_cluster, given.eks_region, given.eks_role
    row.aws_access_key_id = given.aws_access_key_id
    connection = Connection(
        given.server, given.ca, given.token, given.client_certificate, given.client_key, given.tls_server_name
    )
    if given.authentication == Authentication.IN_CLUSTER:
        connection = Connection("", "")
    row.take(connection, given.authentication, given.aws_secret_access_key)
