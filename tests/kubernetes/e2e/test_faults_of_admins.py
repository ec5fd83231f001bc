"""Admins change rights, certificates, quotas and labels under the portal (faults 36, 37, 39-41, 44, 45, 58)."""

import time
from contextlib import contextmanager

import pytest

from clusters.kubernetes import onboarding
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.kubeconfig import read_kubeconfig
from clusters.models import Cluster, KubernetesConnection

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside, pytest.mark.processes, pytest.mark.timeout(900)]


@contextmanager
def without_right(api, namespace, resource, verb):
    """The portal's account may not do it while the block runs."""
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{onboarding.ACCOUNT}"
    rules = api.get(path)["rules"]
    left = [
        {**rule, "verbs": [each for each in rule["verbs"] if (rule["resources"], each) != ([resource], verb)]}
        for rule in rules
    ]
    api.patch(path, {"rules": [rule for rule in left if rule["verbs"]]})
    time.sleep(1)  # the API server's picture of the rights follows
    try:
        yield
    finally:
        api.patch(path, {"rules": rules})
        time.sleep(1)


@contextmanager
def quota(api, namespace, **hard):
    """A ResourceQuota that somebody else has made."""
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    limits = {
        name.replace("_", "/", 1).replace("jobs", "jobs.batch"): amount for name, amount in hard.items()
    }
    api.post(path, {"metadata": {"name": "theirs"}, "spec": {"hard": limits}})
    time.sleep(2)  # its controller counts what there is
    try:
        yield
    finally:
        api.delete(f"{path}/theirs", {})


def test_a_right_that_is_taken_away_is_named_without_a_storm_and_ends_nothing_that_runs(
    faulty_world, faults, admin_api
):
    world = faulty_world
    running = world.submit("gate")
    world.until_running(running)
    with without_right(admin_api, world.namespace, "jobs", "create"):
        asked = len(creates(faults))
        refused = world.submit()
        world.wait(lambda: world.job(refused).reason == "rights_missing", "the right is named")
        assert 'cannot create resource "jobs"' in world.job(refused).detail
        world.until("error", refused)
        assert len(creates(faults)) - asked <= 6
        assert world.status(running) == "running"
    later = world.submit()
    world.open("gate")
    world.until_over()
    world.check(succeeded=[running, later], unstarted=[refused])


def creates(faults):
    return [
        request for request in faults.requests if request.startswith("POST ") and request.endswith("/jobs")
    ]


def test_another_certificate_is_not_believed_until_an_admin_gives_it(faulty_world, faults, account):
    world = faulty_world
    outlasting, ending = world.submit("after"), world.submit("within")
    world.until_running(outlasting, ending)
    faults.rotate()
    # A cluster that was added a moment ago may still be shown as not read yet.
    world.wait(lambda: "certificate" in world.cluster_trouble(), "the certificate is said to be another one")
    asked = len(faults.requests)
    late = world.submit()
    world.open("within")
    world.until("succeeded", ending)
    assert world.status(outlasting) == "running"
    assert world.witness.count("start", late) == 0
    assert len(faults.requests) == asked, "nothing is sent to a server that is not known"
    world.reconnect(Connection(faults.url, faults.ca, account.token))
    world.open("after")
    world.until_over()
    world.check(succeeded=[outlasting, ending, late])


def test_quotas_of_the_cluster_hold_jobs_back_and_lose_none(world, admin_api):
    with quota(admin_api, world.namespace, count_jobs="2"):
        first = [world.submit("gate") for _ in range(2)]
        world.until_running(*first)
        more = [world.submit() for _ in range(3)]
        world.wait(lambda: all(world.job(pk).reason == "quota" for pk in more), "the others wait for room")
        assert [world.status(pk) for pk in more] == ["starting"] * 3
        world.open("gate")
        world.until_over()
    with quota(admin_api, world.namespace, pods="0"):
        podless = world.submit()
        world.wait(lambda: world.job(podless).reason == "quota", "its pod is refused")
    world.until_over()
    world.check(succeeded=[*first, *more, podless])


def test_a_pod_whose_labels_are_taken_away_and_a_cluster_that_is_switched_off_lose_no_job(world, admin_api):
    stripped, plain = world.submit("gate"), world.submit("gate")
    world.until_running(stripped, plain)
    pod = world.pod_of(stripped, admin_api)["metadata"]
    labels = {name: None for name in pod["labels"] if name.startswith("stellwerk/")}
    pods = f"/api/v1/namespaces/{world.namespace}/pods"
    admin_api.patch(f"{pods}/{pod['name']}", {"metadata": {"labels": labels}})
    Cluster.objects.filter(pk=world.cluster.pk).update(is_enabled=False)
    time.sleep(8)  # longer than an absence has to last to be believed
    assert [world.status(pk) for pk in (stripped, plain)] == ["running", "running"]
    world.open("gate")
    world.until_over()
    world.wait(lambda: not admin_api.get(pods)["items"], "the stripped pod went with its Job")
    world.check(succeeded=[stripped, plain])


def test_another_cluster_under_the_known_address_gets_no_work(new_world, test_cluster, admin_api):
    admin = read_kubeconfig(test_cluster.kubeconfig).connection()
    world = new_world(admin)
    running = world.submit("gate")
    world.until_running(running)
    known = admin_api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    pretend(world, admin, "11111111-2222-3333-4444-555555555555")
    world.wait(lambda: "Another cluster answers" in world.cluster_trouble(), "that it is another one is told")
    late = world.submit()
    time.sleep(5)
    assert [world.status(running), world.witness.count("start", late)] == ["running", 0]
    pretend(world, admin, known)
    world.open("gate")
    world.until_over()
    world.check(succeeded=[running, late])


def pretend(world, connection, identity):
    """As if the cluster that was connected had this UID."""
    row = KubernetesConnection.objects.get(cluster=world.cluster)
    row.identity = identity
    row.take(connection)
