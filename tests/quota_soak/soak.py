"""The soak itself: clients and workers as processes, workers killed again and again, the witness's word at the end."""

import os
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from jobs.admission.auditor import drifts
from jobs.admission.release import release_ended
from jobs.models import Attempt, Job
from teams.models import Scope, Team
from teams.quota.book import Account
from teams.quota.limits import set_limits
from tests import cast
from tests.quota_soak import witness

JOBS, CPU = 24, 24_000
TEAMS, MEMBERS, WORKERS = 8, 5, 2
# Admissions a second below which something is wrong, on a machine that does other things as well.
SLOWEST = 4.0
# At least so many admissions are between two kills.
KILL_AFTER = 50


@dataclass(frozen=True)
class Outcome:
    """What the witness and the auditor saw. Waits in seconds, of the four teams that nobody edits."""

    admitted: int
    seconds: float
    kills: int
    over_limit: list[str]
    drifts: list[str]
    twice: int
    longest_waits: list[float]

    @property
    def unfairness(self) -> float:
        """The longest wait of the unluckiest of equal teams, by the median of the equal teams' longest waits."""
        return max(self.longest_waits) / statistics.median(self.longest_waits)


def prepare() -> None:
    """Teams with people, limits and one ended job each, of which the others are copies."""
    cluster = cast.new_cluster()
    image, profile = cast.new_image(cluster), cast.new_profile(cluster)
    for number in range(TEAMS):
        team = Team.objects.create(name=f"Team {number}", slug=f"team-{number}")
        members = [cast.new_user(f"user-{number}-{each}", team) for each in range(MEMBERS)]
        cast.new_job(members[0], team, image, profile, status="succeeded")
        limits = {Account(Scope.TEAM, "jobs"): JOBS, Account(Scope.TEAM, "cpu_millis"): CPU}
        set_limits(team.pk, limits)
    with connection.cursor() as cursor:
        cursor.execute(witness.SCHEMA)


def soak(
    admissions: int, clients: int, environment: dict[str, str], kill_every: float = 2.0, fewest_kills: int = 3
) -> Outcome:
    """Until so many were admitted and so many workers killed, however fast the machine is.

    The database of this process's settings is the one that `environment` names.
    """
    began, kills, seed = time.monotonic(), 0, 1
    people = _start("people", clients, seed, environment)
    workers = [_start("worker", 2, seed + number, environment) for number in range(WORKERS)]
    killed_at, had = began, 0
    try:
        while (admitted := _admitted()) < admissions or kills < fewest_kills:
            time.sleep(0.2)
            if people.poll() is not None or time.monotonic() - began > admissions / SLOWEST:
                raise RuntimeError(f"only {admitted} of {admissions} were admitted")
            # On a slow machine they may need that long to begin: none is killed before they did something.
            if time.monotonic() - killed_at > kill_every and admitted - had >= KILL_AFTER:
                had = admitted
                workers[kills % WORKERS].send_signal(signal.SIGKILL)
                workers[kills % WORKERS].wait()
                kills, seed, killed_at = kills + 1, seed + 100, time.monotonic()
                workers[(kills - 1) % WORKERS] = _start("worker", 2, seed, environment)
        seconds = time.monotonic() - began
    finally:
        for process in (people, *workers):
            process.kill()
            process.wait()
    return _judge(seconds, kills)


def clean_up() -> None:
    """Take the witness away again."""
    with connection.cursor() as cursor:
        cursor.execute(witness.GONE)


def _start(role: str, threads: int, seed: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    call = [sys.executable, "-m", "tests.quota_soak.actor", role, str(threads), str(seed)]
    return subprocess.Popen(call, env=os.environ | environment | {"STELLWERK_HOME": str(settings.HOME)})


def _admitted() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM admitted")
        return int(cursor.fetchone()[0])


def _judge(seconds: float, kills: int) -> Outcome:
    found = [str(drift) for drift in drifts()]
    Attempt.objects.filter(released_at=None).update(seen_state="ended")
    release_ended()
    found += [f"at the end: {drift}" for drift in drifts()]
    equal = list(Team.objects.order_by("pk").values_list("pk", flat=True))[:4]
    with connection.cursor() as cursor:
        cursor.execute("SELECT what FROM witnessed ORDER BY at")
        over = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT team_id, max(waited) FROM admitted GROUP BY 1")
        waits = dict(cursor.fetchall())
        cursor.execute("SELECT count(*) FROM (SELECT job_id FROM admitted GROUP BY 1 HAVING count(*) > 1) t")
        twice = int(cursor.fetchone()[0])
    assert Attempt.objects.count() == _admitted()
    assert Job.objects.filter(status="starting").count() == _admitted()
    return Outcome(_admitted(), seconds, kills, over, found, twice, [waits[pk] for pk in equal])
