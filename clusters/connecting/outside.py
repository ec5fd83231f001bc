"""What the pages ask of the other rooms of this app, in one place."""

import importlib
from typing import Any

import yaml

from clusters import encryption
from clusters.connecting.given import Given
from clusters.kubernetes.connection import Connection
from clusters.models import Authentication, Cluster, KubernetesConnection, SpaceMode, TeamSpace
from teams.models import User

SECRETS = ("token", "client_certificate", "client_key", "aws_secret_access_key")


def request_visit(cluster: Cluster, user: User) -> None:
    """Ask the doctor to come; a worker makes the visit."""
    importlib.import_module("clusters.doctor").request_visit(cluster, user)


def check_address(server: str) -> None:
    """Raises ConnectionInvalid for an address that the portal does not call."""
    try:
        addresses = importlib.import_module("clusters.kubernetes.addresses")
    except ModuleNotFoundError:
        return
    addresses.check_address(server)


def paste(namespace: str, mode: str, *, with_nodes: bool) -> str:
    """The YAML that gives the portal its place in the cluster; `with_nodes`: and shows it the nodes."""
    onboarding: Any = importlib.import_module("clusters.kubernetes.onboarding")
    try:
        return str(onboarding.paste(namespace, SpaceMode(mode), view=with_nodes))
    except TypeError:
        return str(onboarding.paste(namespace))


def token_command(namespace: str) -> str:
    """What prints the token of the account that the YAML makes."""
    onboarding: Any = importlib.import_module("clusters.kubernetes.onboarding")
    return str(onboarding.token_command(namespace))


def team_paste(row: KubernetesConnection, space: TeamSpace) -> str:
    """The YAML that makes a team's namespace (`space` may be unsaved) and lets the portal's account in."""
    onboarding: Any = importlib.import_module("clusters.kubernetes.onboarding")
    made = []
    for manifest in onboarding.manifests(space.namespace):
        if manifest["kind"] in ("ServiceAccount", "Secret"):
            continue
        for subject in manifest.get("subjects", ()):
            subject["namespace"] = row.namespace
        made.append(manifest)
    return "---\n".join(yaml.safe_dump(manifest, sort_keys=False) for manifest in made)


def store(row: KubernetesConnection, given: Given) -> None:
    """Write how the cluster is reached into `row` (and save). Raises ConnectionInvalid and NoKey."""
    row.authentication = given.authentication
    row.eks_cluster, row.eks_region, row.eks_role = given.eks_cluster, given.eks_region, given.eks_role
    row.aws_access_key_id = given.aws_access_key_id
    if given.authentication in (Authentication.TOKEN, Authentication.CERTIFICATE):
        row.take(
            Connection(
                given.server,
                given.ca,
                given.token,
                given.client_certificate,
                given.client_key,
                given.tls_server_name,
            )
        )
        return
    secrets = {name: text for name in SECRETS if (text := getattr(given, name))}
    row.server, row.ca, row.tls_server_name = given.server, given.ca, given.tls_server_name
    row.encrypted = encryption.encrypt(f"cluster/{row.cluster_id}", secrets)
    row.save()
