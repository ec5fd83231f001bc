"""Kill -9 at any moment, while fifty jobs run: each ends exactly once, as its script's own witness says."""

import os
import signal
import time
import uuid

import pytest
import redis

from clusters.failpoints import NAMES as POINT_NAMES
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
    "intake": kill("intake"),
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
    {"drive.admitted": 2, "create.half_made": 5, "drive.created": 9, "drive.moved": 20},
)

SUBMIT_POINTS = ("submit.before_commit", "submit.after_commit")


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


@pytest.mark.parametrize("point", SUBMIT_POINTS)
def test_a_click_that_meets_a_crash_gives_one_job_when_it_is_repeated(portal, crowd, failpoints, point):
    crowd.submit(count=4)
    source, key = crowd.ids[0], str(uuid.uuid4())
    (failpoints / point).write_text("0")
    assert crowd.run_again(source, key) is None
    assert not (failpoints / point).exists()
    deadline = time.monotonic() + 60
    while (made := crowd.run_again(source, key)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert crowd.run_again(source, key) == made
    crowd.adopt(source, key)
    crowd.wait_until_over()
    crowd.check()


def test_no_named_point_is_forgotten():
    # Those of the rules for what is kept and of a lost stream's end have no job to witness:
    # tests/jobs/retention/test_killed.py and tests/jobs/test_settling.py kill there.
    others = {name for name in POINT_NAMES if not name.startswith(("retention.", "tail."))}
    assert {name for points in POINTS for name in points} | set(SUBMIT_POINTS) == others


def test_a_cancel_in_the_moment_of_the_start_is_no_race(portal, crowd):
    crowd.submit(longest=1.0)
    while crowd.witnessed("start").total() < 10:
        crowd.cancel_the_endless()
        time.sleep(0.05)
    crowd.cancel_the_endless()
    crowd.wait_until_over()
    crowd.check()
