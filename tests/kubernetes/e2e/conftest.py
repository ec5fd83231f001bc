"""The whole portal, once for all tests here; and for each test a namespace of its own that is connected to it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clusters.drivers import installation_id
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.kubeconfig import read_kubeconfig
from portal.up.embedded import EmbeddedServers
from tests.kubernetes.auditor import Auditor
from tests.kubernetes.conftest import token_of
from tests.kubernetes.faulty_api import FaultyApi
from tests.kubernetes.portal import WholePortal
from tests.kubernetes.witness import Witness
from tests.kubernetes.world import World

# Seconds. It takes about ten on a machine that has nothing else to do.
STARTED_WITHIN = 400.0


@pytest.fixture(scope="session")
def portal(servers: EmbeddedServers, test_cluster) -> Iterator[WholePortal]:
    failpoints = Path(tempfile.mkdtemp(prefix="sw-failpoints-"))
    running = WholePortal(servers, test_cluster.portal_host, failpoints)
    try:
        yield running.start(STARTED_WITHIN)
    finally:
        running.stop()
        shutil.rmtree(failpoints)


@pytest.fixture(scope="session")
def witness(test_cluster) -> Iterator[Witness]:
    running = Witness(test_cluster.portal_host)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def auditor(test_cluster, servers: EmbeddedServers) -> Auditor:
    return Auditor(test_cluster.kubeconfig, servers.database_url)


@pytest.fixture
def database(portal: WholePortal, django_db_blocker) -> Iterator[None]:
    """The models speak to the portal's database."""
    with django_db_blocker.unblock(), portal.database():
        yield


@pytest.fixture
def account(admin_api, namespace: str, test_cluster) -> Connection:
    """What an admin has in hand after the paste: the API address, its CA and the token of a narrow account."""
    admin = read_kubeconfig(test_cluster.kubeconfig).connection()
    return Connection(admin.server, admin.ca, token_of(admin_api, namespace))


@pytest.fixture
def new_world(database: None, portal, witness, auditor, namespace) -> Iterator[Callable[[Connection], World]]:
    """`new_world(connection)`. After the test nothing may be left of it, neither in the tables nor at the cluster."""
    made: list[World] = []

    def make(connection: Connection) -> World:
        made.append(World(portal, witness, auditor, connection, namespace))
        return made[-1]

    yield make
    for world in made:
        world.forget()


@pytest.fixture
def world(new_world, account: Connection) -> World:
    """A namespace, connected with the rights that the portal's own page asks for, and no others."""
    return new_world(account)


@pytest.fixture
def faults(account: Connection, test_cluster) -> Iterator[FaultyApi]:
    """A proxy before the API server that a test lets misbehave."""
    running = FaultyApi(test_cluster.portal_host, account)
    yield running
    running.stop()


@pytest.fixture
def faulty_world(new_world, account: Connection, faults: FaultyApi) -> World:
    """As `world`, but the portal reaches the API server through `faults`."""
    return new_world(Connection(faults.url, faults.ca, account.token))


@pytest.fixture
def installation() -> str:
    return installation_id()


@pytest.fixture(scope="session")
def browser(chromium: str):
    # Playwright runs an event loop in this thread, and Django would refuse its ORM beside one.
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()
