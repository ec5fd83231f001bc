"""Kubelet, controllers and scheduler are away, the portal is; watches are half-open (faults 32, 34, 42, 52, 53)."""

import signal

import pytest

from clusters.kubernetes.connection import Connection
from tests.kubernetes.e2e.test_faults import away

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside, pytest.mark.processes, pytest.mark.timeout(900)]


def test_a_node_that_goes_away_and_comes_back_costs_no_job_and_a_watch_that_died_silently_is_noticed(
    world, new_world, account, faults, test_cluster, admin_api
):
    half_open = new_world(Connection(faults.url, faults.ca, account.token))
    outlasting, cancelled, ending = world.submit("after"), world.submit("never"), world.submit("within")
    vanishing = half_open.submit("never")
    world.until_running(outlasting, cancelled, ending)
    half_open.until_running(vanishing)
    half_open.wait(lambda: not half_open.cluster_trouble(), "it is watched")
    faults.mute_watches()
    with away(test_cluster, "stop", "kubelet"):
        # Its kubelet is away, so nothing proves that it is gone; when the node is back a watch has to notice.
        name = half_open.pod_of(vanishing, admin_api)["metadata"]["name"]
        admin_api.delete(f"/api/v1/namespaces/{world.namespace}/pods/{name}", {"gracePeriodSeconds": 0})
        world.open("within")
        world.until("succeeded", ending)
        world.cancel(cancelled)
        world.wait(lambda: not is_ready(admin_api), "the node is told to be away")
        late = world.submit()
        world.wait(lambda: world.job(late).reason == "unschedulable", "the late one waits")
        assert world.status(outlasting) == "running"
        assert world.status(cancelled) == "running"
        assert world.attempt(ending).removed_at is None, "nobody proved that its pod is over"
        assert world.attempt(cancelled).removed_at is None
        assert half_open.status(vanishing) == "running"
    world.open("after")
    world.until_over()
    world.check(succeeded=[outlasting, ending, late], cancelled=[cancelled])
    half_open.until("error", vanishing)
    half_open.until_over()
    half_open.check(error=[vanishing])


def is_ready(admin_api):
    node = admin_api.get("/api/v1/nodes/node-1")
    return {each["type"]: each["status"] for each in node["status"]["conditions"]}["Ready"] == "True"


def test_a_cluster_that_is_not_acting_fails_no_job(world, test_cluster, admin_api):
    running = world.submit("within")
    world.until_running(running)
    with away(test_cluster, "stop", "scheduler"):
        with away(test_cluster, "stop", "controllers"):
            late, unwanted = world.submit(), world.submit()
            world.wait(lambda: world.attempt_is_created(late, unwanted), "their Jobs are made")
            world.cancel(unwanted)
            world.open("within")
            world.until("succeeded", running)
            assert world.status(late) == "starting"
            assert world.status(unwanted) == "starting"
        unwanted_too = world.submit()
        world.wait(lambda: world.pod_of(unwanted_too, admin_api), "controllers make its pod")
        world.cancel(unwanted_too)
        world.until("cancelled", unwanted, unwanted_too)
        world.wait(lambda: world.pod_of(late, admin_api), "controllers make its pod")
        assert world.status(late) == "starting"
    world.until_over()
    world.check(succeeded=[running, late], never=[unwanted, unwanted_too])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_watch_that_died_or_hangs_is_replaced_and_misses_nothing(world, portal, admin_api, number):
    running, deleted = world.submit("gate"), world.submit("never")
    world.until_running(running, deleted)
    old = portal.pid("watch")
    portal.signal_all_of("watch", number)
    name = world.pod_of(deleted, admin_api)["metadata"]["name"]
    admin_api.delete(f"/api/v1/namespaces/{world.namespace}/pods/{name}", {"gracePeriodSeconds": 0})
    world.wait(lambda: portal.pid("watch") not in (0, old), "another one is started")
    world.until("error", deleted)
    world.open("gate")
    world.until_over()
    world.check(succeeded=[running], error=[deleted])


def test_a_portal_that_is_restarted_finds_what_its_jobs_did_meanwhile(world, portal, admin_api):
    outlasting, ending, failing = (
        world.submit("after"),
        world.submit("within"),
        world.submit("within", code=3),
    )
    waiting = world.submit(profile=world.huge)
    world.until_running(outlasting, ending, failing)
    world.wait(lambda: world.job(waiting).reason == "unschedulable", "the huge one waits")
    portal.stop()
    world.cancel(waiting)
    world.open("within")
    unsubmitted = world.submit()
    world.wait(lambda: world.witness.count("end", ending), "it ends without a portal")
    portal.start(400)
    world.open("after")
    world.until_over()
    world.check(succeeded=[outlasting, ending, unsubmitted], failed=[failing], never=[waiting])
