"""What is done from a terminal is in the log too, by the command's name and without what is secret."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from clusters.management.commands import connect_cluster
from teams.models import AuditEvent
from tests.clusters.pages.connected import CANARY, new_connected
from tests.clusters.pages.test_cluster_connect import kubeconfig

pytestmark = pytest.mark.django_db


def entries() -> list[tuple[str, str, str]]:
    found = AuditEvent.objects.order_by("pk")
    return [(event.actor_name, event.action, event.target_name) for event in found]


@pytest.fixture
def connect(tmp_path, monkeypatch):
    monkeypatch.setattr(connect_cluster, "jobs_account_trouble", lambda row: "")
    (tmp_path / "config").write_text(kubeconfig("main"))

    def run() -> None:
        options = {"kubeconfig": str(tmp_path / "config"), "name": "Lab", "namespace": "jobs", "context": ""}
        call_command(
            "connect_cluster", **options, runner_image="python:3.12", portal_url="", stdout=StringIO()
        )

    return run


def test_a_cluster_that_is_connected_from_a_terminal(connect):
    connect()
    connect()
    assert entries() == [
        ("manage.py connect_cluster", "cluster.connected", "Lab"),
        ("manage.py connect_cluster", "cluster.credentials_replaced", "Lab"),
    ]
    event = AuditEvent.objects.first()
    assert event.new["server"] == "https://10.0.0.1:6443"
    assert CANARY not in json.dumps(event.new)


def test_new_keys_for_the_credentials(settings):
    new_connected()
    call_command("rotate_credentials", stdout=StringIO())
    assert entries() == [("manage.py rotate_credentials", "cluster.keys_rotated", "all clusters")]


def test_what_a_new_portal_is_given(monkeypatch):
    out = StringIO()
    call_command("seed", stdout=out)
    password = json.loads(out.getvalue().splitlines()[-1])["password"]
    assert entries()[:3] == [
        ("manage.py seed", "person.added", "admin"),
        ("manage.py seed", "team.added", "Data science"),
        ("manage.py seed", "cluster.connected", "This machine"),
    ]
    assert password not in str(list(AuditEvent.objects.values()))
    call_command("seed", stdout=StringIO())
    assert entries()[3:] == [("manage.py seed", "account.password_changed", "admin")]
