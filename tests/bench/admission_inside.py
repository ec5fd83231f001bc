"""The part of the admission bench that speaks to its database: `python -m tests.bench.admission_inside PART NUMBER`."""

import json
import os
import random
import sys
import time
import uuid
from dataclasses import asdict

import django

JOBS, FEW, MANY, LOOKS, ENDS = 2000, 100, 10_000, 60, 200
SIZES = (500, 1000, 2000, 6000)


def main() -> None:
    django.setup()
    part, number = sys.argv[1], int(sys.argv[2])
    print(json.dumps(rates() if part == "rates" else soaked(number)))


def soaked(admissions: int) -> dict[str, object]:
    from tests.quota_soak import soak

    soak.prepare()
    names = ("DATABASE_URL", "REDIS_URL", "STELLWERK_HOME")
    return asdict(soak.soak(admissions, 32, {name: os.environ[name] for name in names}, kill_every=4.0))


def rates() -> dict[str, object]:
    from django.db import connection

    from jobs.admission.admit import admit_due
    from jobs.admission.release import release_ended
    from jobs.models import Attempt, Job
    from teams.models import Team
    from tests.quota_soak import soak, witness

    soak.prepare()
    with connection.cursor() as cursor:
        cursor.execute(witness.GONE)
    chance, teams = random.Random(1), list(Team.objects.order_by("pk"))
    for team in teams:
        _widen(team, JOBS)
        _submit(team, JOBS // len(teams), chance)
    began = time.monotonic()
    started = len(admit_due())
    ours = started / (time.monotonic() - began)
    assert started == JOBS, started
    floor = _floor()
    Attempt.objects.update(seen_state="ended")
    release_ended()
    Job.objects.filter(status="starting").delete()
    return {"ours": ours, "floor": floor} | _looks(teams, chance)


def _floor() -> float:
    """Attempts, events and statuses of as many jobs, in as large batches, without a ledger or an order."""
    from django.db import transaction
    from django.db.models.functions import Now

    from jobs.models import Attempt, Job, JobEvent

    ids = list(Job.objects.filter(status="starting").values_list("pk", flat=True))
    began = time.monotonic()
    for at in range(0, len(ids), 64):
        batch = ids[at : at + 64]
        with transaction.atomic():
            Attempt.objects.bulk_create(
                Attempt(job_id=pk, number=2, name=f"floor-{pk}", reserved_at=Now()) for pk in batch
            )
            JobEvent.objects.bulk_create(JobEvent(job_id=pk, kind="starting") for pk in batch)
            Job.objects.filter(pk__in=batch).update(status="starting", starting_at=Now(), next_look_at=Now())
    rate = len(ids) / (time.monotonic() - began)
    Attempt.objects.filter(name__startswith="floor-").delete()
    return rate


def _looks(teams, chance) -> dict[str, object]:
    """Looks at a short and at a long queue in turn, each of which starts one job and blocks the rest."""
    from django.db import connection

    short, long = teams[0], teams[1]
    for team, count in ((short, FEW), (long, MANY)):
        _limit(team, 1)
        _submit(team, count, chance)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    times = {short.pk: [], long.pk: []}
    for _ in range(LOOKS):
        for team in (short, long):
            times[team.pk].append(_one_look(team))
    return {"few": times[short.pk], "many": times[long.pk], "starts": [_one_end(long) for _ in range(ENDS)]}


def _one_look(team) -> float:
    """One starts, the rest stays blocked; then the one is taken away again."""
    from jobs.admission.admit import admit_team
    from jobs.models import Attempt, Job

    began = time.monotonic()
    look = admit_team(team.pk)
    seconds = time.monotonic() - began
    assert len(look.started) == 1
    _end(team)
    Attempt.objects.filter(job__in=look.started).delete()
    Job.objects.filter(pk__in=look.started).update(status="queued", starting_at=None)
    return seconds


def _end(team) -> None:
    from jobs.admission.release import release_ended
    from jobs.models import Attempt

    Attempt.objects.filter(job__team=team, released_at=None).update(seen_state="ended")
    release_ended()


def _one_end(team) -> float:
    """What a worker does when watch has written the end: give back, look, start the next one."""
    from jobs.admission.admit import admit_due
    from jobs.admission.release import release_ended
    from jobs.models import Attempt

    admit_due()
    Attempt.objects.filter(job__team=team, released_at=None).update(seen_state="ended")
    began = time.monotonic()
    release_ended()
    assert len(admit_due()) == 1
    return time.monotonic() - began


def _submit(team, count: int, chance) -> None:
    from jobs.admission import queues
    from jobs.models import Job

    example = Job.objects.filter(team=team).order_by("pk").first()
    values = {f.attname: getattr(example, f.attname) for f in Job._meta.concrete_fields}
    members = list(team.memberships.values_list("user_id", flat=True))
    fresh = {"id": None, "status": "queued", "finished_at": None, "next_look_at": None}
    Job.objects.bulk_create(
        Job(
            **values
            | fresh
            | {
                "submit_key": uuid.uuid4(),
                "owner_id": chance.choice(members),
                "cpu_millis": chance.choice(SIZES),
            }
        )
        for _ in range(count)
    )
    queues.wake([team.pk])


def _widen(team, jobs: int) -> None:
    _limit(team, jobs, 6000 * jobs)


def _limit(team, jobs: int, cpu: int = 10**9) -> None:
    from teams.models import Scope
    from teams.quota.book import Account
    from teams.quota.limits import set_limits

    set_limits(team.pk, {Account(Scope.TEAM, "jobs"): jobs, Account(Scope.TEAM, "cpu_millis"): cpu})


if __name__ == "__main__":
    main()
