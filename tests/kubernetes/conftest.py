"""A namespace of its own for each test, and a stub intake that pods can reach."""

import base64
import contextlib
import secrets
import time

import pytest

from clusters.kubernetes import onboarding
from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.driver import KubernetesDriver, RunnerImage
from clusters.kubernetes.kubeconfig import read_kubeconfig
from clusters.kubernetes.places import OnePlace
from tests.clusters.driver_lab import Lab
from tests.kubernetes import cluster
from tests.runner.stub_intake import StubIntake

COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
}


class KubernetesLab(Lab):
    image = "test/python:3.11"
    patience = 90.0

    def say(self, word: str) -> str:
        url = f"{self.intake.url}/witness/{word}"
        return f"python3 -c \"import urllib.request as r; r.urlopen('{url}').read()\""

    def witnessed(self) -> list[str]:
        return self.intake.witnessed


@pytest.fixture(scope="session")
def test_cluster():
    return cluster.start()


@pytest.fixture(scope="session")
def admin_api(test_cluster):
    connection = read_kubeconfig(test_cluster.kubeconfig).connection()
    connection.check()
    api = Api(connection)
    yield api
    api.close()


@pytest.fixture
def namespace(admin_api):
    """As an admin makes it with what the portal gives to paste. Gone in the background after the test."""
    name = f"sw-test-{secrets.token_hex(3)}"
    for manifest in onboarding.manifests(name):
        admin_api.post(COLLECTIONS[manifest["kind"]].format(namespace=name), manifest)
    yield name
    # At once: a pod whose intake is gone would wait for it, and keep the node's CPU so long.
    with contextlib.suppress(ApiRefused):  # a test may have deleted it
        admin_api.delete(f"/api/v1/namespaces/{name}/pods", {"gracePeriodSeconds": 0})
        admin_api.delete(f"/api/v1/namespaces/{name}", {"propagationPolicy": "Background"})


@pytest.fixture
def portal_api(admin_api, namespace, test_cluster):
    """The API server as the portal knows it: with the rights of its own account and no others."""
    admin = read_kubeconfig(test_cluster.kubeconfig).connection()
    api = Api(Connection(admin.server, admin.ca, token_of(admin_api, namespace)))
    yield api
    api.close()


def token_of(admin_api: Api, namespace: str) -> str:
    deadline = time.monotonic() + 20
    while True:
        secret = admin_api.get(f"/api/v1/namespaces/{namespace}/secrets/{onboarding.TOKEN}")
        if token := (secret.get("data") or {}).get("token"):
            return base64.b64decode(token).decode()
        assert time.monotonic() < deadline, "the account got no token"
        time.sleep(0.1)


@pytest.fixture
def intake(test_cluster):
    stub = StubIntake(host=test_cluster.portal_host)
    yield stub
    stub.stop()


@pytest.fixture
def lab(portal_api, namespace, intake, tmp_path):
    yield KubernetesLab(
        KubernetesDriver(portal_api, OnePlace(namespace), Lab.installation, RunnerImage(KubernetesLab.image)),
        intake,
        tmp_path / "unused",
    )
    assert intake.violations == []
