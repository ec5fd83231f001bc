"""Connecting a cluster: what admins paste by mistake, and what is said when they leave something out."""

import base64

import pytest

from clusters.connecting.place import RUNNER_IMAGE
from clusters.models import Cluster, KubernetesConnection
from tests.clusters.pages.connected import CA, new_pair

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
