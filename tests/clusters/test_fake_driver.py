"""The fake keeps the same contract as the real drivers, once it is given pods (the simplest that can be)."""

import contextlib
import hashlib
import os
import signal
import subprocess
import threading
import time

import pytest

from clusters.driver import State
from runner.portal_client import PortalClient, PortalRefused, Request
from tests.clusters.driver_contract import DriverContract
from tests.clusters.driver_lab import Lab
from tests.clusters.fake_driver import FakeDriver

pytestmark = pytest.mark.processes


class FakeWithPods(FakeDriver):
    """Each pod is a thread that claims, runs the command and reports."""

    def __init__(self, installation):
        super().__init__(installation)
        self.processes = {}
        self.stopped = set()
        self.threads = []

    def begin(self, work):
        thread = threading.Thread(target=self._pod, args=(work, self.seen[work.name].uid))
        self.threads.append(thread)
        thread.start()

    def end(self, name):
        self.stopped.add(name)
        if name in self.processes:
            self._signal(name, signal.SIGTERM)
            grace = threading.Timer(self.works[name].grace_seconds, self._signal, (name, signal.SIGKILL))
            grace.daemon = True
            grace.start()

    def _signal(self, name, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, number)

    def _pod(self, work, uid):
        client = PortalClient(work.portal_url, work.token, time.monotonic() + 20)
        try:
            claim = client.post("/intake/claim", {"uid": uid})
        except PortalRefused:
            self.show(work.name, State.ENDED, reason="refused")
            return
        client.post("/intake/started", {"uid": uid})
        self.show(work.name, State.RUNNING)
        process = self.processes[work.name] = subprocess.Popen(
            claim["command"], stdout=subprocess.PIPE, start_new_session=True
        )
        if work.name in self.stopped:  # before there was a process to be told
            self.end(work.name)
        shipped = b""
        while data := process.stdout.read1(1 << 16):
            self._ship(client, data, len(shipped))
            shipped += data
        code = process.wait()
        reason = "stopped" if work.name in self.stopped else ""
        facts = {"exit_code": code if code >= 0 else None, "signal": -code if code < 0 else None}
        times = {"started_at": 0, "ended_at": 0, "stdout_size": len(shipped), "stderr_size": 0}
        client.post("/intake/ended", {"uid": uid, "reason": reason, "message": "", **facts, **times})
        streams = {
            name: {
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "written": len(data),
                "holes": [],
            }
            for name, data in (("stdout", shipped), ("stderr", b""))
        }
        client.post(
            "/intake/collected", {"uid": uid, **streams, "results": [], "skipped": [], "versions": {}}
        )
        self.show(work.name, State.ENDED, exit_code=code if code >= 0 else 128 - code, reason=reason)

    def _ship(self, client, data, offset):
        headers = {"X-Content-SHA256": hashlib.sha256(data).hexdigest()}
        client.send(
            Request(
                "PUT", f"/intake/output/stdout?offset={offset}&written={offset + len(data)}", data, headers
            )
        )


@pytest.fixture
def lab(public_directory, intake):
    witness = public_directory / "witness"
    witness.touch()
    driver = FakeWithPods(Lab.installation)
    yield Lab(driver, intake, witness)
    for name in list(driver.processes):
        driver._signal(name, signal.SIGKILL)
    for thread in driver.threads:
        thread.join(20)
    assert intake.violations == []


class TestFakeDriver(DriverContract):
    pass
