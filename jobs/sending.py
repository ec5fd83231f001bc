"""Sending stored files: by nginx where it stands in front (it costs no thread), else by Django; both know Range."""

import hashlib
import re
import unicodedata
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from jobs import store
from jobs.resuming import Opened, blocks_of, resumable

# nginx's internal address of STELLWERK_HOME/files (portal/up/nginx.conf.template).
ACCEL_ROOT = "/_files/"
# What a script wrote must never act with the rights of who looks at it: no script, no form, an origin of its own.
SANDBOX = "sandbox"
LONGEST_NAME = 150
# Path separators, what Windows refuses, and characters that nobody sees or that turn the reading direction.
_UNSAFE = re.compile(r'[/\\:*?"<>|]')


def send_stored(
    request: HttpRequest,
    key: str,
    filename: str,
    content_type: str = "application/octet-stream",
    *,
    as_attachment: bool = True,
    policy: str = SANDBOX,
) -> HttpResponseBase:
    """Answer with the content stored under `key` (a name in Django's file storage), named `filename` for who saves it.

    Raises Http404 when nothing is stored there, StoreAway. The caller has checked who asks. `policy` is the answer's
    Content-Security-Policy; the default takes all rights from it.
    """
    facts = _facts(key)
    response: HttpResponseBase
    if settings.SEND_FILES_BY_ACCEL and not key.startswith(store.IN_S3):
        response = HttpResponse(content_type=content_type)
        response["X-Accel-Redirect"] = ACCEL_ROOT + quote(key)
        del response["Content-Length"]
    else:
        response = resumable(request, _Stored(key, facts), content_type)
    return dress(response, filename, as_attachment=as_attachment, policy=policy)


def address_elsewhere(key: str, filename: str) -> str:
    """Where a browser gets this content itself: a signed address for five minutes; "" where it is to be sent by us.

    Raises Http404, StoreAway. The caller has checked who asks.
    """
    if not (settings.RESULT_STORE_FOR_PEOPLE and key.startswith(store.IN_S3)):
        return ""
    _facts(key)
    disposition = content_disposition_header(True, safe_filename(filename)) or "attachment"
    return store.address_for_people(key, disposition)


class _Stored:
    """A stored content. Its key is never used again, so what the key stands for never changes."""

    def __init__(self, key: str, facts: store.Facts) -> None:
        self._key = key
        self.size = facts.size
        self.modified = int(facts.stored_at)
        self.tag = f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'

    def read(self, start: int, end: int) -> Opened:
        if start == end:
            return Opened(iter(()))
        file = store.open_(self._key, start, end)
        return Opened(blocks_of(file, end - start), file)


def _facts(key: str) -> store.Facts:
    try:
        return store.facts(key)
    except FileNotFoundError as error:
        raise Http404("This file is not stored any more.") from error


def dress(
    response: HttpResponseBase, filename: str, *, as_attachment: bool = True, policy: str = SANDBOX
) -> HttpResponseBase:
    """Give an answer with somebody's bytes the headers that keep them from doing harm; returns it."""
    disposition = content_disposition_header(as_attachment, safe_filename(filename))
    response["Content-Disposition"] = disposition or "attachment"
    response["Content-Security-Policy"] = policy
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def joined_filename(*words: object) -> str:
    """One word, for shells and scripts: "my job", 7, "stdout.log" is "my-job-7-stdout.log"."""
    return "-".join(" ".join(str(word) for word in words).split())


def safe_filename(name: str) -> str:
    """A name that every system can save: no separators, no invisible characters, not too long, never empty."""
    visible = "".join(char for char in name if unicodedata.category(char)[0] != "C")
    clean = _UNSAFE.sub("_", visible).strip(" .")
    if len(clean) > LONGEST_NAME:
        suffix = Path(clean).suffix[:20]
        clean = clean[: LONGEST_NAME - len(suffix)].rstrip(" .") + suffix
    return clean or "file"
