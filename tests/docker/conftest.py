"""One deployed portal for all tests here: they run in their order, as the life of a portal goes."""

import pytest

from tests.docker.deployed import Deployed
from tests.kubernetes import cluster
from tests.up.portal_process import free_port
from tests.visitor import Visitor


@pytest.fixture(scope="session")
def kubernetes(pytestconfig):
    """A Kubernetes cluster, None where there is none."""
    return cluster.start() if pytestconfig.getoption("--kubernetes") and cluster.is_there() else None


@pytest.fixture(scope="session")
def portal(kubernetes, tmp_path_factory):
    """Built and started with the documented commands."""
    host = kubernetes.portal_host if kubernetes else ""
    deployed = Deployed(tmp_path_factory.mktemp("docker"), host, free_port())
    try:
        deployed.run_documented("Start")
        yield deployed
    finally:
        deployed.remove()


@pytest.fixture(scope="session")
def admin(portal):
    """Signed in with the printed password, which was changed."""
    return Visitor(portal.url).sign_in("admin", portal.password())
