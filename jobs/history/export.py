"""The history as rows of a file: all that the filters let through, in memory that does not grow with their number."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from jobs.history.filters import Filters
from jobs.history.pages import all_ids
from jobs.models import Job
from teams.models import User

CHUNK = 2000
GIB = 1024**3
HEADER = (
    *("id", "name", "status", "reason", "team", "owner", "user name", "cluster", "image", "profile", "cores"),
    *("memory GiB", "gpus", "gpu type", "created", "started", "ended", "waited s", "took s", "exit code"),
    *("tags", "command"),
)
COLUMNS = (
    *("pk", "name", "status", "reason", "team__name", "owner__first_name", "owner__last_name"),
    *("owner__username", "cluster__name", "image_label", "profile_label", "cpu_millis", "memory_bytes"),
    *("gpu_count", "gpu_resource", "created_at", "running_at", "finishing_at", "finished_at", "exit_code"),
    *("tags", "command"),
)


def export_rows(team_ids: Sequence[int] | None, asked: Filters) -> Iterator[list[Any]]:
    """A row as HEADER names it for each job of these teams (None: of all) that the list has, newest first.

    The list's own pages, longer: each in statements of its own, so that no cursor and no transaction stays open while
    somebody downloads slowly. A job that is made meanwhile is not in it.
    """
    for ids in all_ids(team_ids, asked, CHUNK):
        for row in Job.objects.filter(pk__in=ids).order_by("-pk").values_list(*COLUMNS):
            yield _row(dict(zip(COLUMNS, row, strict=True)))


def _row(job: dict[str, Any]) -> list[Any]:
    """In the order of HEADER."""
    owner = User(
        username=job["owner__username"],
        first_name=job["owner__first_name"],
        last_name=job["owner__last_name"],
    )
    begun, ended = job["running_at"], job["finishing_at"] or job["finished_at"]
    return [
        *(job["pk"], job["name"], job["status"], job["reason"], job["team__name"]),
        *(owner.display_name, owner.username, job["cluster__name"], job["image_label"], job["profile_label"]),
        *(_plain(job["cpu_millis"] / 1000), _plain(job["memory_bytes"] / GIB), job["gpu_count"]),
        *(job["gpu_resource"] if job["gpu_count"] else "", job["created_at"], begun, job["finished_at"]),
        *(_seconds(job["created_at"], begun), _seconds(begun, ended), job["exit_code"]),
        *(", ".join(job["tags"]), shlex.join(job["command"])),
    ]


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 1) if start and end else None


def _plain(number: float) -> int | float:
    """A whole number without its ".0"."""
    return int(number) if number == int(number) else round(number, 3)
