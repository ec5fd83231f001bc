"""A runner that is killed in its pod is begun again by the kubelet; its script waits for it and loses nothing."""

import contextlib
import hashlib
import os
import signal
import time
from pathlib import Path

import pytest

from tests.runner.test_runner_pipes import TALKS

pytestmark = pytest.mark.kubernetes


def collectors(pod_uid):
    """The pod's, among the processes of this machine, where the test cluster runs."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            environment = (folder / "environ").read_bytes().split(b"\0")
            if b"collect" in words and f"STELLWERK_POD_UID={pod_uid}".encode() in environment:
                found.append(int(folder.name))
    return found


def test_a_runner_that_is_killed_in_its_pod_loses_nothing(lab, admin_api, namespace):
    run = lab.run(["python3", "-c", TALKS])
    lab.intake.wait(lambda: len(run.attempt.output["stdout"]) > 10_000, timeout=60)
    (pod,) = admin_api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    running = collectors(pod["metadata"]["uid"])
    if not running:
        pytest.skip("the cluster's processes are not on this machine")
    for process in running:
        os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while not (again := collectors(pod["metadata"]["uid"])) or set(again) & set(running):
        assert time.monotonic() < deadline, "the kubelet did not begin it again"
        time.sleep(0.05)
    assert lab.until_ended(run).exit_code == 0
    lab.intake.wait(lambda: run.attempt.is_collected, timeout=60)
    stored = bytes(run.attempt.output["stdout"])
    assert hashlib.sha256(stored).hexdigest() == run.attempt.output["stderr"].decode()
