"""Inside one portal's settings: makes jobs, asks for cancels, tells what the tables say. JSON lines in and out.

Run by tests/crash/crowd.py as a process of its own, because a test's own Django belongs to the test database.
"""

import json
import os
import sys
import time

import django
from django.db import DatabaseError, close_old_connections

TRY_SECONDS = 60


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    django.setup()
    for line in sys.stdin:
        call = json.loads(line)
        answer = patiently(COMMANDS[call.pop("do")], call)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def patiently(command, values):
    """The database may be restarting; each command is one transaction or only reads."""
    end = time.monotonic() + TRY_SECONDS
    while True:
        close_old_connections()
        try:
            return command(**values)
        except DatabaseError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def submit(script: str, runs: list[list[str]]) -> list[int]:
    """One job for each list of arguments, all with the same file, in one transaction; their ids."""
    from django.db import transaction

    from clusters.models import Cluster, Image
    from jobs import hints
    from teams.models import Team, User
    from tests import cast

    cluster = Cluster.objects.get()
    image, profile = Image.objects.filter(cluster=cluster)[0], cluster.profiles.order_by("position")[0]
    owner, team = User.objects.get(username="admin"), Team.objects.get()
    with transaction.atomic():
        bundle = cast.new_bundle({"main.sh": script.encode()})
        made = [
            cast.new_job(
                *(owner, team, image, profile),
                entry="main.sh",
                bundle=bundle,
                command=["sh", "main.sh", *arguments],
                arguments=arguments,
            ).pk
            for arguments in runs
        ]
    hints.hint_cluster(cluster.pk)
    return made


def cancel(ids: list[int]) -> None:
    """As the page does it: a wish, and a hint."""
    from django.db.models.functions import Now

    from jobs import hints
    from jobs.models import Job

    Job.objects.filter(pk__in=ids).update(cancel_requested_at=Now(), next_look_at=Now())
    hints.hint_cluster(Job.objects.get(pk=ids[0]).cluster_id)


def sign_in() -> str:
    """A session of the admin: its cookie."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from teams.models import User

    User.objects.filter(username="admin").update(must_change_password=False)
    user = User.objects.get(username="admin")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def with_key(key: str) -> list[int]:
    """The ids of the jobs that were made with this submit key."""
    from jobs.models import Job

    return list(Job.objects.filter(submit_key=key).values_list("pk", flat=True))


def statuses(ids: list[int]) -> dict[str, int]:
    """How many jobs are in each status; "removed": how many have nothing left at the cluster."""
    from django.db.models import Count

    from jobs.models import Attempt, Job

    counts = Job.objects.filter(pk__in=ids).order_by().values_list("status").annotate(Count("pk"))
    removed = Attempt.objects.filter(job__in=ids, removed_at__isnull=False).count()
    unstarted = Job.objects.filter(pk__in=ids, attempts=None, finished_at__isnull=False).count()
    return dict(counts) | {"removed": removed + unstarted}


def facts(ids: list[int]) -> list[dict]:
    """All that the tables and the stored output say of each job."""
    from jobs.models import Job
    from jobs.output import outputlog

    found = []
    for job in Job.objects.filter(pk__in=ids).prefetch_related("attempts__artifacts", "events"):
        attempts = list(job.attempts.all())
        found.append(
            {
                "id": job.pk,
                "status": job.status,
                "reason": job.reason,
                "exit_code": job.exit_code,
                "arguments": job.arguments,
                "events": [event.kind for event in job.events.all()],
                "attempts": len(attempts),
                "output": "".join(
                    text
                    for attempt in attempts
                    for stream, text in outputlog.Reader(attempt.pk).read()
                    if stream == "stdout"
                ),
                "results": [a.path for attempt in attempts for a in attempt.artifacts.all() if a.is_listed],
                "unlisted": [
                    a.path for attempt in attempts for a in attempt.artifacts.all() if not a.is_listed
                ],
            }
        )
    return found


COMMANDS = {call.__name__: call for call in (submit, cancel, sign_in, with_key, statuses, facts)}

if __name__ == "__main__":
    main()
