"""`manage.py connect_cluster`: a cluster connected from a terminal."""

import base64
import io

import pytest
import yaml
from django.core.management import CommandError, call_command

from clusters import encryption
from clusters.management.commands import connect_cluster
from clusters.models import Cluster, Image, KubernetesConnection, Profile
from tests.clusters.certificates import make_ca

pytestmark = pytest.mark.django_db


def kubeconfig(token: str = "secret-token", **user: str) -> str:  # noqa: S107
    ca = base64.b64encode(make_ca().encode()).decode()
    cluster = {"server": "https://10.0.0.1:6443", "certificate-authority-data": ca}
    return yaml.safe_dump(
        {
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user or {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


@pytest.fixture
def connect(settings, tmp_path, monkeypatch):
    """`connect(kubeconfig, **options)`: what the command printed."""
    settings.CREDENTIAL_KEYS = [encryption.new_key()]
    # Of the cluster itself: tests/clusters/fake_api/test_connecting.py.
    monkeypatch.setattr(connect_cluster, "jobs_account_trouble", lambda row: "")

    def call(text: str, **options: object) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        out = io.StringIO()
        given = {"kubeconfig": "-", "name": "Lab", "namespace": "jobs", "runner_image": "python:3.11"}
        call_command("connect_cluster", **(given | options), stdout=out)
        return out.getvalue()

    return call


def test_a_cluster_is_connected_with_an_environment_and_a_size(connect):
    said = connect(
        kubeconfig(), environment=["Python 3.11 = python:3.11-slim"], portal_url="http://10.0.0.5:1"
    )
    row = KubernetesConnection.objects.get()
    assert (row.cluster.name, row.namespace, row.portal_url) == ("Lab", "jobs", "http://10.0.0.5:1")
    assert (row.connection.server, row.connection.token) == ("https://10.0.0.1:6443", "secret-token")
    image = Image.objects.get()
    assert (image.label, image.reference) == ("Python 3.11", "python:3.11-slim")
    assert image.entry_commands[".py"] == ["python3", "-u"]
    assert Profile.objects.get().name == "Small"
    assert "Lab is connected" in said
    assert "secret-token" not in said


def test_the_same_name_again_replaces_the_connection_and_nothing_else(connect):
    connect(kubeconfig(), environment=["Python=python:3.11"])
    Image.objects.update(label="Ours")
    Profile.objects.update(name="Tiny")
    before = KubernetesConnection.objects.get()
    said = connect(kubeconfig("another-token"))
    row = KubernetesConnection.objects.get()
    assert row.connection.token == "another-token"  # noqa: S105
    assert row.changed_at > before.changed_at
    assert "has its new connection" in said
    assert (Image.objects.get().label, Profile.objects.get().name) == ("Ours", "Tiny")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("{", {}, "cannot be read as YAML"),
        (kubeconfig(exec="x"), {}, "user.exec: It would run a command"),
        (kubeconfig("two words"), {}, "token: A token is one word"),
        (kubeconfig(), {"context": "other"}, "There is no context 'other'"),
        (kubeconfig(), {"kubeconfig": "/nowhere/config"}, "/nowhere/config cannot be read"),
        (kubeconfig(), {"environment": ["python:3.11"]}, "LABEL=IMAGE is needed"),
        (kubeconfig(), {"name": "Here"}, "is no Kubernetes cluster; choose another name"),
        (kubeconfig(), {"name": "here!"}, "too much like the name of another cluster"),
        (kubeconfig(), {"name": "——"}, "has no letters"),
    ],
)
def test_what_cannot_be_connected_is_said_and_leaves_nothing(connect, text, options, words):
    Cluster.objects.create(name="Here", slug="here", driver="local")
    with pytest.raises(CommandError) as raised:
        connect(text, **options)
    assert words in str(raised.value)
    assert Cluster.objects.count() == 1
    assert not KubernetesConnection.objects.exists()


def test_without_a_key_nothing_is_stored(connect, settings, tmp_path):
    settings.CREDENTIAL_KEYS, settings.CREDENTIAL_KEY_FILE = [], tmp_path / "none"
    with pytest.raises(CommandError, match="no key for credentials"):
        connect(kubeconfig())
    assert not Cluster.objects.exists()


def test_a_kubeconfig_of_eks_leads_to_the_browser(connect):
    command = {"command": "aws", "args": ["eks", "get-token", "--cluster-name", "lab"]}
    with pytest.raises(
        CommandError, match="Connect it in the browser: Clusters, Connect a cluster, Amazon EKS"
    ):
        connect(kubeconfig(exec=command))
    assert not Cluster.objects.exists()
