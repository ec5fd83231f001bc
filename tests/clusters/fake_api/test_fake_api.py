"""The fake API server keeps the contract that a real one keeps (tests/kubernetes/test_api_contract.py)."""

import base64

import pytest

from clusters.driver import State
from clusters.kubernetes import onboarding
from clusters.kubernetes.api import ApiRefused
from clusters.kubernetes.seen import seen_of
from tests.clusters.fake_api.api_contract import ApiContract, job, until

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
COLLECTIONS = {
    "ServiceAccount": "/api/v1/namespaces/space/serviceaccounts",
    "Secret": "/api/v1/namespaces/space/secrets",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/space/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/space/rolebindings",
}


class TestFakeApi(ApiContract):
    pass


@pytest.fixture
def account(fake, api):
    """The portal's own account, as an admin pastes it."""
    for manifest in onboarding.manifests("space"):
        if manifest["kind"] in COLLECTIONS:
            api.post(COLLECTIONS[manifest["kind"]], manifest)
    token = fake.store.objects[("secrets", "space", onboarding.TOKEN)]["data"]["token"]
    return fake.api(base64.b64decode(token).decode())


def may(api, verb, resource, group="") -> bool:
    asked = {"namespace": "space", "verb": verb, "group": group, "resource": resource}
    return api.post(REVIEW, {"spec": {"resourceAttributes": asked}})["status"]["allowed"]


def test_an_account_may_what_its_role_says_and_a_test_can_take_it_away(fake, account):
    assert may(account, "create", "jobs", "batch")
    assert not may(account, "get", "secrets")
    account.post("/apis/batch/v1/namespaces/space/jobs", job("one"))
    fake.rights.denied.add(("create", "jobs"))
    assert not may(account, "create", "jobs", "batch")
    with pytest.raises(ApiRefused, match='cannot create resource "jobs"'):
        account.post("/apis/batch/v1/namespaces/space/jobs", job("two"))
    with pytest.raises(ApiRefused, match='cannot list resource "nodes"'):
        account.get("/api/v1/nodes")


def test_a_pod_moves_as_a_kubelet_moves_it(fake, api):
    api.post("/apis/batch/v1/namespaces/space/jobs", job("one"))
    pod = fake.pod_of("one")

    def seen():
        found = api.get("/apis/batch/v1/namespaces/space/jobs/one")
        return seen_of(found, api.get("/api/v1/namespaces/space/pods")["items"])

    assert seen().state is State.PENDING
    pod.wait_reason("ImagePullBackOff", "not found")
    assert seen().reason == "image_missing"
    pod.unschedulable("0/1 nodes are available: 1 Insufficient cpu.")
    assert seen().reason == "unschedulable"
    pod.run()
    assert seen().state is State.RUNNING
    pod.end(3)
    assert (seen().state, seen().exit_code) == (State.ENDED, 3)


def test_without_controllers_nothing_follows(fake, api):
    """Row 42."""
    fake.controllers.is_acting = False
    api.post("/apis/batch/v1/namespaces/space/jobs", job("one"))
    assert fake.pods() == []
    fake.controllers.catch_up()
    assert fake.pod_of("one")


def test_a_pod_that_ends_slowly_holds_the_stop_of_its_job(fake, api):
    fake.controllers.ends_pods = False
    api.post("/apis/batch/v1/namespaces/space/jobs", job("one"))
    pod = fake.pod_of("one").run()
    api.patch("/apis/batch/v1/namespaces/space/jobs/one", {"spec": {"suspend": True}})
    found = api.get("/apis/batch/v1/namespaces/space/jobs/one")
    assert found["status"]["terminating"] == 1
    assert pod.item["metadata"]["deletionTimestamp"]
    pod.gone()
    found = until(lambda: api.get("/apis/batch/v1/namespaces/space/jobs/one"))
    assert "terminating" not in found["status"]


def test_a_namespace_takes_its_content_along(fake, api):
    api.post("/apis/batch/v1/namespaces/space/jobs", job("one"))
    api.delete("/api/v1/namespaces/space", {})
    assert api.get("/apis/batch/v1/jobs")["items"] == api.get("/api/v1/pods")["items"] == []
