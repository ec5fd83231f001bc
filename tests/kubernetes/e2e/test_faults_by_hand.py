"""Somebody deletes, copies and brings back what the portal made (faults 7, 46, 54 to 57)."""

import signal
import threading
from contextlib import contextmanager, suppress

import pytest

from clusters import drivers
from clusters.kubernetes.api import ApiRefused
from clusters.kubernetes.calls import unless_missing, unless_there
from clusters.kubernetes.capacity import capacity_of
from jobs.reconciler.acts import work_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside, pytest.mark.processes, pytest.mark.timeout(900)]
NEVER = "never"


def pods(namespace, name="", rest=""):
    return f"/api/v1/namespaces/{namespace}/pods" + (f"/{name}{rest}" if name else "")


def jobs(namespace, name=""):
    return f"/apis/batch/v1/namespaces/{namespace}/jobs" + (f"/{name}" if name else "")


def delete_pod(**options):
    def act(api, world, pk):
        api.delete(pods(world.namespace, world.pod_of(pk, api)["metadata"]["name"]), options)

    return act


def evict(api, world, pk):
    name = world.pod_of(pk, api)["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    api.post(pods(world.namespace, name, "/eviction"), body)


def delete_job(policy):
    def act(api, world, pk):
        api.delete(jobs(world.namespace, world.attempt(pk).name), {"propagationPolicy": policy})

    return act


BY_HAND = {
    "pod": delete_pod(),
    "pod at once": delete_pod(gracePeriodSeconds=0),
    "evicted": evict,
    "job in the background": delete_job("Background"),
    "job in the foreground": delete_job("Foreground"),
}


def test_what_is_deleted_by_hand_ends_its_job_with_a_reason_and_nothing_starts_again(world, admin_api):
    doomed = {what: world.submit(NEVER) for what in BY_HAND}
    world.until_running(*doomed.values())
    for what, act in BY_HAND.items():
        act(admin_api, world, doomed[what])
    world.until("error", *doomed.values())
    assert all(world.job(pk).reason for pk in doomed.values())
    world.until_over()
    world.check(error=list(doomed.values()))


@pytest.fixture
def urgent(admin_api):
    """A priority above that of all jobs."""
    path, name = "/apis/scheduling.k8s.io/v1/priorityclasses", "sw-test-urgent"
    unless_there(lambda: admin_api.post(path, {"metadata": {"name": name}, "value": 1000}))
    yield name
    unless_missing(lambda: admin_api.delete(f"{path}/{name}", {}))


def test_a_pod_that_makes_way_for_a_more_urgent_one_ends_its_job_with_that_reason(world, admin_api, urgent):
    doomed = world.submit(NEVER)
    world.until_running(doomed)
    # All that is free, and a little more.
    node = admin_api.get(f"/api/v1/nodes/{world.pod_of(doomed, admin_api)['spec']['nodeName']}")
    cpu = capacity_of([node], admin_api.get("/api/v1/pods")["items"])["free"]["cpu_millis"] + 40
    container = {"name": "main", "image": "test/python:3.11", "command": ["sleep", "600"]}
    container["resources"] = {"requests": {"cpu": f"{cpu}m"}}
    spec = {"priorityClassName": urgent, "containers": [container], "restartPolicy": "Never"}
    spec |= {"terminationGracePeriodSeconds": 0}
    admin_api.post("/api/v1/namespaces/default/pods", {"metadata": {"name": "sw-test-urgent"}, "spec": spec})
    try:
        world.until("error", doomed)
    finally:
        admin_api.delete("/api/v1/namespaces/default/pods/sw-test-urgent", {"gracePeriodSeconds": 0})
    assert world.job(doomed).reason == "preempted"
    world.until_over()
    world.check(error=[doomed])


def test_pods_whose_jobs_are_deleted_without_them_are_ended(world, admin_api, installation):
    doomed, cancelled = world.submit(NEVER), world.submit(NEVER)
    world.until_running(doomed, cancelled)
    names = [world.attempt(pk).name for pk in (doomed, cancelled)]
    for pk in (doomed, cancelled):
        delete_job("Orphan")(admin_api, world, pk)
    world.cancel(cancelled)
    world.wait(world.are_over, "both are over")
    assert (world.job(doomed).reason, world.output(doomed)) == ("deleted", f"hello from {doomed}\n")
    secrets = {f"secrets/{name}" for name in names}
    world.wait(
        lambda: set(world.auditor.left(world.namespace, installation)) <= secrets, "their pods are gone"
    )
    for (
        name
    ) in names:  # nobody owns them any more, and the portal may not delete Secrets: their tokens are spent
        admin_api.delete(f"/api/v1/namespaces/{world.namespace}/secrets/{name}", {})
    world.check(error=[doomed], cancelled=[cancelled])


def test_a_namespace_that_is_deleted_ends_its_jobs_with_a_reason(world, admin_api):
    running, waiting = world.submit(NEVER), world.submit(profile=world.huge)
    world.until_running(running)
    world.wait(lambda: world.job(waiting).reason == "unschedulable", "the huge one waits")
    admin_api.delete(f"/api/v1/namespaces/{world.namespace}", {})
    world.until("error", running, waiting)
    homeless = world.submit()
    # As long as the namespace ends it is refused, and then given up; once it is gone the account is gone with it,
    # and the job waits for the admin. Which of the two is a matter of moments.
    world.wait(lambda: world.job(homeless).reason, "the new one is told why it cannot start")
    assert world.status(homeless) in ("starting", "error")
    assert all(world.job(pk).reason for pk in world.jobs)
    assert [world.witness.count("start", pk) for pk in world.jobs] == [1, 0, 0]
    assert world.witness.count("end", running) == 0


@contextmanager
def front_stopped(portal):
    """Nobody answers the pods: the network between them and the portal is cut."""
    portal.signal_all_of("front", signal.SIGSTOP)
    try:
        yield
    finally:
        portal.signal_all_of("front", signal.SIGCONT)


def test_pods_that_cannot_reach_the_portal_wait_for_it_and_one_deleted_meanwhile_keeps_what_it_knows(
    world, portal, admin_api
):
    running, collecting, deleted = world.submit("after"), world.submit("within"), world.submit("within")
    world.until_running(running, collecting, deleted)
    with front_stopped(portal):
        fetching, never_fetched = world.submit(), world.submit()
        world.wait(lambda: is_in(world, admin_api, "fetch", fetching, never_fetched), "they fetch")
        delete_pod()(admin_api, world, never_fetched)
        world.open("within")
        world.wait(lambda: has_left(world, admin_api, "main", collecting, deleted), "they collect")
        delete_pod()(admin_api, world, deleted)
    world.open("after")
    world.until_over()
    world.check(succeeded=[running, collecting, deleted, fetching], unstarted=[never_fetched])


def states(world, api, pk):
    status = (world.pod_of(pk, api) or {}).get("status") or {}
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return {container["name"]: container["state"] for container in found}


def is_in(world, api, container, *pks):
    return all("running" in states(world, api, pk).get(container, {}) for pk in pks)


def has_left(world, api, container, *pks):
    return all("terminated" in states(world, api, pk).get(container, {}) for pk in pks)


def test_a_second_pod_of_one_job_is_refused_and_the_first_goes_on(world, admin_api):
    pk = world.submit("gate")
    world.until_running(pk)
    pod = world.pod_of(pk, admin_api)
    job = admin_api.get(jobs(world.namespace, world.attempt(pk).name))
    labels = {name: text for name, text in pod["metadata"]["labels"].items() if "controller-uid" not in name}
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"]}
    head = {
        "name": f"{job['metadata']['name']}-twin",
        "labels": labels,
        "ownerReferences": [owner | {"uid": job["metadata"]["uid"]}],  # it goes when the Job goes
    }
    spec = job["spec"]["template"]["spec"]
    admin_api.post(pods(world.namespace), {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec})

    def twin():
        return admin_api.get(pods(world.namespace, head["name"]))["status"]

    world.wait(lambda: twin().get("phase") == "Failed", "the twin ends")
    ended = {
        each["name"]: each["state"].get("terminated", {}).get("exitCode")
        for each in twin()["initContainerStatuses"]
    }
    assert ended["fetch"] == 86
    assert world.status(pk) == "running"
    world.open("gate")
    world.until_over()
    world.check(succeeded=[pk])


def test_a_work_that_comes_back_after_its_job_was_over_starts_nothing_and_is_swept(
    world, portal, admin_api, installation
):
    pk = world.submit(NEVER)
    world.until_running(pk)
    work = work_of(world.job(pk), world.attempt(pk))
    world.cancel(pk)
    world.until_over()
    drivers.driver_of(world.cluster).create(work)  # the same name, labels and token as before
    world.wait(lambda: ghost_has_ended(world, admin_api, work.name), "the ghost's claim is refused")
    assert world.auditor.left(world.namespace, installation)

    def is_swept():
        portal.tidy()
        threading.Event().wait(1)
        return not world.auditor.left(world.namespace, installation)

    world.wait(is_swept, "the ghost is swept")
    world.check(cancelled=[pk])


def ghost_has_ended(world, api, name):
    with suppress(ApiRefused):
        found = api.get(pods(world.namespace), {"labelSelector": f"batch.kubernetes.io/job-name={name}"})
        return any(pod["status"].get("phase") == "Failed" for pod in found["items"])
    return False


def test_two_installations_in_one_namespace_do_not_see_each_other(
    world, portal, admin_api, monkeypatch, installation
):
    pk = world.submit("gate")
    world.until_running(pk)
    work = work_of(world.job(pk), world.attempt(pk))
    with monkeypatch.context() as other:
        other.setattr(drivers, "installation_id", lambda: "other123")
        other.setattr("jobs.reconciler.acts.installation_id", lambda: "other123")
        stranger = drivers.driver_of(world.cluster)
        theirs = work_of(world.job(pk), world.attempt(pk))
    assert stranger.observe() == []
    assert stranger.look(work.name, work.space) is None
    stranger.stop(work.name, work.space)
    stranger.remove(work.name, work.space)
    ours = "sw-other123-1-1"
    stranger.create(replaced(theirs, ours))
    portal.tidy()
    world.open("gate")
    world.until_over()
    portal.tidy()
    world.check(succeeded=[pk])
    assert [seen.name for seen in stranger.observe()] == [ours], "our portal left theirs alone"
    drivers._connected.clear()


def replaced(work, name):
    from dataclasses import replace

    return replace(work, name=name)
