"""The cluster's memory goes back to an older snapshot: what came since is gone, what had gone is back (fault 43)."""

import shutil
import threading
import time
from pathlib import Path

import pytest

from clusters.driver import DriverError
from clusters.kubernetes.api import ApiRefused

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside, pytest.mark.processes, pytest.mark.timeout(900)]
NEVER = "never"
# In the order in which they are started; ended the other way round.
CONTROL_PLANE = ("etcd", "apiserver", "controllers", "scheduler", "kubelet")


def data_folder() -> Path:
    """Where the test cluster's etcd keeps everything."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[0].endswith("/etcd"):
            return Path(next(word for word in words if word.startswith("--data-dir=")).partition("=")[2])
    raise AssertionError("etcd does not run")


def with_all_stopped(test_cluster, admin_api, act) -> None:
    """`act()` while nothing of the control plane runs; containers on the node go on."""
    for part in reversed(CONTROL_PLANE):
        test_cluster.part("stop", part)
    try:
        act()
    finally:
        for part in CONTROL_PLANE:
            test_cluster.part("start", part)
    deadline = time.monotonic() + 60
    while not answers(admin_api):
        assert time.monotonic() < deadline, "the API server does not come back"
        time.sleep(0.3)


def answers(admin_api) -> bool:
    try:
        return bool(admin_api.get("/api/v1/nodes")["items"])
    except (DriverError, ApiRefused):
        return False


def test_a_cluster_that_is_restored_from_a_snapshot_starts_nothing_again_and_hides_nothing(
    world, portal, test_cluster, admin_api, installation, tmp_path
):
    folder, copy = data_folder(), tmp_path / "snapshot"
    outlasting, over = world.submit("after"), world.submit("within")
    world.until_running(outlasting, over)
    with_all_stopped(test_cluster, admin_api, lambda: shutil.copytree(folder, copy))
    world.open("within")
    world.until("succeeded", over)
    world.wait(lambda: world.attempt(over).removed_at, "what is over is removed")
    vanishing = world.submit(NEVER)
    world.until_running(vanishing)

    def restore() -> None:
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)

    with_all_stopped(test_cluster, admin_api, restore)
    # Nothing of it is known any more; it ends as an error, with a reason, and not before that is proven.
    world.until("error", vanishing)
    assert world.job(vanishing).reason
    assert world.status(outlasting) == "running"
    world.open("after")
    world.until("succeeded", outlasting)

    def is_swept() -> bool:
        # The Job that had been removed is back, and so is its pod; its claim is refused.
        portal.tidy()
        threading.Event().wait(1)
        return world.are_over() and not world.auditor.left(world.namespace, installation)

    world.wait(is_swept, "what came back is swept")
    world.check(succeeded=[outlasting, over], error=[vanishing])
