"""Large results that go from the job to the storage itself: by signed addresses, one for each part."""

import hashlib
import re
from typing import Any

from django.core import signing

from jobs import store
from jobs.intake.bearer import IntakeRefused
from jobs.intake.storing import check_limits, record, result_path
from jobs.models import Attempt

SALT = "stellwerk.direct-result"
PART_BYTES = 32 * 1024 * 1024
# The most that S3 takes is 10,000.
MOST_PARTS = 9000
SHA256 = re.compile(r"[0-9a-f]{64}")
ETAG = re.compile(r'"?[0-9A-Za-z-]{1,80}"?')


def begin(attempt: Attempt, facts: dict[str, Any]) -> dict[str, Any]:
    """A ticket for one file, how large its parts are, and which of them an earlier runner brought.

    Raises IntakeRefused (400, 404, 413, 503).
    """
    path, size = result_path(str(facts.get("path"))), facts.get("size")
    if not isinstance(size, int) or size <= 0:
        raise IntakeRefused(400, "A result has to tell its size.")
    check_limits(attempt, path, size)
    storage, part_bytes = _storage(), max(PART_BYTES, -(-size // MOST_PARTS))
    # The same file in the same parts; whether their content is still its own the runner sees by the hashes.
    name = hashlib.sha256(f"{path}\0{size}\0{part_bytes}".encode()).hexdigest()[:32]
    parts: dict[int, tuple[int, str]] = {}
    try:
        if begun := _begun(storage, attempt, name):
            key, upload, parts = begun.key, begun.upload, begun.parts
        else:
            key, upload = storage.begin_parts(attempt.pk, name)
    except store.StoreAway as error:
        raise _away(error) from error
    told = {"attempt": attempt.pk, "path": path, "size": size, "key": key, "upload": upload}
    there = [{"number": number, "size": size, "etag": etag} for number, (size, etag) in sorted(parts.items())]
    return {"ticket": signing.dumps(told, salt=SALT), "part_bytes": part_bytes, "parts": there}


def _begun(storage: Any, attempt: Attempt, name: str) -> Any:
    """None also where the storage does not let the portal look: then all is sent again."""
    try:
        return storage.begun_parts(attempt.pk, name)
    except (store.StoreAway, FileNotFoundError):
        return None


def part(attempt: Attempt, facts: dict[str, Any]) -> dict[str, Any]:
    """The address to which a part is PUT, for five minutes. Raises IntakeRefused (400, 404)."""
    ticket, number = _ticket(attempt, facts), facts.get("number")
    if not isinstance(number, int) or not 1 <= number <= MOST_PARTS:
        raise IntakeRefused(400, "Parts are counted from 1.")
    return {"url": _storage().part_address(ticket["key"], ticket["upload"], number)}


def done(attempt: Attempt, facts: dict[str, Any]) -> dict[str, Any]:
    """All parts are there: the file is one, and shown when a manifest names it. A repeat changes nothing.

    Raises IntakeRefused (400, 404, 409: begin anew, 503).
    """
    ticket = _ticket(attempt, facts)
    sha256, etags = facts.get("sha256"), facts.get("etags")
    is_told = isinstance(sha256, str) and SHA256.fullmatch(sha256) and isinstance(etags, list)
    if not is_told or not all(isinstance(etag, str) and ETAG.fullmatch(etag) for etag in etags or ()):
        raise IntakeRefused(
            400, "A finished result has to tell its sha256 and what the storage called its parts."
        )
    check_limits(attempt, ticket["path"], ticket["size"])
    try:
        size = _storage().join_parts(ticket["key"], ticket["upload"], etags or [])
    except FileNotFoundError as error:
        raise IntakeRefused(409, "The storage has forgotten these parts; begin anew.") from error
    except store.StoreAway as error:
        raise _away(error) from error
    if size != ticket["size"]:
        raise IntakeRefused(409, f"The storage has {size} bytes of {ticket['size']}; begin anew.")
    record(attempt, ticket["path"], {"size": size, "sha256": sha256, "key": ticket["key"]})
    return {"size": size, "sha256": sha256}


def _ticket(attempt: Attempt, facts: dict[str, Any]) -> dict[str, Any]:
    try:
        ticket: dict[str, Any] = signing.loads(str(facts.get("ticket")), salt=SALT)
    except signing.BadSignature:
        ticket = {}
    if ticket.get("attempt") != attempt.pk:
        raise IntakeRefused(400, "This ticket is none of this attempt's.")
    return ticket


def _storage() -> Any:
    if not store.is_open_to_jobs():
        raise IntakeRefused(404, "Jobs do not reach the storage themselves; results go through the portal.")
    return store.current()


def _away(error: store.StoreAway) -> IntakeRefused:
    return IntakeRefused(503, f"The results cannot be stored now: {error}.")
