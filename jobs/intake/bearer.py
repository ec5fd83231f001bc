"""Who calls the intake: the runner of one attempt, known by its token; and how it is told what is wrong."""

import json
import re
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec

from django.db import connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from jobs.lifecycle import TERMINAL
from jobs.models import Attempt, Job
from jobs.reconnecting import asked_again_if_dead
from jobs.transfers import lend_back, take_rest

P = ParamSpec("P")
TOKEN = re.compile(r"swa_(\d{1,18})_[0-9a-f]{64}")
JSON_MAX_BYTES = 16 * 1024 * 1024
DRAINED_BYTES = 4 * 1024 * 1024


class IntakeRefused(Exception):
    """The call is answered with `status` and a sentence; `facts` are the members beside it."""

    # Whether its caller is somebody whose body is read to its end, for the connection's sake.
    is_known = True

    def __init__(self, status: int, sentence: str, **facts: Any) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.facts = facts


def intake_call(
    method: str, *, is_frequent: bool = False
) -> Callable[
    [Callable[Concatenate[HttpRequest, Attempt, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """A view of the intake: `method` only, with the caller's attempt (and its job), refusals as JSON.

    `is_frequent`: the attempt has its id, and what says whether it may call; each other field costs a statement.
    """

    def decorate(
        view: Callable[Concatenate[HttpRequest, Attempt, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def call(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                return view(request, _caller(request, is_frequent), *args, **kwargs)
            except IntakeRefused as refused:
                return refusal(request, refused)

        return csrf_exempt(require_http_methods([method])(call))

    return decorate


def refusal(request: HttpRequest, refused: IntakeRefused) -> JsonResponse:
    """The answer to a call that is refused."""
    if refused.is_known:
        _drain(request)
    else:
        take_rest(request)
    return JsonResponse({"error": refused.sentence, **refused.facts}, status=refused.status)


def check_alive(attempt: Attempt) -> None:
    """The token dies with the job. Raises IntakeRefused (401)."""
    if attempt.job.status in TERMINAL:
        raise IntakeRefused(401, "This attempt is over; nothing more is taken from it.")


def check_pod(attempt: Attempt, facts: dict[str, Any]) -> None:
    """Only the pod that claimed the attempt speaks for it. Raises IntakeRefused (409)."""
    if not attempt.claimed_by or facts.get("uid") != attempt.claimed_by:
        raise IntakeRefused(409, "Another pod has claimed this attempt.")


def json_of(request: HttpRequest) -> dict[str, Any]:
    """The request's body, a JSON object. Raises IntakeRefused (400, 413)."""
    if length_of(request) > JSON_MAX_BYTES:
        raise IntakeRefused(413, "The message is larger than anything the portal expects here.")
    lend_back()
    try:
        facts = json.loads(request.read())
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise IntakeRefused(400, "The body has to be a JSON object.")
    return facts


def length_of(request: HttpRequest) -> int:
    """The body's announced length in bytes. Raises IntakeRefused (411)."""
    told = request.META.get("CONTENT_LENGTH") or ""
    if not told.isdecimal():
        raise IntakeRefused(411, "The request has to say how long its body is (Content-Length).")
    return int(told)


def bearer_of(request: HttpRequest) -> str:
    """The token that the request carries, "" where it has none."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _caller(request: HttpRequest, is_frequent: bool) -> Attempt:
    """The attempt whose token the request carries, with its job. Raises IntakeRefused (401)."""
    token = bearer_of(request)
    if match := TOKEN.fullmatch(token):
        find = partial(_in_short if is_frequent else _whole, int(match[1]))
        attempt = asked_again_if_dead(find)
        if attempt and constant_time_compare(attempt.token, token) and attempt.removed_at is None:
            return attempt
    refused = IntakeRefused(401, "The token is not known, or its attempt is over.")
    refused.is_known = False
    raise refused


def _whole(pk: int) -> Attempt | None:
    return Attempt.objects.select_related("job").filter(pk=pk).first()


def _in_short(pk: int) -> Attempt | None:
    """By a statement that is ready: to put one together costs several times what asking it does."""
    with connection.cursor() as cursor:
        cursor.execute(IN_SHORT, [pk])
        row = cursor.fetchone()
    if row is None:
        return None
    attempt = Attempt.from_db(connection.alias, SHORT, row[: len(SHORT)])
    attempt.job = Job.from_db(connection.alias, ("id", "status"), (attempt.job_id, row[-1]))
    return attempt


# In the order of the model's fields, as from_db wants them.
SHORT = ("id", "job_id", "nonce", "removed_at")
IN_SHORT = """
SELECT attempt.id, attempt.job_id, attempt.nonce, attempt.removed_at, job.status
FROM jobs_attempt attempt JOIN jobs_job job ON job.id = attempt.job_id WHERE attempt.id = %s
"""


def _drain(request: HttpRequest) -> None:
    """Take a short rest of the body, so that the connection can be used again; a long one is cut off."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) <= DRAINED_BYTES:
        try:
            while request.read(65536):
                pass
        except OSError:
            return
