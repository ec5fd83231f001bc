"""Kill -9 at any moment, while fifty jobs run: each ends exactly once, as its script's own witness says."""

import os
import signal
import time

import pytest
import redis

from tests.up.portal_process import NAMES

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]


def kill(part, number=signal.SIGKILL):
    def act(portal):
        old = portal.kill(part, number)
        portal.wait_for_new(part, old, seconds=60)

    return act


def empty_the_broker(portal):
    with redis.Redis.from_url(portal.redis_url) as client:
        client.flushall()


def kill_everything(portal):
    """As a power cut would, except for the scripts; the next start finds what they did meanwhile."""
    pids = [portal.pid(name) for name in NAMES]
    portal.kill("supervisor")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    time.sleep(3)
    portal.start(180)


ACCIDENTS = {
    "worker": kill("worker"),
    "watch": kill("watch"),
    "web": kill("web"),
    "broker": kill("valkey"),
    "emptied broker": empty_the_broker,
    "database": kill("postgres", signal.SIGQUIT),
    "everything": kill_everything,
}


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_fifty_jobs_end_right_although_something_is_killed(portal, crowd, accident):
    crowd.submit()
    crowd.wait_until_some_run()
    ACCIDENTS[accident](portal)
    crowd.reconnect()
    crowd.cancel_the_endless()
    crowd.wait_until_over()
    crowd.check()


# How often each point is passed before it kills; those of one row come in one crowd.
POINTS = (
    {"intake.claim.after_commit": 4, "intake.output.stored": 9, "watch.seen": 2},
    {"intake.ended.after_commit": 3, "intake.collected.after_commit": 6, "drive.stopped": 0},
    {"drive.admitted": 2, "drive.created": 7, "drive.moved": 20},
)


@pytest.mark.parametrize("points", POINTS, ids="+".join)
def test_fifty_jobs_end_right_although_processes_die_at_the_named_points(portal, crowd, failpoints, points):
    for name, passes in points.items():
        (failpoints / name).write_text(str(passes))
    crowd.submit()
    crowd.wait_until_some_run(20)
    crowd.cancel_the_endless()
    crowd.wait_until_over()
    crowd.check()
    assert [path.name for path in failpoints.iterdir()] == [], "these were never reached"


def test_no_named_point_is_forgotten():
    from clusters.failpoints import NAMES

    tested = {name for points in POINTS for name in points}
    assert tested | {name for name in NAMES if name.startswith("submit.")} == NAMES


def test_a_cancel_in_the_moment_of_the_start_is_no_race(portal, crowd):
    crowd.submit(longest=1.0)
    while crowd.witnessed("start").total() < 10:
        crowd.cancel_the_endless()
        time.sleep(0.05)
    crowd.cancel_the_endless()
    crowd.wait_until_over()
    crowd.check()
