"""A namespace of its own for each test, and a stub intake that pods can reach."""

import secrets

import pytest

from clusters.kubernetes.api import Api
from clusters.kubernetes.driver import KubernetesDriver
from clusters.kubernetes.kubeconfig import read_kubeconfig
from tests.clusters.driver_lab import Lab
from tests.kubernetes import cluster
from tests.runner.stub_intake import StubIntake


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
    """As the portal's own: Pod Security "restricted". Gone in the background after the test."""
    name = f"sw-test-{secrets.token_hex(3)}"
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    admin_api.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    yield name
    admin_api.delete(f"/api/v1/namespaces/{name}", {"propagationPolicy": "Background"})


@pytest.fixture
def intake(test_cluster):
    stub = StubIntake(host=test_cluster.portal_host)
    yield stub
    stub.stop()


@pytest.fixture
def lab(admin_api, namespace, intake, tmp_path):
    yield KubernetesLab(
        KubernetesDriver(admin_api, namespace, Lab.installation, KubernetesLab.image),
        intake,
        tmp_path / "unused",
    )
    assert intake.violations == []
