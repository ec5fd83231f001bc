"""Answers of the API server are lost, late or refusals that time heals (faults 6, 7, 30, 31, 33, 38, 71)."""

import time

import pytest

from clusters.kubernetes.connection import Connection
from tests.kubernetes.conftest import token_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside, pytest.mark.processes, pytest.mark.timeout(900)]
CREATE = r"^POST \S+/jobs$"
WATCH = r"^GET \S+watch=1"


def test_a_lost_answer_a_refusal_in_a_rush_and_a_forgotten_past_cost_no_job_and_start_none_twice(
    faulty_world, faults
):
    world = faulty_world
    lost = faults.lose(CREATE)
    first = world.submit()
    world.until_started(first)
    assert lost.passed_on == 1
    busy = faults.answer(CREATE, 429, times=2, Retry_After="1")
    broken = faults.answer(CREATE, 500, times=2)
    second = world.submit()
    gone = faults.answer(WATCH, 410, times=4)
    world.until_over()
    assert (busy.met, broken.met) == (2, 2)
    # A watch that is refused with 410 is begun anew from a list; the next ones see what comes.
    world.wait(lambda: gone.met == 4, "watches meet a forgotten past")
    faults.cut_watches(3)
    third, waiting = world.submit(), world.submit(profile=world.huge)
    world.wait(lambda: faults.cuts_left == 0, "watches break off in the middle of a word")
    world.wait(lambda: world.job(waiting).reason == "unschedulable", "watch tells what it waits for")
    world.cancel(waiting)
    world.until_over()
    world.check(succeeded=[first, second, third], never=[waiting])


def test_a_cancel_while_the_create_is_on_its_way_starts_nothing_and_the_late_job_is_swept(
    faulty_world, faults, portal, installation
):
    world = faulty_world
    soon = faults.hold(CREATE)
    first = world.submit()
    world.wait(soon.arrived.is_set, "the first create is on its way")
    late = faults.hold(CREATE)
    second = world.submit()
    world.wait(late.arrived.is_set, "the second create is on its way")
    world.cancel(first, second)
    soon.released.set()
    # The second one's worker hears nothing and gives up; its job is cancelled, as there is nothing to wait for.
    world.until("cancelled", first, second)
    late.released.set()
    world.wait(lambda: late.passed_on, "the second create arrives")

    def is_swept():
        portal.tidy()
        time.sleep(1)
        return not world.auditor.left(world.namespace, installation)

    world.wait(is_swept, "the late Job is swept")
    world.until_over()
    world.check(never=[first, second])


def test_credentials_that_end_end_no_job_and_new_ones_are_taken_without_a_restart(
    world, account, admin_api, portal
):
    outlasting, ending, cancelled = world.submit("after"), world.submit("within"), world.submit("never")
    world.until_running(outlasting, ending, cancelled)
    secrets = f"/api/v1/namespaces/{world.namespace}/secrets"
    old = admin_api.get(f"{secrets}/stellwerk-token")
    admin_api.delete(f"{secrets}/stellwerk-token", {})
    world.wait(world.cluster_trouble, "the cluster is shown as in trouble")
    world.cancel(cancelled)
    world.open("within")
    world.until("succeeded", ending)
    assert [world.status(pk) for pk in (outlasting, cancelled)] == ["running", "running"]
    metadata = {name: old["metadata"][name] for name in ("name", "annotations", "namespace")}
    metadata["annotations"] = {
        name: text for name, text in metadata["annotations"].items() if name.endswith("service-account.name")
    }
    admin_api.post(secrets, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": old["type"]})
    world.reconnect(Connection(account.server, account.ca, token_of(admin_api, world.namespace)))
    world.open("after")
    world.until_over()
    world.wait(lambda: not world.cluster_trouble(), "the cluster is shown as reached")
    world.check(succeeded=[outlasting, ending], cancelled=[cancelled])
