"""The API server is stopped or frozen: no job changes for it, and all is caught up with (faults 28, 29, 71, 72)."""

from contextlib import contextmanager

import pytest

from clusters.models import Image, Profile

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside, pytest.mark.processes, pytest.mark.timeout(900)]
CURES = {"stop": "start", "freeze": "thaw"}
ENDED = ("cancelled", "error")


@contextmanager
def away(test_cluster, cause, *parts):
    """Parts of the cluster are stopped or frozen while the block runs; in any case they are back after it."""
    for part in parts:
        test_cluster.part(cause, part)
    try:
        yield
    finally:
        for part in reversed(parts):
            test_cluster.part(CURES[cause], part)


@pytest.mark.parametrize("cause", CURES)
def test_no_job_ends_because_its_cluster_is_away_and_all_is_caught_up_with(world, test_cluster, cause):
    outlasting, cancelled, raced = world.submit("after"), world.submit("never"), world.submit("raced")
    ending, failing = world.submit("within"), world.submit("within", code=3)
    waiting = world.submit(profile=world.huge)
    world.until_running(outlasting, cancelled, raced, ending, failing)
    world.wait(lambda: world.job(waiting).reason == "unschedulable", "the huge one waits")
    with away(test_cluster, cause, "apiserver"):
        world.wait(world.cluster_trouble, "the cluster is shown as unreachable")
        late, unwanted = world.submit(), world.submit()
        elsewhere = submit_on_this_machine(world)
        world.cancel(cancelled, raced, waiting, unwanted)
        world.open("within")
        world.open("raced")
        # What the runner tells needs no API server; what only a cluster can do waits for it.
        world.until("succeeded", ending, raced, elsewhere)
        world.until("failed", failing)
        assert world.status(outlasting) == "running"
        assert world.status(cancelled) == "running"
        assert world.job(cancelled).is_cancelling
        assert world.status(waiting) == "starting"
        assert world.witness.count("start", late) == 0
        assert not world.are_over()
        assert world.cluster_trouble()
    world.open("after")
    world.until_over()
    world.wait(lambda: not world.cluster_trouble(), "the cluster is shown as reached")
    world.check(
        succeeded=[outlasting, raced, ending, late, elsewhere],
        failed=[failing],
        cancelled=[cancelled],
        never=[waiting, unwanted],
    )


def submit_on_this_machine(world):
    """A sick cluster costs the others nothing (fault 29)."""
    image = next(
        image for image in Image.objects.filter(cluster__driver="local") if ".py" in image.entry_commands
    )
    profile = Profile.objects.filter(cluster=image.cluster).order_by("position")[0]
    return world.submit_script("main.py", world.witness.script, "open 0", image=image, profile=profile)
