"""From a row in the database to an API that answers: tokens, certificates, the pod's own account, EKS."""

import pytest

from clusters import encryption
from clusters.driver import AdminFirst
from clusters.drivers import api_of, driver_of
from clusters.kubernetes import credentials as credentials_module
from clusters.kubernetes.connection import Connection, ConnectionInvalid
from clusters.kubernetes.credentials import Fixed, InCluster
from clusters.kubernetes.eks import EksTokens
from clusters.management.commands.connect_cluster import jobs_account_trouble
from clusters.models import Authentication, Cluster, KubernetesConnection
from tests.clusters.certificates import make_pair
from tests.clusters.fake_api.rights import ADMIN
from tests.clusters.fake_api.server import LOOPBACK, TOKEN, FakeApi


@pytest.fixture(autouse=True)
def reachable(settings, tmp_path):
    settings.CLUSTER_LOOPBACK_ADDRESSES = True
    settings.CREDENTIAL_KEYS = [encryption.new_key()]


@pytest.fixture
def row(db):
    cluster = Cluster.objects.create(name="Lab", slug="lab", driver="kubernetes")
    return KubernetesConnection(cluster=cluster, namespace="space", runner_image="python:3.11")


def test_a_token_is_shown_and_a_replaced_one_used_at_once(row, fake):
    """While jobs run: the driver of the next step is made anew, nothing is restarted."""
    row.take(fake.connection("first"))
    assert (row.authentication, row.expires_at) == (Authentication.TOKEN, None)
    fake.tokens = {"second": ADMIN}
    first = driver_of(row.cluster)
    with pytest.raises(AdminFirst, match="credentials"):
        first.observe()
    row.take(fake.connection("second"))
    second = driver_of(row.cluster)
    assert second is not first
    assert second.observe() == []
    assert driver_of(row.cluster) is second


def test_a_client_certificate_is_shown_and_its_end_known(row):
    client = make_pair(days=10, name=ADMIN)
    fake = FakeApi(client_ca=client.ca)
    try:
        place = Connection(fake.url, fake.pair.ca, "", client.ca, client.key)
        row.take(place)
        assert row.authentication == Authentication.CERTIFICATE
        assert row.expires_at is not None
        assert api_of(row).get("/api/v1/nodes")["items"]
        stranger = make_pair(name="stranger")
        row.take(Connection(fake.url, fake.pair.ca, "", stranger.ca, stranger.key))
        with pytest.raises(Exception, match="does not answer|Unauthorized"):
            api_of(row).get("/api/v1/nodes")
    finally:
        fake.stop()


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (lambda pair: make_pair().key, "another certificate"),
        (lambda pair: "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", "cannot be read"),
    ],
)
def test_a_key_has_to_belong_to_its_certificate(row, key, says):
    pair = make_pair()
    with pytest.raises(ConnectionInvalid, match=says) as invalid:
        row.take(Connection("https://10.0.0.1", "", "", pair.ca, key(pair)))
    assert invalid.value.field == "client_key"


@pytest.fixture
def pod(fake, tmp_path):
    """The files and variables of a pod that the portal runs in."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "ca.crt").write_text(fake.pair.ca)
    environment = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(fake.server.server_port),
    }
    return InCluster(tmp_path, environment)


def test_a_pods_own_account_is_read_from_its_files_and_again_when_they_change(fake, pod, tmp_path, short):
    from clusters.kubernetes.api import Api

    api = Api(pod, limits=short, rules=LOOPBACK)
    assert api.get("/version")
    fake.tokens = {"rotated": ADMIN}
    (tmp_path / "token").write_text("rotated")
    assert api.get("/version")
    assert [each.user for each in fake.requests] == [ADMIN, ADMIN]


def test_a_token_that_is_no_longer_taken_is_read_again_once(fake, pod, tmp_path, short, monkeypatch):
    """Also where the file's time says nothing new; then it is the admin's turn."""
    from clusters.kubernetes.api import Api, ApiRefused

    monkeypatch.setattr(pod, "_version", lambda: (1, 1))
    api = Api(pod, limits=short, rules=LOOPBACK)
    assert api.get("/version")
    fake.tokens = {"rotated": ADMIN}
    (tmp_path / "token").write_text("rotated")
    assert api.get("/version")
    assert [each.user for each in fake.requests] == [ADMIN, "", ADMIN]
    (event,) = _first(api.watch("/api/v1/namespaces", {}, 5))
    assert event["type"] == "ADDED"
    fake.tokens = {}
    with pytest.raises(ApiRefused):
        api.get("/version")
    assert len(fake.requests) == 5


def _first(events):
    for event in events:
        events.close()
        return (event,)
    return ()


def test_a_watch_renews_credentials_too(fake, pod, tmp_path, short, monkeypatch):
    from clusters.kubernetes.api import Api

    monkeypatch.setattr(pod, "_version", lambda: (1, 1))
    api = Api(pod, limits=short, rules=LOOPBACK)
    assert api.get("/version")
    fake.tokens = {"rotated": ADMIN}
    (tmp_path / "token").write_text("rotated")
    assert _first(api.watch("/api/v1/namespaces", {}, 5))


def test_a_renewed_ca_is_read_again_from_its_file(fake, pod, tmp_path, short):
    """Row 37, where nobody has to act."""
    from clusters.kubernetes.api import Api

    api = Api(pod, limits=short, rules=LOOPBACK)
    assert api.get("/version")
    api.close()
    renewed = make_pair()
    fake.server.show(renewed)
    with pytest.raises(AdminFirst, match="does not trust"):
        api.get("/version")
    (tmp_path / "ca.crt").write_text(renewed.ca)
    assert api.get("/version")


def test_outside_of_a_pod_there_is_a_sentence(row, tmp_path, monkeypatch):
    row.take(Connection("", ""), Authentication.IN_CLUSTER)
    assert row.server == "https://kubernetes.default.svc"
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(AdminFirst, match="does not run in a Kubernetes pod"):
        api_of(row)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setattr(credentials_module.InCluster.__init__, "__defaults__", (tmp_path / "none", None))
    with pytest.raises(AdminFirst, match="automountServiceAccountToken"):
        api_of(row)


def test_a_pods_own_cluster_may_be_at_a_private_address(row, fake, settings, tmp_path, pod, monkeypatch):
    """Its address comes from Kubernetes, not from a person."""
    settings.CLUSTER_PRIVATE_ADDRESSES = False
    row.take(Connection("", ""), Authentication.IN_CLUSTER)
    monkeypatch.setattr(KubernetesConnection, "credentials", pod)
    assert api_of(row)._rules.private
    row.authentication = Authentication.TOKEN
    assert not api_of(row)._rules.private


def test_eks_is_reached_with_a_token_made_for_it(row, fake, monkeypatch):
    monkeypatch.setattr(EksTokens, "token", lambda self: f"eks-token-for-{self._access.cluster}")
    fake.tokens["eks-token-for-prod"] = ADMIN
    row.eks_cluster, row.eks_region = "prod", "eu-central-1"
    row.aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"
    place = Connection(fake.url, fake.pair.ca)
    with pytest.raises(ConnectionInvalid, match="two parts"):
        row.take(place, Authentication.EKS)
    row.take(place, Authentication.EKS, "canary-aws")
    assert api_of(row).get("/version")
    # A form that says nothing about the secret keeps it.
    row.eks_role = "arn:aws:iam::123456789012:role/stellwerk"
    row.take(place, Authentication.EKS)
    stored = KubernetesConnection.objects.get()
    assert stored.eks_access.secret_key == "canary-aws"
    assert stored.secrets == {"aws_secret_access_key": "canary-aws"}
    row.aws_access_key_id = "AKIAANOTHERKEYEXAMPL"
    with pytest.raises(ConnectionInvalid, match="two parts"):
        row.take(place, Authentication.EKS)
    row.aws_access_key_id = ""
    row.take(place, Authentication.EKS, "")
    assert KubernetesConnection.objects.get().secrets == {}


def test_without_its_key_no_cluster_is_connected_and_no_job_ends(row, fake, settings):
    row.take(fake.connection())
    settings.CREDENTIAL_KEYS = [encryption.new_key()]
    with pytest.raises(AdminFirst, match="cannot be connected"):
        api_of(row)


def test_another_cluster_at_the_same_address_is_told_nothing(row, fake):
    """Row 45: the same certificate and the same token, but not the cluster that was connected."""
    fake_uid = api_of(row_with(row, fake)).get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    row.identity = fake_uid
    row.save()
    known = api_of(row)
    assert known.get("/api/v1/nodes")
    fake.store.change(("namespaces", "", "kube-system"), lambda item: item["metadata"].update(uid="another"))
    # On connections that are open it is still the same cluster; a new one is asked first.
    known.close()
    fake.requests.clear()
    for act in (
        lambda: known.post("/api/v1/namespaces", {}),
        lambda: list(known.watch("/api/v1/pods", {}, 1)),
    ):
        with pytest.raises(AdminFirst, match="Another cluster"):
            act()
    assert {each.path for each in fake.requests} == {"/api/v1/namespaces/kube-system"}
    with pytest.raises(AdminFirst, match="Another cluster"):
        driver_of(row.cluster).observe()
    assert api_of(row, any_cluster=True).get("/api/v1/nodes")


def test_where_the_portal_may_not_know_which_cluster_it_is_it_works_all_the_same(row, fake):
    fake.tokens["narrow"] = "narrow"
    row.take(fake.connection("narrow"))
    row.identity = "unknown"
    assert api_of(row).get("/version")


def row_with(row, fake):
    row.take(fake.connection())
    return row


def test_all_who_speak_to_one_cluster_share_its_pace(row, fake):
    row.take(fake.connection())
    assert api_of(row)._pace is api_of(row)._pace
    assert isinstance(row.credentials, Fixed)


def test_the_account_of_jobs_is_made_where_a_terminal_connects(row, fake):
    row.take(fake.connection(TOKEN))
    accounts = "/api/v1/namespaces/space/serviceaccounts"
    for _ in range(2):
        assert jobs_account_trouble(row) == ""
        names = {each["metadata"]["name"]: each for each in api_of(row).get(accounts)["items"]}
        assert names["stellwerk-jobs"]["automountServiceAccountToken"] is False
    row.namespace = "nowhere"
    assert "kubectl create namespace nowhere" in jobs_account_trouble(row)
    fake.tokens = {TOKEN: "narrow"}
    assert jobs_account_trouble(row) == ""
    fake.stop()
    assert "does not answer yet" in jobs_account_trouble(row)
