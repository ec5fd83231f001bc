"""One process of the soak: `python -m tests.quota_soak.actor ROLE THREADS SEED`, until it is killed.

Roles: `worker` releases and admits as jobs/tasks.py does; `people` are threads that submit, cancel, edit limits, and
play the cluster that proves the ends of what runs.
"""

import os
import random
import sys
import threading
import time
import uuid

import django

BACKLOG = 60
SIZES = (500, 1000, 2000, 6000)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    django.setup()
    from django.conf import settings

    role, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # As many connections as threads.
    settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"] = count + 2
    threads = [
        threading.Thread(target=forever, args=(role, number, random.Random(seed + number)), daemon=True)
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def forever(role: str, number: int, chance: random.Random) -> None:
    """Until the soak ends: it kills its processes."""
    from django.db import DatabaseError, close_old_connections

    act = work if role == "worker" else people(number)
    while True:
        try:
            act(chance)
        except DatabaseError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            close_old_connections()
            time.sleep(0.05)


def people(number: int):
    """Of 32: three edit, nine are the cluster, the others submit and cancel."""
    if number % 32 in (0, 1, 2):
        return edit
    return end_some if number % 3 == 0 else submit_or_cancel


def work(chance: random.Random) -> None:
    from jobs.admission.admit import admit_due
    from jobs.admission.release import release_ended

    release_ended()
    if not admit_due():
        time.sleep(0.01)


def submit_or_cancel(chance: random.Random) -> None:
    from django.db import transaction
    from django.db.models.functions import Now

    from jobs.admission import queues
    from jobs.models import Job
    from jobs.models.job import QUEUED
    from teams.models import Team

    team = chance.choice(list(Team.objects.order_by("pk")))
    if Job.objects.filter(QUEUED, team=team)[: BACKLOG + 1].count() > BACKLOG:
        time.sleep(0.05)
        return
    example = Job.objects.filter(team=team).order_by("pk").first()
    values = {f.attname: getattr(example, f.attname) for f in Job._meta.concrete_fields}
    members = list(team.memberships.values_list("user_id", flat=True))
    fresh = [
        Job(
            **values
            | {
                "id": None,
                "submit_key": uuid.uuid4(),
                "owner_id": chance.choice(members),
                "cpu_millis": chance.choice(SIZES),
                "priority": chance.choice((0, 1, 1, 1, 2)),
                "status": "queued",
                "finished_at": None,
                "created_at": Now(),
                "next_look_at": None,
                "deleted_at": None,
            }
        )
        for _ in range(8)
    ]
    with transaction.atomic():
        Job.objects.bulk_create(fresh)
        queues.wake([team.pk])
    if chance.random() < 0.3:
        Job.objects.filter(QUEUED, pk=chance.choice(fresh).pk).update(cancel_requested_at=Now())


def end_some(chance: random.Random) -> None:
    """The cluster: some of what runs is over, as watch would write it."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(END, [chance.random() < 0.1, chance.randint(4, 24)])
    time.sleep(0.02)


END = """
WITH chosen AS MATERIALIZED (
    SELECT id FROM jobs_attempt WHERE reserved_at IS NOT NULL AND released_at IS NULL AND seen_state <> 'ended'
    ORDER BY CASE WHEN %s THEN -id ELSE id END LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE jobs_attempt SET seen_state = 'ended', seen_at = now() FROM chosen WHERE jobs_attempt.id = chosen.id
"""


def edit(chance: random.Random) -> None:
    from jobs.admission import queues
    from teams.models import Scope, Team
    from teams.quota.book import Account
    from teams.quota.limits import set_limits, set_sharing
    from tests.quota_soak.soak import CPU, JOBS

    # The first four teams are left alone: their waits are compared.
    teams = list(Team.objects.order_by("pk"))[4:]
    team = chance.choice(teams)
    kind = chance.random()
    if kind < 0.2:
        set_sharing(team.pk, shares=chance.random() < 0.6)
    elif kind < 0.4:
        set_limits(team.pk, {Account(Scope.MEMBER, "jobs"): chance.choice((None, 4, 12))})
    else:
        limits = {
            Account(Scope.TEAM, "jobs"): chance.choice((None, JOBS // 2, JOBS, JOBS * 2)),
            Account(Scope.TEAM, "cpu_millis"): chance.choice((CPU // 2, CPU, CPU * 2)),
        }
        set_limits(team.pk, limits)
    queues.wake([each.pk for each in teams])
    time.sleep(0.2)


if __name__ == "__main__":
    main()
