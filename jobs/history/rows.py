"""The jobs of a page with what a row shows, by a statement that is ready: to put it together took as long as to ask."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState
from psycopg.types.datetime import TimestamptzLoader

from clusters.models import Cluster
from jobs.models import Job, TeamQueue
from teams.models import User

M = TypeVar("M", bound=models.Model)
# The rest (a job's command and its variables may be long) stays in the database.
SHOWN = (
    *("id", "name", "tags", "profile_label", "status", "created_at", "cancel_requested_at", "deleted_at"),
    *("running_at", "finishing_at", "finished_at", "team_id", "owner_id", "cluster_id"),
    *("pinned_at", "priority", "cpu_millis", "memory_bytes", "gpu_resource", "gpu_count"),
)
OWNER = ("id", "username", "first_name", "last_name")
CLUSTER = ("id", "name")


def _columns(model: type[models.Model], names: Sequence[str], table: str) -> tuple[list[str], str]:
    """The fields in the order in which `from_db` wants their values, and as columns of a statement."""
    fields = [field for field in model._meta.concrete_fields if field.attname in names]
    return [field.attname for field in fields], ", ".join(f"{table}.{field.column}" for field in fields)


_JOB, _OF_JOB = _columns(Job, SHOWN, "j")
_OWNER, _OF_OWNER = _columns(User, OWNER, "u")
_CLUSTER, _OF_CLUSTER = _columns(Cluster, CLUSTER, "c")
# `blocked` of a queue once, at each team's first job that waits: it names all lanes that do.
ROWS = f"""
SELECT {_OF_JOB}, {_OF_OWNER}, {_OF_CLUSTER}, CASE
    WHEN j.status = 'queued' AND row_number() OVER (PARTITION BY j.team_id, j.status ORDER BY j.id DESC) = 1
    THEN (SELECT q.blocked FROM jobs_teamqueue q WHERE q.team_id = j.team_id)
END
FROM jobs_job j JOIN teams_user u ON u.id = j.owner_id JOIN clusters_cluster c ON c.id = j.cluster_id
WHERE j.id = ANY(%s) ORDER BY j.id DESC
"""  # noqa: S608 (names of columns)


_owner, _cluster = Job._meta.get_field("owner"), Job._meta.get_field("cluster")


def load_jobs(ids: list[int]) -> list[Job]:
    """These jobs, newest first, with owner, cluster and why those wait that do; other fields are read when asked."""
    jobs: list[Job] = []
    blocked: dict[int, Any] = {}
    known: dict[Any, Any] = {}
    for row in _rows(ids) if ids else ():
        job = _made(Job, _JOB, row[: len(_JOB)])
        _join(job, row[len(_JOB) : -1], known)
        if row[-1] is not None:
            blocked[job.team_id] = json.loads(row[-1])
        jobs.append(job)
    TeamQueue.tell(jobs, blocked)
    return jobs


def _rows(ids: list[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        # psycopg's own loader of times, which is C: Django's is Python, and a page has two hundred of them.
        cursor.cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(ROWS, (ids,))
        return cursor.fetchall()


def _made(model: type[M], names: Sequence[str], values: Iterable[Any]) -> M:
    """As `from_db`, which asks for each of a model's fields, also for those that were not read; no signals are sent."""
    made = model.__new__(model)
    made._state = ModelState()
    made._state.adding, made._state.db = False, connection.alias
    made.__dict__.update(zip(names, values, strict=True))
    return made


def _join(job: Job, values: Sequence[Any], known: dict[Any, Any]) -> None:
    """Its owner and its cluster: few, and one object each for all rows."""
    of_owner, of_cluster = values[: len(_OWNER)], values[len(_OWNER) :]
    if job.owner_id not in known:
        known[job.owner_id] = _made(User, _OWNER, of_owner)
    where = ("cluster", job.cluster_id)
    if where not in known:
        known[where] = _made(Cluster, _CLUSTER, of_cluster)
    _owner.set_cached_value(job, known[job.owner_id])
    _cluster.set_cached_value(job, known[where])
