"""Workers die, sleep and work twice; people cancel in the very moment (faults 4, 5, 8, 9, 70)."""

import os
import random
import signal
import time

import pytest
from django.db.models.functions import Now

from jobs.models import Job

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside, pytest.mark.processes, pytest.mark.timeout(900)]
RACES = 12


def test_workers_that_die_between_two_steps_start_each_job_once(world, portal):
    points = {"drive.admitted": 0, "create.half_made": 1, "drive.created": 1, "drive.stopped": 0}
    for point, passes in points.items():
        portal.arm(point, passes)
    plain = [world.submit() for _ in range(4)]
    cancelled = world.submit("never")
    world.until_started(cancelled)
    world.cancel(cancelled)
    world.until_over()
    world.check(succeeded=plain, cancelled=[cancelled])
    assert [point for point in points if portal.is_armed(point)] == [], "these were never reached"


def test_a_worker_that_sleeps_in_the_middle_of_a_create_and_wakes_late_makes_nothing_twice(
    faulty_world, faults, portal
):
    world = faulty_world
    held = faults.hold(r"^POST \S+/jobs$")
    pk = world.submit("gate")
    world.wait(held.arrived.is_set, "the create is on its way")
    sleeping = portal.pid("worker")
    os.kill(sleeping, signal.SIGSTOP)
    try:
        with portal.second_worker():
            world.until_running(pk)
            held.released.set()
            world.wait(lambda: held.passed_on, "the first create arrives, late")
            os.kill(sleeping, signal.SIGCONT)
            world.open("gate")
            world.until_over()
    finally:
        os.kill(sleeping, signal.SIGCONT)
    world.check(succeeded=[pk])


def test_two_workers_at_once_on_the_same_jobs_change_nothing(world, portal):
    with portal.second_worker():
        plain = [world.submit() for _ in range(3)]
        cancelled = world.submit("never")

        def over():
            # Every job is due at every moment: the leases are worth nothing.
            for pk in world.jobs:  # one by one: many at once would lock them in another order than workers do
                Job.objects.filter(pk=pk, next_look_at__isnull=False).update(next_look_at=Now())
            if world.witness.count("start", cancelled):
                world.cancel(cancelled)
            return world.are_over()

        world.wait(over, "all over")
        world.until_over()
    world.check(succeeded=plain, cancelled=[cancelled])


def test_a_cancel_in_the_moment_of_start_or_end_leaves_one_outcome_and_nothing_at_the_cluster(world):
    random_times = random.Random(4)
    due = {world.submit(): time.monotonic() + random_times.uniform(0, 20) for _ in range(RACES)}
    while due:
        for pk in [pk for pk, at in due.items() if at <= time.monotonic()]:
            del due[pk]
            world.cancel(pk)
        time.sleep(0.02)
    world.until_over()
    statuses = {pk: world.status(pk) for pk in world.jobs}
    assert set(statuses.values()) <= {"succeeded", "cancelled"}, world.described()
    ran = [pk for pk, status in statuses.items() if status == "succeeded"]
    stopped = [pk for pk, status in statuses.items() if status == "cancelled"]
    assert ran + stopped
    assert world.auditor.problems(dict.fromkeys(ran, ("succeeded", 1, 1)), world.witness) == []
    assert world.auditor.problems(dict.fromkeys(stopped, ("cancelled", None, None)), world.witness) == []
