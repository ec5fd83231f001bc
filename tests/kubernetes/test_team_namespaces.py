"""Teams' namespaces on a real cluster, with the pasted rights and no others: made or prepared, fenced, mended."""

import time
from dataclasses import replace

import pytest

from clusters.driver import ClusterRefused
from clusters.kubernetes import manifests, namespaces, space_check
from clusters.kubernetes.api import ApiRefused
from clusters.kubernetes.fences import namespace as namespace_of
from clusters.kubernetes.names import LABEL_ACCOUNT
from clusters.kubernetes.rights import MADE, ONE, PREPARED
from tests.clusters.driver_contract import DriverContract
from tests.clusters.driver_lab import Lab
from tests.clusters.pod_baseline import assert_baseline
from tests.kubernetes import team_spaces
from tests.kubernetes.conftest import KubernetesLab

pytestmark = pytest.mark.kubernetes
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"


@pytest.fixture
def mode():
    return MADE


@pytest.fixture
def place(test_cluster, admin_api, mode):
    yield from team_spaces.prepare(test_cluster, admin_api, mode, Lab.installation, "")


@pytest.fixture
def lab(place, intake, tmp_path):
    """Works in the team's namespace; the pods' network is not fenced here, and the portal may be anywhere."""
    # Other tests may run on the cluster, and all of it is observed.
    installation = f"lab-{place.account}"
    driver = team_spaces.InSpace(place.driver(installation), place.space.name)
    lab = KubernetesLab(driver, intake, tmp_path / "unused")
    lab.installation = installation
    yield lab
    assert intake.violations == []


@pytest.fixture
def fenced(place):
    """The admission policy is in force: it takes a moment."""
    deadline = time.monotonic() + 60
    while not is_refused(place, "POST", "/api/v1/namespaces", namespace_of("sw-test-not-mine")):
        assert time.monotonic() < deadline, "the policy never came into force"
        time.sleep(0.2)
    return place


def refusal(place, method, path, body):
    """What the cluster says to it; nothing is changed."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    try:
        place.api.call(method, path, {"dryRun": "All"}, body, kind)
    except ApiRefused as refused:
        return refused.message
    return ""


def is_refused(place, method, path, body):
    return "denied request" in refusal(place, method, path, body)


class TestPreparedNamespaces(DriverContract):
    @pytest.fixture
    def mode(self):
        return PREPARED


class TestMadeNamespaces(DriverContract):
    pass


@pytest.mark.parametrize("mode", [ONE, PREPARED, MADE])
def test_a_job_runs_with_the_pasted_rights_only_and_keeps_the_baseline(lab, place, admin_api, mode):
    run = lab.run(["sh", "-c", lab.say("ran")])
    assert lab.until_ended(run).exit_code == 0
    (seen,) = lab.driver.observe()
    assert (seen.name, seen.space) == (run.work.name, place.space.name)
    (job,) = admin_api.get(f"/apis/batch/v1/namespaces/{place.space.name}/jobs")["items"]
    (pod,) = admin_api.get(f"/api/v1/namespaces/{place.space.name}/pods")["items"]
    assert_baseline(job)
    assert_baseline(pod)
    lab.driver.inner.remove(run.work.name, place.space.name, is_ended=True)
    assert lab.driver.look(run.work.name) is None
    assert lab.witnessed() == ["ran"]


def test_what_was_made_is_as_it_should_be_and_drift_is_mended(place, admin_api):
    assert namespaces.settle(place.api, place.space) == []
    name = place.space.name
    admin_api.delete(f"/api/v1/namespaces/{name}/resourcequotas/stellwerk", {})
    admin_api.patch(
        f"/apis/networking.k8s.io/v1/namespaces/{name}/networkpolicies/stellwerk", {"spec": {"ingress": [{}]}}
    )
    enforce = "pod-security.kubernetes.io/enforce"
    admin_api.patch(f"/api/v1/namespaces/{name}", {"metadata": {"labels": {enforce: "privileged"}}})
    assert namespaces.settle(place.api, place.space) == [
        f"put back {enforce}",
        "made the ResourceQuota stellwerk",
        "mended the NetworkPolicy stellwerk",
    ]
    assert namespaces.settle(place.api, place.space) == []


def test_the_namespace_of_another_installation_is_left_alone(place, admin_api):
    labels = namespaces.own_labels("somebody-else", 7, place.account)
    path = f"/api/v1/namespaces/{place.space.name}"
    admin_api.patch(path, {"metadata": {"labels": labels}})
    before = admin_api.get(path)["metadata"]
    with pytest.raises(namespaces.NotOurs):
        namespaces.settle(place.api, place.space)
    assert admin_api.get(path)["metadata"] == before


def test_the_cluster_keeps_the_portal_out_of_all_other_namespaces(fenced):
    binding = namespaces.fences.role_binding(
        "kube-system", fenced.account, role="stellwerk-space", kind="ClusterRole"
    )
    mine = {LABEL_ACCOUNT: fenced.account}
    privileged = namespace_of(f"{fenced.account}-red", mine)
    privileged["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "privileged"
    acts = [
        ("POST", BINDINGS.format("kube-system"), binding),
        ("PATCH", "/api/v1/namespaces/kube-system", {"metadata": {"labels": mine}}),
        ("PATCH", "/api/v1/namespaces/default", {"metadata": {"labels": mine}}),
        ("POST", "/api/v1/namespaces", namespace_of(f"{fenced.account}-red")),
        ("POST", "/api/v1/namespaces", namespace_of("kube-mine", mine)),
        ("POST", "/api/v1/namespaces", privileged),
    ]
    for act in acts:
        assert is_refused(fenced, *act), act
    job = {"metadata": {"name": "j"}, "spec": {"template": {"spec": {"containers": []}}}}
    assert "cannot create resource" in refusal(
        fenced, "POST", "/apis/batch/v1/namespaces/kube-system/jobs", job
    )
    assert refusal(fenced, "POST", "/api/v1/namespaces", namespace_of(f"{fenced.account}-red", mine)) == ""


def test_in_its_own_namespaces_it_can_bind_nobody_else_and_nothing_else(fenced):
    name = fenced.space.name
    own = namespaces.fences.role_binding(name, fenced.account, role="stellwerk-space", kind="ClusterRole")
    own["metadata"]["name"] = "another"
    assert refusal(fenced, "POST", BINDINGS.format(name), own) == ""
    for subject in (
        {"kind": "ServiceAccount", "name": "default", "namespace": name},
        {"kind": "User", "name": "eve"},
    ):
        assert is_refused(fenced, "POST", BINDINGS.format(name), own | {"subjects": [subject]})
    admin = own | {"roleRef": {**own["roleRef"], "name": "cluster-admin"}}
    assert refusal(fenced, "POST", BINDINGS.format(name), admin)
    lower = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    assert is_refused(fenced, "PATCH", f"/api/v1/namespaces/{name}", lower)


@pytest.mark.parametrize("mode", [PREPARED])
def test_a_prepared_namespace_is_ready_and_what_is_taken_away_is_named(place, admin_api, mode):
    space = replace(place.space, labels={})
    assert space_check.check(place.api, space, Lab.installation) == []
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space.name}/roles/stellwerk"
    rules = [rule for rule in admin_api.get(role)["rules"] if rule["resources"] != ["secrets"]]
    admin_api.delete(f"/api/v1/namespaces/{space.name}/limitranges/stellwerk", {})
    assert [each.sentence for each in space_check.check(place.api, space, Lab.installation)] == [
        f"The namespace {space.name} has no LimitRange, so a container could come without limits."
    ]
    admin_api.patch(role, {"rules": rules})
    deadline = time.monotonic() + 20
    while not (
        found := [each.sentence for each in space_check.check(place.api, space, Lab.installation)]
    ) or ("may not create secrets" not in found[0]):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_a_stop_that_came_before_the_shell_could_hear_it_is_not_lost(lab, monkeypatch):
    # As if the shell took long to begin: TERM is lost on the first process until it has asked for it.
    wait = 'while [ ! -e "$1/stop" ]; do sleep 0.1; done'
    slow = f'{wait}; sleep 1; exec /bin/sh /stellwerk/runner/main.sh "$1"'
    main = manifests._main
    command = ["/bin/sh", "-c", slow, "sh", manifests.VOLUME]
    monkeypatch.setattr(manifests, "_main", lambda work: main(work) | {"command": command})
    run = lab.run(["sh", "-c", f"{lab.say('ran')}; sleep 300"], grace_seconds=1)
    deadline = time.monotonic() + 90
    while lab.driver.look(run.work.name).state != "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    lab.driver.stop(run.work.name)
    assert lab.until_ended(run).reason == "stopped"
    assert lab.witnessed() == []


def test_a_namespace_with_another_portals_rights_refuses_this_one(place, test_cluster, admin_api):
    others = team_spaces.prepare(test_cluster, admin_api, MADE, "other", "")
    other = next(others)
    try:
        with pytest.raises(ClusterRefused):
            place.driver(Lab.installation).bring_runner(other.space.name)
    finally:
        others.close()
