"""Connecting a cluster: what admins paste by mistake, and what is said when they leave something out."""

import base64

import pytest
import yaml

from clusters.connecting.place import RUNNER_IMAGE
from clusters.models import Cluster, KubernetesConnection
from tests.clusters.pages.connected import CA, CANARY, new_pair

PLACE = {
    "name": "Research",
    "namespace": "stellwerk",
    "space_mode": "one",
    "runner_image": "python:3.12-slim",
}
ADDRESS = PLACE | {"server": "https://10.0.0.1:6443", "ca": CA, "kind": "token", "token": "t0ken"}
WHOLE = "Paste all of it, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."


@pytest.mark.parametrize(
    ("ca", "told"),
    [
        ("hello", "This is no certificate."),
        ("höllo", "This is no certificate."),
        (CA[:200], "This certificate cannot be read: a part of it may be missing or changed."),
        (CA.replace("M", "ü", 1), "This certificate cannot be read"),
        ("KEY", "This is a private key, and a certificate is wanted here."),
    ],
)
def test_text_that_is_no_ca_is_told_for_what_it_is(send, text, ca, told):
    page = text(send(**ADDRESS | {"ca": new_pair()[1] if ca == "KEY" else ca}))
    assert f'href="#id_ca">{told}' in page
    assert WHOLE in page
    assert not Cluster.objects.exists()


def test_a_ca_in_base64_as_a_kubeconfig_has_it_is_taken(send):
    assert send(**ADDRESS | {"ca": base64.b64encode(CA.encode()).decode()}).status_code == 302
    assert KubernetesConnection.objects.get().ca == CA


def test_a_runner_image_that_is_left_empty_is_told(send, admin, text):
    assert f"Left empty, it is {RUNNER_IMAGE}." in text(admin.get("/clusters/connect/address/"))
    response = send(**ADDRESS | {"runner_image": " "})
    assert KubernetesConnection.objects.get().runner_image == RUNNER_IMAGE
    assert "No runner image was given" in text(admin.get(response["Location"]))


def test_a_runner_image_that_is_given_is_not_talked_about(send, admin, text):
    assert "No runner image was given" not in text(admin.get(send(**ADDRESS)["Location"]))


EKS_SERVER = "https://ABC.gr7.eu-central-1.eks.amazonaws.com"
BY_AWS = {
    "command": "aws",
    "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "research", "--output", "json"],
}


def of_eks(command: dict[str, object], *contexts: str) -> str:
    cluster = {"server": EKS_SERVER, "certificate-authority-data": base64.b64encode(CA.encode()).decode()}
    return yaml.safe_dump(
        {
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"exec": command}}],
            "contexts": [
                {"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts or ["x"]
            ],
        }
    )


def test_a_kubeconfig_of_eks_leads_to_the_filled_form_for_eks(send, admin, text):
    page = text(send("kubeconfig", **PLACE, kubeconfig=of_eks(BY_AWS)))
    assert "go on at Amazon EKS, where what this kubeconfig says is filled in." in page
    assert 'href="/clusters/connect/eks/" data-way="eks">' in page.split('class="to-eks"')[1]
    form = admin.get("/clusters/connect/eks/").context["form"]
    shown = {name: form[name].value() for name in ("eks_cluster", "eks_region", "server", "ca", "kind")}
    assert shown == {
        "eks_cluster": "research",
        "eks_region": "eu-west-1",
        "server": EKS_SERVER,
        "ca": CA,
        "kind": "own",
    }
    assert send("eks", **PLACE, **shown).status_code == 302
    assert KubernetesConnection.objects.get().eks_cluster == "research"


def test_filling_the_form_for_eks_keeps_what_was_typed_there_and_its_secret(send, admin, text):
    key = {"kind": "key", "aws_access_key_id": "AKIAABCDEFGHIJKLMNOP", "aws_secret_access_key": CANARY}
    send("eks", "save", **PLACE, eks_cluster="old", **key)
    send("kubeconfig", **PLACE, kubeconfig=of_eks(BY_AWS, "a", "b"), context="b")
    page = admin.get("/clusters/connect/eks/")
    form = page.context["form"]
    assert (form["eks_cluster"].value(), form["kind"].value()) == ("research", "key")
    assert "Kept, not shown" in text(page)
    assert CANARY not in text(page)


def test_another_command_is_refused_without_a_way_to_eks(send, text):
    page = text(send("kubeconfig", **PLACE, kubeconfig=of_eks({"command": "gke-gcloud-auth-plugin"})))
    assert "user.exec: It would run a command" in page
    assert "to-eks" not in page


def test_new_credentials_from_a_kubeconfig_of_eks_lead_to_the_form_there(admin, research, text):
    address = f"/clusters/{research.slug}/credentials/"
    page = text(admin.post(f"{address}kubeconfig/", {"action": "replace", "kubeconfig": of_eks(BY_AWS)}))
    assert f'href="{address}eks/" data-way="eks">' in page.split('class="to-eks"')[1]
    assert admin.get(f"{address}eks/").context["form"]["eks_cluster"].value() == "research"
