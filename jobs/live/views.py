"""The two streams: a job's output as it is written, and which of the jobs on a page have changed.

No ORM in here (it would pin a connection for hours): jobs/live/lookups.py asks, the board tells.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, suppress

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from jobs.live.board import Listener, board
from jobs.live.events import HEARTBEAT, HEARTBEAT_SECONDS, HELLO, event_stream, message, refusal
from jobs.live.lookups import Facts, ask, facts_for, session_key_of, user_of
from jobs.live.protocol import wire_of
from jobs.live.viewer import Viewer
from jobs.output.outputlog import Place

# A page shows at most so many jobs.
MOST_IDS = 200


@require_GET
async def job_output_stream(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """The output from a place on (`Last-Event-ID`, else `?from=o,e`), until the job is over."""
    found = await _found(request, [job_id])
    if isinstance(found, JsonResponse):
        return found
    place = Place.parse(request.headers.get("Last-Event-ID") or request.GET.get("from", ""))
    listener = Listener(session_key_of(request), found, wants_output=True, wire=wire_of(request))
    return event_stream(_output(listener, job_id, Viewer(place, listener.woken, listener.wire)))


@require_GET
async def job_changes(request: HttpRequest) -> HttpResponseBase:
    """Says which of `?ids=1,2,3` have changed; those that the user may not see are passed over."""
    names = [name for name in request.GET.get("ids", "").split(",") if name][:MOST_IDS]
    if not all(name.isdecimal() and len(name) < 19 for name in names):
        return refusal(400, "The ids are numbers with commas between them.")
    found = await _found(request, [int(name) for name in names])
    if isinstance(found, JsonResponse):
        return found
    return event_stream(_changes(Listener(session_key_of(request), found, wire=wire_of(request))))


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


async def _output(listener: Listener, job_id: int, viewer: Viewer) -> AsyncIterator[bytes]:
    with board().listening(listener), ExitStack() as stack:
        yield HELLO
        while not board().is_closing:
            facts = listener.facts.get(job_id)
            if listener.is_shut_out or facts is None:
                listener.shut_out()
                yield message({}, event="closed")
                return
            if viewer.feed is None and facts.attempt_id:
                viewer.feed = stack.enter_context(board().feeds.joined(job_id, facts.attempt_id, viewer))
            if facts.is_finished and viewer.feed:
                viewer.feed.finish()
            if event := viewer.take() or await viewer.read() or viewer.remark():
                yield event
            elif facts.is_finished and (event := viewer.end_event):
                yield event
                return
            elif viewer.feed and viewer.feed.trouble:
                return
            else:
                await viewer.rest()


async def _wait(listener: Listener, seconds: float) -> None:
    """Until the board wakes the listener, or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await listener.woken.wait()
    listener.woken.clear()
