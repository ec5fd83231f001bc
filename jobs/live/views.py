"""The two streams: a job's output as it is written, and which of the jobs on a page have changed.

No ORM in here (it would pin a connection for hours): jobs/live/lookups.py asks, the board tells.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from jobs.live.board import LOOK_SECONDS, Listener, board
from jobs.live.events import HEARTBEAT, HEARTBEAT_SECONDS, HELLO, event_stream, message, refusal
from jobs.live.lookups import Facts, ask, ending_of, facts_for, read, session_key_of, user_of
from jobs.output.marks import so_far
from jobs.output.outputlog import Place, Reader

# A page shows at most so many jobs.
MOST_IDS = 200
READ_BYTES = 64 * 1024
# Lines that come one by one travel together.
BATCH_SECONDS = 0.07
NAMES = {"stdout": "out", "stderr": "err", "stdout-hole": "out-mark", "stderr-hole": "err-mark"}


@require_GET
async def job_output_stream(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """The output from a place on (`Last-Event-ID`, else `?from=o,e`), until the job is over."""
    found = await _found(request, [job_id])
    if isinstance(found, JsonResponse):
        return found
    place = Place.parse(request.headers.get("Last-Event-ID") or request.GET.get("from", ""))
    return event_stream(_output(Listener(session_key_of(request), found, wants_output=True), job_id, place))


@require_GET
async def job_changes(request: HttpRequest) -> HttpResponseBase:
    """Says which of `?ids=1,2,3` have changed; those that the user may not see are passed over."""
    names = [name for name in request.GET.get("ids", "").split(",") if name][:MOST_IDS]
    if not all(name.isdecimal() and len(name) < 19 for name in names):
        return refusal(400, "The ids are numbers with commas between them.")
    found = await _found(request, [int(name) for name in names])
    if isinstance(found, JsonResponse):
        return found
    return event_stream(_changes(Listener(session_key_of(request), found)))


async def _found(request: HttpRequest, job_ids: Iterable[int]) -> dict[int, Facts] | JsonResponse:
    """The facts of the jobs that the one who asks may see, or the refusal."""
    user = await ask(user_of, session_key_of(request))
    if user is None:
        return refusal(401, "You are not signed in.")
    facts = await ask(facts_for, user, job_ids)
    return facts or refusal(404, "There is no such job.")


async def _changes(listener: Listener) -> AsyncIterator[bytes]:
    with board().listening(listener):
        yield HELLO
        while not board().is_closing:
            await _wait(listener, HEARTBEAT_SECONDS)
            # What was lost is told before the stream ends: a job that was deleted leaves the list.
            changed = listener.take_changed()
            yield message({"ids": sorted(changed)}, event="changed") if changed else HEARTBEAT
            if listener.is_shut_out:
                yield message({}, event="closed")
                return


async def _output(listener: Listener, job_id: int, place: Place) -> AsyncIterator[bytes]:
    with board().listening(listener):
        yield HELLO
        reader: Reader | None = None
        said = ""
        spoke_at = time.monotonic()
        while not board().is_closing:
            facts = listener.facts.get(job_id)
            if listener.is_shut_out or facts is None:
                yield message({}, event="closed")
                return
            if reader is None and facts.attempt_id:
                reader = Reader(facts.attempt_id, place)
            # Asked before reading: what is read after the end is known is all there is.
            is_over = facts.is_finished
            chunks, words = await read(_look, reader) if reader else ([], "")
            if not chunks and is_over and reader:
                chunks = reader.finish()
            if chunks and reader:
                yield _chunks(chunks, reader)
                spoke_at = time.monotonic()
                await asyncio.sleep(0 if _size(chunks) >= READ_BYTES // 2 else BATCH_SECONDS)
            elif is_over:
                yield message({"marks": await _ending(facts)}, event="end")
                return
            else:
                if words != said:
                    yield message({"words": words}, event="so-far")
                    said = words
                if time.monotonic() - spoke_at >= HEARTBEAT_SECONDS:
                    yield HEARTBEAT
                    spoke_at = time.monotonic()
                await _wait(listener, LOOK_SECONDS)


def _look(reader: Reader) -> tuple[list[tuple[str, str]], str]:
    """What is to be read next; where that is nothing, what is said of output that is not shown yet."""
    chunks = reader.read(READ_BYTES)
    return chunks, "" if chunks else so_far(reader.attempt_id)


async def _ending(facts: Facts) -> list[str]:
    return await ask(ending_of, facts.attempt_id) if facts.attempt_id else []


def _chunks(chunks: list[tuple[str, str]], reader: Reader) -> bytes:
    named = [[NAMES[stream], text] for stream, text in chunks]
    return message({"chunks": named}, place=str(reader.place))


def _size(chunks: list[tuple[str, str]]) -> int:
    return sum(len(text) for _, text in chunks)


async def _wait(listener: Listener, seconds: float) -> None:
    """Until the board wakes the listener, or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await listener.woken.wait()
    listener.woken.clear()
