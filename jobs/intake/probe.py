"""The doctor's test pod calls back: proof that a pod reaches the portal. Once; then its token is dead."""

import math
import re
from datetime import datetime
from typing import Any

from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from clusters.models import DoctorRun
from jobs.intake.bearer import IntakeRefused, bearer_of, json_of, length_of, refusal

TOKEN = re.compile(r"swd_(\d{1,18})_[0-9a-f]{64}")
UID = re.compile(r"[0-9A-Za-z-]{1,80}")
LARGEST_BODY = 64 * 1024
LATEST = 1e11


@csrf_exempt
@require_http_methods(["POST"])
def probe(request: HttpRequest) -> HttpResponseBase:
    """What the pod tells of itself: {"uid", "python": [3, 11, 2], "time": unix seconds}."""
    arrived_at = timezone.now()
    try:
        visit = _caller(request)
        if length_of(request) > LARGEST_BODY:
            raise IntakeRefused(413, "The message is larger than anything the portal expects here.")
        facts = _known(json_of(request), arrived_at)
        taken = DoctorRun.objects.filter(pk=visit.pk, called_back_at=None, ended_at=None)
        if not taken.update(called_back_at=Now(), called_back=facts):
            raise IntakeRefused(409, "The test pod of this visit has called back already.")
    except IntakeRefused as refused:
        return refusal(request, refused)
    return JsonResponse({})


def _caller(request: HttpRequest) -> DoctorRun:
    """The visit whose token the request carries. Raises IntakeRefused (401)."""
    token = bearer_of(request)
    if match := TOKEN.fullmatch(token):
        visit = DoctorRun.objects.filter(pk=int(match[1])).first()
        if visit and visit.nonce and constant_time_compare(visit.token, token) and visit.ended_at is None:
            return visit
    raise IntakeRefused(401, "The token is not known, or its visit is over.")


def _known(facts: dict[str, Any], arrived_at: datetime) -> dict[str, Any]:
    """What the doctor reads of it. `skew_seconds`: how far the pod's clock is ahead of the portal's."""
    uid, python, told = facts.get("uid"), facts.get("python"), facts.get("time")
    skew: float | None = None
    if isinstance(told, (int, float)) and math.isfinite(told) and abs(told) < LATEST:
        skew = round(told - arrived_at.timestamp(), 3)
    parts = python if isinstance(python, list) else []
    return {
        "uid": uid if isinstance(uid, str) and UID.fullmatch(uid) else "",
        "python": [part for part in parts[:3] if isinstance(part, int) and 0 <= part < 1000],
        "skew_seconds": skew,
    }
