"""What every test may ask for: the servers (started when the first test needs them) and the cast."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from clusters.models import Cluster, Image, Profile
from jobs.admission.auditor import drifts
from jobs.models import Attempt, Job
from jobs.retention.auditor import drifts as amounts
from portal.up.embedded import EmbeddedServers, embedded_servers
from teams.models import Role, Team, User
from tests import cast
from tests.chromium import NOT_FOUND, find_chromium
from tests.docker import engine
from tests.site import Site

# pytest-django has read it by now; a process that a test starts runs with the real settings.
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
# Each is waited for, 5,000 ms at most.
END_OTHER_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
NO_KUBERNETES = "`make e2e` runs them on a real cluster"
NO_DOCKER = "`make e2e-docker` builds the image and runs the containers on a real engine"
_skipped_docker_tests: list[str] = []
_skipped_browser_tests: list[str] = []
_skipped_kubernetes_tests: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kubernetes", action="store_true", help="run the tests that need a Kubernetes cluster (make e2e)"
    )
    parser.addoption(
        "--docker", action="store_true", help="run the tests that need a Docker engine (make e2e-docker)"
    )
    parser.addoption(
        "--require-browser", action="store_true", help="a missing Chromium is a failure, not a skip"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright's event loop stays in the main thread, where no other can run beside it."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("kubernetes") and not item.config.getoption("--kubernetes"):
        _skipped_kubernetes_tests.append(item.nodeid)
        pytest.skip(NO_KUBERNETES)
    if item.get_closest_marker("docker"):
        _needs_docker(item)
    if item.get_closest_marker("browser") is None or find_chromium():
        return
    if item.config.getoption("--require-browser"):
        pytest.fail(NOT_FOUND, pytrace=False)
    _skipped_browser_tests.append(item.nodeid)
    pytest.skip(NOT_FOUND)


def _needs_docker(item: pytest.Item) -> None:
    if item.config.getoption("--docker") and engine.is_there():
        return
    why = engine.NOT_FOUND if item.config.getoption("--docker") else NO_DOCKER
    _skipped_docker_tests.append(why)
    pytest.skip(why)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if count := len(_skipped_kubernetes_tests):
        terminalreporter.write_sep(
            "!", f"{count} KUBERNETES TESTS SKIPPED: {NO_KUBERNETES}", yellow=True, bold=True
        )
    if count := len(_skipped_docker_tests):
        terminalreporter.write_sep(
            "!", f"{count} DOCKER TESTS SKIPPED: {_skipped_docker_tests[0]}", yellow=True, bold=True
        )
    if count := len(_skipped_browser_tests):
        terminalreporter.write_sep("!", f"{count} BROWSER TESTS SKIPPED: {NOT_FOUND}", red=True, bold=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """After every test that had a database: the quota ledger is what is reserved, the amounts are what is stored."""
    yield
    has_database = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    if has_database and not connections["default"].needs_rollback:
        assert [str(drift) for drift in (*drifts(), *amounts())] == []


def pytest_unconfigure() -> None:
    shutil.rmtree(settings.HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    """PostgreSQL and Valkey for this session, written into the settings; tests with a database have them."""
    with embedded_servers() as running:
        _use(running)
        yield running
        for connection in connections.all(initialized_only=True):
            connection.close()
            connection.close_pool()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: EmbeddedServers) -> None:
    """pytest-django asks for this before it makes the test database."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    """pytest-django's, and at the end nobody else: the server notices late that a process or thread is gone."""
    with django_db_blocker.unblock(), connections["default"].cursor() as cursor:
        # Tests that commit are followed by TRUNCATE; tests/teams/audit/test_audit_rights.py fires this trigger itself.
        for table in ("teams_auditevent", "teams_auditseal"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER teams_audit_no_truncate")
    yield
    with django_db_blocker.unblock(), connections["default"].cursor() as cursor:
        cursor.execute(END_OTHER_SESSIONS)


def _use(running: EmbeddedServers) -> None:
    import environ

    from portal.celery import app
    from portal.settings import _celery_url

    # In place: Django's connections hold these very dictionaries.
    settings.DATABASES["default"].update(environ.Env.db_url_config(running.database_url))
    settings.CACHES["default"]["LOCATION"] = settings.REDIS_URL = running.redis_url
    settings.CELERY_BROKER_URL = app.conf.broker_url = _celery_url(running.redis_url)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium that tests marked `browser` drive."""
    path = find_chromium()
    if path is None:
        pytest.skip(NOT_FOUND)
    return path


@pytest.fixture(scope="session")
def site(servers: EmbeddedServers, django_db_setup: None, django_db_blocker) -> Iterator[Site]:
    """The running portal without workers. What a test wants to be seen it makes under `transactional_db`."""
    with django_db_blocker.unblock():
        running = Site(servers)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="Data science", slug="data-science")


@pytest.fixture
def other_team(db: None) -> Team:
    return Team.objects.create(name="Finance", slug="finance")


@pytest.fixture
def alice(team: Team) -> User:
    """An analyst; owns the jobs."""
    return cast.new_user("alice", team, first_name="Alice", last_name="Ames")


@pytest.fixture
def bob(team: Team) -> User:
    """An analyst in Alice's team."""
    return cast.new_user("bob", team, first_name="Bob", last_name="Bauer")


@pytest.fixture
def charlie(other_team: Team) -> User:
    """An analyst in another team: must see nothing."""
    return cast.new_user("charlie", other_team)


@pytest.fixture
def dana(db: None) -> User:
    """An admin, in no team."""
    return cast.new_user("dana", is_superuser=True, is_staff=True)


@pytest.fixture
def manager(team: Team) -> User:
    """Maria manages Alice's team."""
    return cast.new_user("maria", team, role=Role.MANAGER)


@pytest.fixture
def manfred(other_team: Team) -> User:
    """Manages another team: Charlie's."""
    return cast.new_user("manfred", other_team, role=Role.MANAGER)


@pytest.fixture
def otto(db: None) -> User:
    """An auditor: sees everything, changes nothing."""
    return cast.new_user("otto", is_auditor=True)


@pytest.fixture
def cluster(db: None) -> Cluster:
    return cast.new_cluster()


@pytest.fixture
def image(cluster: Cluster) -> Image:
    return cast.new_image(cluster)


@pytest.fixture
def profile(cluster: Cluster) -> Profile:
    return cast.new_profile(cluster)


@pytest.fixture
def make_job(alice: User, image: Image, profile: Profile) -> Callable[..., Job]:
    """`make_job(owner=alice, status="running", files={"main.py": b"…"}, **fields)`: see cast.new_job."""

    def make(owner: User = alice, team: Team | None = None, **fields: object) -> Job:
        home = team or owner.teams.first() or alice.teams.get()
        return cast.new_job(owner, home, fields.pop("image", image), fields.pop("profile", profile), **fields)

    return make


@pytest.fixture
def make_attempt() -> Callable[..., Attempt]:
    """`make_attempt(job, **fields)`: see cast.new_attempt."""
    return cast.new_attempt


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A signed-in test client of its own for each user."""

    def client(user: User) -> Client:
        signed_in = Client()
        signed_in.force_login(user)
        return signed_in

    return client
