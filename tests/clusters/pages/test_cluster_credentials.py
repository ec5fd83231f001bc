"""Credentials are replaced while jobs run; an old token is never sent to a new address."""

import pytest

from clusters.models import KubernetesConnection
from tests.clusters.certificates import make_ca
from tests.clusters.pages.connected import CA, CANARY, new_connected
from tests.clusters.pages.test_cluster_connect import EKS, KEY, kubeconfig

URL = "/clusters/research/credentials/"
SAME = {"server": "https://10.0.0.1:6443", "ca": CA, "kind": "token"}
ELSEWHERE = SAME | {"server": "https://10.0.0.2:6443"}


@pytest.fixture
def identified(db):
    return new_connected(identity="6f2c0c1e")


def row() -> KubernetesConnection:
    return KubernetesConnection.objects.get()


def test_a_new_token_takes_the_old_ones_place_and_the_doctor_comes(admin, identified, calls):
    assert admin.post(URL + "address/", SAME | {"token": "fresh"})["Location"] == "/clusters/research/"
    assert row().secrets == {"token": "fresh"}
    assert row().identity == "6f2c0c1e"
    assert calls == ["research"]


def test_the_page_shows_the_address_and_never_the_secret(admin, identified, text):
    page = text(admin.get(URL))
    assert 'value="https://10.0.0.1:6443"' in page
    assert CANARY not in page


def test_at_the_same_address_an_empty_secret_leaves_the_present_one(admin, identified):
    other = make_ca().strip()
    assert admin.post(URL + "address/", SAME | {"ca": other, "token": ""}).status_code == 302
    assert (row().ca, row().secrets) == (other, {"token": CANARY})


def test_a_new_address_needs_new_credentials(admin, identified, text):
    page = text(admin.post(URL + "address/", ELSEWHERE | {"token": ""}))
    assert 'href="#id_token">Give the token' in page
    assert row().server == "https://10.0.0.1:6443"
    assert admin.post(URL + "address/", ELSEWHERE | {"token": "fresh"}).status_code == 302
    assert (row().server, row().secrets) == ("https://10.0.0.2:6443", {"token": "fresh"})
    assert row().identity == "6f2c0c1e"


def test_a_certificate_does_not_come_from_a_token(admin, identified, text):
    page = text(admin.post(URL + "address/", SAME | {"kind": "certificate"}))
    assert 'href="#id_client_certificate"' in page
    assert row().secrets == {"token": CANARY}


def test_what_was_typed_with_a_mistake_is_kept_unseen(admin, identified, text):
    page = text(admin.post(URL + "address/", ELSEWHERE | {"ca": "no certificate", "token": "fresh-one"}))
    assert "Kept, not shown" in page
    assert "fresh-one" not in page
    assert admin.post(URL + "address/", ELSEWHERE | {"token": ""}).status_code == 302
    assert row().secrets == {"token": "fresh-one"}


def test_a_kubeconfig_replaces_everything_and_a_bad_one_nothing(admin, identified, text):
    page = text(admin.post(URL + "kubeconfig/", {"kubeconfig": kubeconfig("a", exec={"command": "aws"})}))
    assert "user.exec: It would run a command" in page
    assert row().secrets == {"token": CANARY}
    admin.post(URL + "kubeconfig/", {"kubeconfig": kubeconfig("a", token="from-file")})
    assert row().secrets == {"token": "from-file"}


def test_an_eks_secret_stays_with_its_key_and_goes_with_it(admin, text):
    new_connected()
    fields = {name: value for name, value in (EKS | KEY).items() if name not in ("name", "namespace")}
    assert admin.post(URL + "eks/", fields).status_code == 302
    assert row().secrets == {"aws_secret_access_key": CANARY}
    assert admin.post(URL + "eks/", fields | {"aws_secret_access_key": ""}).status_code == 302
    assert row().secrets == {"aws_secret_access_key": CANARY}
    assert admin.post(URL + "eks/", fields | {"kind": "own", "aws_secret_access_key": ""}).status_code == 302
    assert (row().secrets, row().aws_access_key_id) == ({}, "")


def test_credentials_that_cannot_be_read_can_still_be_replaced(admin, identified):
    KubernetesConnection.objects.update(encrypted="broken")
    response = admin.post(URL + "address/", SAME | {"token": ""})
    assert response["Location"] == URL + "kubeconfig/"
    assert admin.post(URL + "kubeconfig/", {"kubeconfig": kubeconfig("a")}).status_code == 302
    assert row().secrets == {"token": CANARY}
