"""A whole portal that is connected to the cluster, people who press its buttons, and what its processes use."""

import json
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tests.bench.kubernetes.ground import FAKE_LABELS, FAKE_TOLERATIONS, Arm, Ground
from tests.up.portal_process import BASE, NAMES, PortalProcess
from tests.visitor import PASSWORD, Visitor

PEOPLE = 8
RUNNER_IMAGE = "test/python:3.11"
CODE = "print('hello')\n"
TICKS = os.sysconf("SC_CLK_TCK")
# Runs in the portal's own environment, with a JSON order on its standard input.
CONNECT = """
import json, sys
from clusters.kubernetes.connection import Connection
from clusters.models import Cluster, Image, KubernetesConnection, Profile
from teams.models import Membership, Team, User

order = json.load(sys.stdin)
Cluster.objects.update(is_enabled=False)
cluster = Cluster.objects.create(name="Bench", slug="bench", driver="kubernetes")
connection = KubernetesConnection(cluster=cluster, namespace=order["namespace"], runner_image=order["image"])
connection.take(Connection(**order["connection"]))
commands = {".py": ["python3", "-u"]}
Image.objects.create(cluster=cluster, label="Python", reference=order["image"], entry_commands=commands)
sizes = {"memory_bytes": 32 << 20, "disk_bytes": 32 << 20}
for position, profile in enumerate(order["profiles"]):
    Profile.objects.create(cluster=cluster, position=position, **sizes, **profile)
team = Team.objects.create(name="Bench", slug="bench")
for name in order["people"]:
    user = User.objects.create_user(name, f"{name}@example.org", order["password"])
    Membership.objects.create(user=user, team=team)
"""
PAPER = {"node_labels": FAKE_LABELS, "tolerations": FAKE_TOLERATIONS}
# On paper a pod runs as long as its size says (see ground.py).
PROFILES = [
    {"name": "short", "cpu_millis": 11, **PAPER},
    {"name": "staggered", "cpu_millis": 12, **PAPER},
    {"name": "long", "cpu_millis": 13, **PAPER},
    {"name": "real", "cpu_millis": 10},
]


class BenchPortal(PortalProcess):
    """Reached by pods at the cluster's address of this machine."""

    def __init__(self, ground: Ground, arm: Arm) -> None:
        super().__init__()
        self.ground, self.arm = ground, arm
        self.host = ground.cluster.portal_host
        self.environment = {"STELLWERK_BIND": f"{self.host}:{self.port}"}
        self.people = [f"person{number}" for number in range(PEOPLE)]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> "BenchPortal":
        try:
            self.start()
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _connect(self) -> None:
        order = {
            "namespace": self.arm.namespace,
            "connection": asdict(self.arm.connection),
            "image": RUNNER_IMAGE,
            "profiles": PROFILES,
            "people": self.people,
            "password": PASSWORD,
        }
        values = os.environ | {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}
        values |= {"STELLWERK_HOME": str(self.home), "DJANGO_SETTINGS_MODULE": "portal.settings"}
        subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", CONNECT],
            cwd=BASE,
            env=values,
            input=json.dumps(order),
            text=True,
            check=True,
        )

    def visitors(self) -> list["Presser"]:
        """The people, signed in one after the other: all come from one address, and hashing is meant to be slow."""
        return [self._signed_in(name) for name in self.people]

    def _signed_in(self, name: str) -> "Presser":
        deadline = time.monotonic() + 90
        while True:
            try:
                return Presser(self.url).sign_in(name, PASSWORD)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                # The portal lets no address sign in too often within a minute.
                time.sleep(5)

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by part; a part's children count with it."""
        return {name: sum(_cpu(pid) for pid in _family(self.pid(name))) for name in NAMES}


class Presser(Visitor):
    """Somebody who submits jobs."""

    def sign_in(self, username: str, password: str) -> "Presser":
        super().sign_in(username, password)
        return self

    def profile(self, path: str, name: str) -> str:
        """The value of the form's profile of that name."""
        cards = r'name="profile" value="(\d+)".*?class="profile-name">([^<]*)<'
        found = {shown: value for value, shown in re.findall(cards, self.get(path).text, re.DOTALL)}
        assert name in found, f"the form offers no profile {name!r}"
        return found[name]

    def run_again(self, job_id: int) -> int:
        """Press “Run again”; the new job's id."""
        answer = self.post(f"/jobs/{job_id}/again/", {"key": str(uuid.uuid4())})
        found = re.fullmatch(r"/jobs/(\d+)/", answer.headers.get("Location", ""))
        assert found, (answer.status_code, answer.headers.get("Location"), answer.text[:500])
        return int(found[1])

    def ended(self) -> int:
        """How many jobs are over, by the counts of the list."""
        text = self.get("/jobs/counts/").text
        counts = []
        for kind in ("", " count-active"):
            found = re.search(rf'class="count{kind}"[^>]*>[^<]*<strong>([\d,]+)</strong>', text)
            assert found, text
            counts.append(int(found[1].replace(",", "")))
        return counts[0] - counts[1]

    def listed(self) -> dict[int, str]:
        """The status of each job as the pages of the list show it."""
        found: dict[int, str] = {}
        path: str | None = "/"
        while path:
            text = self.get(path).text
            rows = re.findall(r'<tr id="job-(\d+)".*?status-badge status-\w+ is-(\w+)"', text, re.DOTALL)
            found |= {int(job_id): status for job_id, status in rows}
            oldest = min((int(job_id) for job_id, _ in rows), default=0)
            path = f"/?before={oldest}" if f"before={oldest}" in text else None
        return found


class Presses:
    """Jobs submitted by all people at once, and how long each request took."""

    def __init__(self, people: Sequence[Presser], template: int, count: int) -> None:
        self.ids: list[int] = []
        self.seconds: list[float] = []
        self._left, self._lock, self._template = count, threading.Lock(), template
        with ThreadPoolExecutor(len(people)) as pool:
            list(pool.map(self._press, people))

    def _press(self, who: Presser) -> None:
        while True:
            with self._lock:
                if not self._left:
                    return
                self._left -= 1
            began = time.monotonic()
            job_id = who.run_again(self._template)
            seconds = time.monotonic() - began
            with self._lock:
                self.ids.append(job_id)
                self.seconds.append(seconds)


def _cpu(pid: int) -> float:
    """Seconds of user and system time of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(found for child in children for found in _family(int(child)))]
