"""Connecting a cluster, four ways. An admin's mistakes are said at their fields and cost nothing that was typed."""

import base64
import json

import pytest
import yaml
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from clusters.connecting import outside, ways
from clusters.kubernetes.connection import ConnectionInvalid
from clusters.models import Cluster, KubernetesConnection
from tests.clusters.pages.connected import CA, CANARY, new_pair

PLACE = {
    "name": "Research",
    "namespace": "stellwerk",
    "space_mode": "one",
    "runner_image": "python:3.12-slim",
}
ADDRESS = PLACE | {"server": "https://10.0.0.1:6443", "ca": CA, "kind": "token", "token": CANARY}
EKS = PLACE | {
    "eks_cluster": "research",
    "eks_region": "eu-central-1",
    "server": "https://ABC.gr7.eu-central-1.eks.amazonaws.com",
    "ca": base64.b64encode(CA.encode()).decode(),
    "kind": "own",
}
KEY = {"kind": "key", "aws_access_key_id": "AKIAABCDEFGHIJKLMNOP", "aws_secret_access_key": CANARY}


def kubeconfig(*contexts: str, **user: object) -> str:
    return yaml.safe_dump(
        {
            "kind": "Config",
            "clusters": [
                {
                    "name": f"of-{name}",
                    "cluster": {
                        "server": f"https://10.0.0.{number}:6443",
                        "certificate-authority-data": base64.b64encode(CA.encode()).decode(),
                    },
                }
                for number, name in enumerate(contexts, 1)
            ],
            "users": [{"name": "me", "user": user or {"token": CANARY}}],
            "contexts": [
                {"name": name, "context": {"cluster": f"of-{name}", "user": "me"}} for name in contexts
            ],
        }
    )


def stored() -> KubernetesConnection:
    return KubernetesConnection.objects.get()


def test_an_address_with_a_token_becomes_a_cluster_and_the_doctor_comes(send, admin, calls, text):
    response = send(**ADDRESS)
    assert response["Location"] == "/clusters/research/"
    row = stored()
    assert (row.server, row.ca, row.authentication, row.space_mode) == (ADDRESS["server"], CA, "token", "one")
    assert row.secrets == {"token": CANARY}
    assert CANARY not in row.encrypted
    assert calls == ["research"]
    assert "Research was added" in text(admin.get("/clusters/research/"))


def test_a_client_certificate_is_taken_instead_of_a_token(send):
    certificate, key = new_pair()
    send(**ADDRESS | {"kind": "certificate", "client_certificate": certificate, "client_key": key})
    assert stored().authentication == "certificate"
    assert stored().secrets == {"client_certificate": certificate, "client_key": key}


def test_a_pasted_kubeconfig_with_one_context_needs_no_choice(send):
    assert send("kubeconfig", **PLACE, kubeconfig=kubeconfig("a")).status_code == 302
    assert stored().server == "https://10.0.0.1:6443"
    assert stored().secrets == {"token": CANARY}


def test_of_several_contexts_one_is_chosen_and_the_file_is_kept_meanwhile(send, text):
    file = SimpleUploadedFile("config", kubeconfig("prod", "test").encode())
    page = text(send("kubeconfig", **PLACE, file=file))
    assert "This kubeconfig has 2 contexts. Choose one." in page
    assert 'name="context" value="prod"' in page
    assert "Kept, not shown" in page
    assert CANARY not in page
    assert not Cluster.objects.exists()
    assert send("kubeconfig", **PLACE, context="test").status_code == 302
    assert stored().server == "https://10.0.0.2:6443"


@pytest.mark.parametrize(
    ("user", "named"),
    [
        ({"exec": {"command": "aws"}}, "user.exec: It would run a command"),
        ({"tokenFile": "/etc/token"}, "user.tokenFile: It names a file"),
        ({"token": "two words"}, "user.token: A token is one word"),
    ],
)
def test_what_is_refused_in_a_kubeconfig_is_named_with_what_to_do(send, text, user, named):
    page = text(send("kubeconfig", **PLACE, kubeconfig=kubeconfig("a", **user)))
    assert named in page
    assert 'href="#id_kubeconfig"' in page
    assert not Cluster.objects.exists()


def test_a_file_that_is_no_kubeconfig_or_far_too_large_is_refused(send, text):
    huge = SimpleUploadedFile("config", b"x" * (3 * 1024 * 1024))
    assert "A kubeconfig has at most 256 KiB" in text(send("kubeconfig", **PLACE, file=huge))
    assert "Choose the kubeconfig" in text(send("kubeconfig", "start_over") and send("kubeconfig", **PLACE))


def test_every_mistake_is_said_at_once_and_at_its_field(send, text):
    wrong = {
        "server": "http://10.0.0.1",
        "ca": "no certificate",
        "kind": "token",
        "token": "two words",
        "name": "",
        "namespace": "Bad Name",
        "runner_image": "https://registry/Image",
        "runner_pull_secret": "A secret",
        "portal_url": "stellwerk.example.org",
    }
    page = text(send(**wrong))
    for field, sentence in {
        "server": "The API address begins with https://",
        "ca": "This is no certificate",
        "token": "A token is one word",
        "name": "Give the cluster a name",
        "namespace": "“Bad Name” cannot be a namespace",
        "runner_image": "Leave out https://",
        "runner_pull_secret": "“A secret” cannot be the name of a Secret",
        "portal_url": "Write http:// or https://",
    }.items():
        assert f'href="#id_{field}">{sentence}' in page, field
        assert f'id="id_{field}_error"' in page, field
    for typed in ("http://10.0.0.1", "no certificate", "Bad Name", "A secret"):
        assert typed in page
    assert "two words" not in page


def test_a_secret_of_a_form_with_mistakes_is_kept_unseen_and_used_later(send, admin, text):
    page = text(send(**ADDRESS | {"name": ""}))
    again = text(admin.get("/clusters/connect/address/"))
    for shown in (page, again):
        assert CANARY not in shown
        assert "Kept, not shown" in shown
        assert ADDRESS["server"] in shown
    for session in Session.objects.all():
        assert CANARY not in json.dumps(session.get_decoded())
    assert send(**ADDRESS | {"token": ""}).status_code == 302
    assert stored().secrets == {"token": CANARY}
    assert "Kept, not shown" not in text(admin.get("/clusters/connect/address/"))


def test_a_kept_secret_is_replaced_by_typing_another(send):
    send(**ADDRESS | {"name": ""})
    send(**ADDRESS | {"token": "another"})
    assert stored().secrets == {"token": "another"}


def test_start_over_forgets_everything(send, admin, text):
    send(**ADDRESS | {"name": ""})
    assert send(action="start_over").status_code == 302
    page = text(admin.get("/clusters/connect/address/"))
    assert "Kept, not shown" not in page
    assert f'value="{ADDRESS["server"]}"' not in page


def test_going_to_another_way_keeps_what_was_typed_on_both(send, admin, text):
    response = send(**ADDRESS | {"action": "go:eks", "name": "Later"})
    assert response["Location"] == "/clusters/connect/eks/"
    assert "Later" in text(admin.get("/clusters/connect/eks/"))
    page = text(admin.get("/clusters/connect/address/"))
    assert ADDRESS["server"] in page
    assert "Kept, not shown" in page
    assert send(action="go:../nowhere").status_code == 404
    assert admin.get("/clusters/connect/nowhere/").status_code == 404


def test_a_second_click_on_connect_leads_to_the_one_cluster(send, calls):
    assert send(**ADDRESS)["Location"] == send(**ADDRESS)["Location"] == "/clusters/research/"
    assert Cluster.objects.count() == 1
    assert calls == ["research"]


def test_a_name_that_is_taken_is_said_at_the_name_however_it_is_capitalised(send, text):
    send(**ADDRESS)
    page = text(send(**ADDRESS | {"name": "RESEARCH", "server": "https://10.0.0.9:6443"}))
    assert 'href="#id_name">Research is here already' in page
    assert Cluster.objects.count() == 1


def test_addresses_of_pages_are_free_of_those_that_have_a_meaning(send):
    assert send(**ADDRESS | {"name": "Connect"})["Location"] == "/clusters/connect-2/"
    assert send(**ADDRESS | {"name": "日本"})["Location"] == "/clusters/cluster/"


def test_the_cluster_i_run_in_is_only_offered_where_there_is_one(send, admin, text, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert "does not run in a Kubernetes cluster" in text(admin.get("/clusters/connect/inside/"))
    assert "Choose another way" in text(send("inside", **PLACE))
    assert not Cluster.objects.exists()


def test_inside_a_cluster_its_account_is_used_and_no_token_is_stored(
    send, admin, text, tmp_path, monkeypatch
):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(ways, "SERVICE_ACCOUNT", tmp_path)
    assert "automountServiceAccountToken" in text(send("inside", **PLACE))
    for name, content in {"token": CANARY, "ca.crt": CA, "namespace": "portal-home"}.items():
        (tmp_path / name).write_text(content)
    send("inside", "start_over")
    assert 'value="portal-home"' in text(admin.get("/clusters/connect/inside/"))
    assert send("inside", **PLACE).status_code == 302
    assert stored().authentication == "in_cluster"
    assert stored().server.startswith("https://")
    assert stored().secrets == {}


@pytest.mark.parametrize("key", [{}, KEY])
def test_an_eks_cluster_is_reached_with_the_portals_identity_or_a_key(send, text, key):
    role = "arn:aws:iam::123456789012:role/stellwerk"
    assert send("eks", **EKS | key, eks_role=role).status_code == 302
    row = stored()
    assert (row.authentication, row.eks_cluster, row.eks_region, row.eks_role, row.ca) == (
        "eks",
        "research",
        "eu-central-1",
        role,
        CA,
    )
    assert row.aws_access_key_id == key.get("aws_access_key_id", "")
    assert row.secrets == ({"aws_secret_access_key": CANARY} if key else {})


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"eks_cluster": ""}, "eks_cluster", "Give the cluster"),
        ({"eks_region": "Frankfurt"}, "eks_region", "Give the region"),
        ({"ca": "%%%"}, "ca", "This is neither base64"),
        ({"eks_role": "stellwerk"}, "eks_role", "Write the role"),
        (KEY | {"aws_access_key_id": "me"}, "aws_access_key_id", "Give the key"),
        (KEY | {"aws_secret_access_key": ""}, "aws_secret_access_key", "Give the secret"),
    ],
)
def test_mistakes_about_eks_are_said_at_their_fields(send, text, fields, field, sentence):
    assert f'href="#id_{field}">{sentence}' in text(send("eks", **EKS | fields))


@pytest.mark.parametrize(
    ("url", "is_warned"), [("http://127.0.0.1:8000", True), ("https://portal.example.org", False)]
)
def test_a_portal_address_that_no_pod_can_reach_is_warned_about(admin, settings, text, url, is_warned):
    settings.PORTAL_URL_FOR_JOBS = url
    page = text(admin.get("/clusters/connect/address/"))
    assert f'value="{url}"' in page
    assert ("in a pod that is the pod itself" in page) is is_warned


def test_the_portal_address_follows_the_setting_unless_another_is_given(send, settings):
    settings.PORTAL_URL_FOR_JOBS = "http://portal:8000"
    send(**ADDRESS, portal_url="http://portal:8000/")
    assert stored().portal_url == ""
    send(**ADDRESS | {"name": "Other"}, portal_url="https://stellwerk.example.org")
    assert (
        KubernetesConnection.objects.get(cluster__name="Other").portal_url == "https://stellwerk.example.org"
    )


def test_without_a_key_for_credentials_nothing_is_stored_and_the_page_says_why(
    send, settings, tmp_path, text
):
    settings.CREDENTIAL_KEYS, settings.CREDENTIAL_KEY_FILE = [], tmp_path / "none"
    page = text(send(**ADDRESS))
    assert "The portal has no key for credentials" in page
    assert not Cluster.objects.exists()
    assert CANARY not in page


def test_an_address_that_the_portal_does_not_call_is_refused_at_its_field(send, text, monkeypatch):
    def check_address(server):
        raise ConnectionInvalid("server", f"{server} is for a cloud's metadata.")

    monkeypatch.setattr(outside, "check_address", check_address)
    assert 'href="#id_server">https://10.0.0.1:6443 is for a cloud' in text(send(**ADDRESS))
    page = text(send("kubeconfig", **PLACE, kubeconfig=kubeconfig("a")))
    assert "cluster.server: https://10.0.0.1:6443 is for a cloud" in page
    assert not Cluster.objects.exists()


def test_a_form_from_another_site_is_refused_and_files_never_touch_the_disk(dana, tmp_path, settings):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    client = Client(enforce_csrf_checks=True)
    client.force_login(dana)
    assert client.post("/clusters/connect/address/", ADDRESS).status_code == 403
    client.get("/clusters/connect/kubeconfig/")
    file = SimpleUploadedFile("config", kubeconfig("a", "b").encode())
    fields = {"csrfmiddlewaretoken": client.cookies["csrftoken"].value, "file": file}
    assert client.post("/clusters/connect/kubeconfig/", fields).status_code == 200
    assert list(tmp_path.iterdir()) == []
    assert not Cluster.objects.exists()
