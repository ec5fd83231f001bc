"""What the runner sends in bulk: pieces of the output, and result files of any size in constant memory."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from clusters.failpoints import failpoint
from jobs import hints
from jobs.intake.bearer import IntakeRefused, length_of
from jobs.intake.storing import check_limits, check_space, keep, no_space_is_507, result_path
from jobs.metrics import pickup
from jobs.models import Attempt
from jobs.output import growth, landmarks, outputlog
from jobs.output.holes import Contradiction
from jobs.output.tails import MOST_BYTES, Tail
from jobs.transfers import lend_back
from jobs.uploads.incoming import NewFile, Receiver

# A body of so many bytes is there with its request.
AT_ONCE = 4096
# Told with the claim: the larger a piece, the fewer turns of the portal for a script that prints much.
CHUNK_MAX_BYTES = 4 * 1024 * 1024
BLOCK_BYTES = 256 * 1024


def take_output(
    attempt: Attempt, stream: str, offset: int, extra: outputlog.Told, request: HttpRequest
) -> tuple[int, bool]:
    """Store a piece of the output; the stream's size afterwards, and whether somebody looks at it.

    Raises IntakeRefused (409, 411, 413, 503, 507).
    """
    length = length_of(request)
    if length > CHUNK_MAX_BYTES:
        raise IntakeRefused(413, f"A piece of output may have {CHUNK_MAX_BYTES} bytes at most.")
    if offset + length > settings.OUTPUT_MAX_BYTES:
        raise IntakeRefused(413, f"{stream} may have {settings.OUTPUT_MAX_BYTES} bytes at most.")
    data = _piece(request, length)
    with no_space_is_507():
        try:
            size = outputlog.append(attempt.pk, stream, offset, data, extra)
        except outputlog.Gap as gap:
            raise IntakeRefused(409, "Bytes before these are missing.", size=gap.size) from gap
        except Contradiction as other:
            raise IntakeRefused(
                409, "There is no room for that hole.", size=other.size, holes=other.holes
            ) from other
    failpoint("intake.output.stored")
    has_grown = bool(data) or extra.written > size
    if data:
        growth.note(attempt.pk, stream, size)
    is_watched = hints.tell_output(attempt.job_id, attempt.pk, has_grown=has_grown)
    # What was stored is these bytes, unless they are a repeat.
    pickup.after_output(attempt, stream, offset, size, data if size == offset + length else None)
    landmarks.note(attempt.pk)
    return size, is_watched


def take_turns(
    attempt: Attempt, offsets: Mapping[str, int], turns: Sequence[tuple[str, int]], request: HttpRequest
) -> tuple[outputlog.Place, bool]:
    """Store pieces of both streams in the order in which they were written: the sizes afterwards, and as take_output.

    `turns`: the stream and the bytes of each, in the body one behind the other. Raises IntakeRefused (400, 409 with the
    sizes, 411, 413, 503, 507).
    """
    length = length_of(request)
    wanted = {stream: sum(size for name, size in turns if name == stream) for stream in offsets}
    if length != sum(wanted.values()):
        raise IntakeRefused(400, "The turns have together as many bytes as the piece.")
    if length > CHUNK_MAX_BYTES:
        raise IntakeRefused(413, f"A piece of output may have {CHUNK_MAX_BYTES} bytes at most.")
    if any(offsets[stream] + size > settings.OUTPUT_MAX_BYTES for stream, size in wanted.items()):
        raise IntakeRefused(413, f"A stream may have {settings.OUTPUT_MAX_BYTES} bytes at most.")
    pieces = _parted(_piece(request, length), turns)
    with no_space_is_507():
        try:
            place = outputlog.append_in_turns(attempt.pk, offsets, pieces)
        except (outputlog.Gap, Contradiction) as other:
            now = vars(outputlog.sizes(attempt.pk))
            raise IntakeRefused(409, "The streams are stored up to other places.", sizes=now) from other
    failpoint("intake.output.stored")
    for stream, size in wanted.items():
        stored = getattr(place, stream)
        if size:
            growth.note(attempt.pk, stream, stored)
            data = b"".join(piece for name, piece in pieces if name == stream)
            is_new = stored == offsets[stream] + size
            pickup.after_output(attempt, stream, offsets[stream], stored, data if is_new else None)
    is_watched = hints.tell_output(attempt.job_id, attempt.pk, has_grown=bool(length))
    landmarks.note(attempt.pk)
    return place, is_watched


def _parted(data: bytes, turns: Sequence[tuple[str, int]]) -> list[tuple[str, bytes]]:
    pieces, at = [], 0
    for stream, size in turns:
        pieces.append((stream, data[at : at + size]))
        at += size
    return pieces


def take_tail(attempt: Attempt, stream: str, at: int, request: HttpRequest) -> tuple[int, bool]:
    """Keep what the script wrote last, from its byte `at` on, until that is stored; answers as take_output.

    Raises IntakeRefused (400, 411, 413, 503, 507).
    """
    length = length_of(request)
    if length > MOST_BYTES:
        raise IntakeRefused(413, f"The newest of a stream may have {MOST_BYTES} bytes at most.")
    if not length:
        raise IntakeRefused(400, "The newest of a stream has to have bytes.")
    data = _piece(request, length)
    with no_space_is_507():
        size = outputlog.keep_tail(attempt.pk, stream, Tail(at, data))
    return size, hints.tell_output(attempt.job_id, attempt.pk, has_grown=True)


def _piece(request: HttpRequest, length: int) -> bytes:
    """The body. Raises IntakeRefused (503, 507)."""
    check_space(length)
    if length > AT_ONCE:
        lend_back()
    data = request.read(length)
    told = request.headers.get("X-Content-SHA256", "")
    if len(data) != length or hashlib.sha256(data).hexdigest() != told.lower():
        raise IntakeRefused(503, "The piece of output arrived damaged; send it again.")
    return data


def take_result(attempt: Attempt, path: str, request: HttpRequest) -> dict[str, Any]:
    """Store one result file, in place of an earlier one of that path; its sha256 and size.

    Raises IntakeRefused (400 bad path, 411, 413, 503, 507).
    """
    path = result_path(path)
    length = length_of(request)
    check_limits(attempt, path, length)
    check_space(length)
    lend_back()
    arrived = _receive(request, length)
    try:
        keep(attempt, path, arrived.place, {"size": length, "sha256": arrived.sha256})
    finally:
        arrived.discard()
    return {"sha256": arrived.sha256, "size": length}


def _receive(request: HttpRequest, length: int) -> NewFile:
    """The body in a file beside the storage, and its hash. Raises IntakeRefused (503, 507)."""
    receiver = Receiver()
    left = length
    try:
        while left and (block := request.read(min(left, BLOCK_BYTES))):
            with no_space_is_507():
                receiver.write(block)
            left -= len(block)
        with no_space_is_507():
            arrived = receiver.finish("")
    except BaseException:
        receiver.abandon()
        raise
    told = request.headers.get("X-Content-SHA256", "").lower()
    if left or (told and told != arrived.sha256):
        arrived.discard()
        raise IntakeRefused(503, "The file arrived damaged; send it again.")
    return arrived
