"""A portal's place on a cluster as an admin gives it, in each of the three modes: with what was pasted and no more."""

import secrets
from dataclasses import dataclass, replace

from clusters.kubernetes import namespaces, onboarding
from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.driver import KubernetesDriver, RunnerImage
from clusters.kubernetes.fences import Space
from clusters.kubernetes.kubeconfig import read_kubeconfig
from clusters.kubernetes.names import SPACE_ROLE
from clusters.kubernetes.places import Everywhere
from clusters.kubernetes.rights import MADE, ONE, RBAC
from tests.kubernetes.conftest import KubernetesLab, token_of

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
CLUSTER_WIDE = {
    "Namespace": "/api/v1/namespaces",
    "ClusterRole": f"/apis/{RBAC}/v1/clusterroles",
    "ClusterRoleBinding": f"/apis/{RBAC}/v1/clusterrolebindings",
    "ValidatingAdmissionPolicy": f"{ADMISSION}/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": f"{ADMISSION}/validatingadmissionpolicybindings",
}
IN_A_NAMESPACE = {
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Role": f"/apis/{RBAC}/v1/namespaces/{{}}/roles",
}


def collection_of(manifest) -> str:
    kind = manifest["kind"]
    if kind in CLUSTER_WIDE:
        return CLUSTER_WIDE[kind]
    if kind in IN_A_NAMESPACE:
        return IN_A_NAMESPACE[kind].format(manifest["metadata"]["namespace"])
    return namespaces.collection_of(manifest)


def paste(admin_api, manifests) -> None:
    """As `kubectl apply` does with what is not there yet."""
    for manifest in manifests:
        try:
            admin_api.post(collection_of(manifest), manifest)
        except ApiRefused as refused:
            if refused.reason != "AlreadyExists":
                raise


def take_back(admin_api, manifests) -> None:
    """All of it, but for the role that portals share. Namespaces go in the background, their pods at once."""
    for manifest in reversed(manifests):
        name = manifest["metadata"]["name"]
        if manifest["kind"] == "Namespace":
            end(admin_api, name)
        elif manifest["kind"] in CLUSTER_WIDE and name != SPACE_ROLE:
            admin_api.delete(f"{collection_of(manifest)}/{name}", {})


def end(admin_api, namespace) -> None:
    try:
        admin_api.delete(f"/api/v1/namespaces/{namespace}/pods", {"gracePeriodSeconds": 0})
        admin_api.delete(f"/api/v1/namespaces/{namespace}", {"propagationPolicy": "Background"})
    except ApiRefused as refused:
        if refused.status not in (404, 409):
            raise


@dataclass
class Several:
    default: str
    spaces: list[str]

    def observed(self):
        return [self.default, *self.spaces]


@dataclass(frozen=True)
class Place:
    """One portal's place on the cluster: its account, and the namespace of its team."""

    mode: str
    account: str
    space: Space
    api: Api

    @property
    def places(self):
        return Everywhere(self.account) if self.mode == MADE else Several(self.account, [self.space.name])

    def driver(self, installation) -> KubernetesDriver:
        return KubernetesDriver(self.api, self.places, installation, RunnerImage(KubernetesLab.image))


class InSpace:
    """The driver, for works of one space: what the contract's tests do without one."""

    def __init__(self, driver, space):
        self.inner = driver
        self.space = space

    def create(self, work):
        self.inner.create(replace(work, space=self.space))

    def stop(self, name):
        self.inner.stop(name, self.space)

    def remove(self, name, *, is_ended=False):
        self.inner.remove(name, self.space, is_ended=is_ended)

    def remove_ended(self, names):
        return self.inner.remove_ended(names, self.space)

    def look(self, name):
        return self.inner.look(name, self.space)

    def observe(self):
        return self.inner.observe()


def prepare(test_cluster, admin_api, mode, installation, portal_url):
    """The account and what belongs to it; yields once the team's namespace is there, and takes all back."""
    account = f"sw-test-{secrets.token_hex(3)}"
    name = account if mode == ONE else f"{account}-blue"
    space = Space(name, account, namespaces.own_labels(installation, 7, account))
    space = replace(
        space, quota={"cpu_millis": 64000, "memory_bytes": 64 << 30, "gpus": {"nvidia.com/gpu": 2}}
    )
    spaces = () if mode in (ONE, MADE) else (replace(space, labels={}),)
    manifests = onboarding.manifests(account, mode, spaces=spaces)
    paste(admin_api, manifests)
    admin = read_kubeconfig(test_cluster.kubeconfig).connection()
    api = Api(Connection(admin.server, admin.ca, token_of(admin_api, account)))
    try:
        if mode == MADE:
            namespaces.settle(api, space)
        yield Place(mode, account, space, api)
    finally:
        api.close()
        if mode == MADE:
            end(admin_api, name)
        take_back(admin_api, manifests)
