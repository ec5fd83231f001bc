"""What the streams ask the database, in a few threads that give their connection back after each question.

A stream lives for hours and there are hundreds: none of them may hold a thread or a connection of the pool.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from jobs.access import jobs_of
from jobs.lifecycle import TERMINAL
from jobs.models import Attempt, Job
from jobs.output.marks import ending
from teams.models import User

P = ParamSpec("P")
T = TypeVar("T")
_database = ThreadPoolExecutor(2, thread_name_prefix="live-database")
# For what is asked once for all streams: it waits behind nobody who comes, and takes no thread from the statuses.
_apart = ThreadPoolExecutor(1, thread_name_prefix="live-apart")
_files = ThreadPoolExecutor(4, thread_name_prefix="live-files")


class Facts(NamedTuple):
    """What is known of a job; pages show something else when any of it changes."""

    status: str
    attempt_id: int | None
    reason: str
    is_stopping: bool

    @property
    def is_finished(self) -> bool:
        """True in a terminal status."""
        return self.status in TERMINAL


async def ask(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Answer a question to the database in one of its threads."""
    call = partial(_and_hang_up, partial(question, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_database, call)


async def ask_apart(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `ask`, in a thread where a long answer holds up no short ones."""
    call = partial(_and_hang_up, partial(question, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_apart, call)


async def read(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do file work in one of the threads for it; it may not touch the database."""
    call = partial(question, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_files, call)


def _and_hang_up(question: Callable[[], T]) -> T:
    try:
        return question()
    finally:
        connection.close()


def user_of(session_key: str) -> User | None:
    """Who is signed in by that session, as any page would find it; None when nobody is (any more)."""
    request = HttpRequest()
    request.session = SessionStore(session_key or None)
    user = get_user(request)
    return user if isinstance(user, User) and not user.must_change_password else None


def facts_for(user: User, job_ids: Iterable[int]) -> dict[int, Facts]:
    """The facts of those jobs that `user` may see."""
    return _facts(jobs_of(user).filter(pk__in=job_ids))


def facts_of(job_ids: Iterable[int]) -> dict[int, Facts]:
    """The facts of all these jobs that are not deleted, in one query: rights are asked for separately."""
    return _facts(Job.objects.filter(pk__in=job_ids, deleted_at=None))


def _facts(jobs: QuerySet[Job]) -> dict[int, Facts]:
    newest = Attempt.objects.filter(job=OuterRef("pk")).order_by("-number").values("pk")[:1]
    rows = jobs.annotate(newest=Subquery(newest)).values_list(
        "pk", "status", "newest", "reason", "cancel_requested_at"
    )
    return {pk: Facts(status, attempt, reason, bool(asked)) for pk, status, attempt, reason, asked in rows}


def ending_of(attempt_id: int) -> list[str]:
    """What is said behind the last line of an attempt whose job is over."""
    attempt = Attempt.objects.filter(pk=attempt_id).first()
    return ending(attempt) if attempt else []


def session_key_of(request: HttpRequest) -> str:
    """The session that the browser names; may be empty, unknown or over."""
    return request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
