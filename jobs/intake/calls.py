"""What the runner talks to: calls, each of which may be repeated (contract: docs/architecture.md)."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse

from jobs.bundles import streamed_files
from jobs.intake import arrivals, claims, manifest, parts, reports
from jobs.intake import direct as direct_results
from jobs.intake.bearer import IntakeRefused, check_alive, check_pod, intake_call, json_of
from jobs.metrics import pickup
from jobs.models import Attempt
from jobs.output.holes import WHYS, Hole, extent
from jobs.output.outputlog import STREAMS, Told, folder_of
from jobs.uploads.tarstream import tar_stream

# More in one address would be longer than some servers take.
MOST_TURNS = 200


@intake_call("POST")
def claim(request: HttpRequest, attempt: Attempt) -> HttpResponseBase:
    """The pod asks whether it may start the script; 409: it must not."""
    return JsonResponse(claims.claim(attempt, str(json_of(request).get("uid") or "")))


@intake_call("GET")
def inputs(request: HttpRequest, attempt: Attempt) -> HttpResponseBase:
    """The job's files as one tar stream."""
    check_alive(attempt)
    files = list(streamed_files(attempt.job.bundle))
    return StreamingHttpResponse(tar_stream(files), content_type="application/x-tar")


@intake_call("POST")
def started(request: HttpRequest, attempt: Attempt) -> HttpResponseBase:
    """The script's process is about to start."""
    check_alive(attempt)
    check_pod(attempt, json_of(request))
    reports.report_started(attempt)
    return JsonResponse({})


@intake_call("PUT", is_frequent=True)
def output(request: HttpRequest, attempt: Attempt, stream: str) -> HttpResponseBase:
    """A piece of stdout or stderr, or its newest bytes; how much is stored and whether somebody is looking."""
    check_alive(attempt)
    if stream not in STREAMS:
        raise IntakeRefused(400, "Output goes to stdout or stderr, at an offset.")
    size, is_watched = _take(attempt, stream, request)
    holes = extent(folder_of(attempt.pk), stream).holes
    return JsonResponse({"size": size, "holes": holes, "watched": is_watched})


@intake_call("PUT", is_frequent=True)
def turns(request: HttpRequest, attempt: Attempt) -> HttpResponseBase:
    """Pieces of both streams, in the order in which the script wrote them; as output."""
    check_alive(attempt)
    offsets = {stream: _number(request.GET.get(stream, "")) for stream in STREAMS}
    place, is_watched = arrivals.take_turns(attempt, offsets, _turns(request.GET.get("turns", "")), request)
    return JsonResponse({"sizes": vars(place), "watched": is_watched})


def _turns(text: str) -> list[tuple[str, int]]:
    """From "0:12,1:7": the stream's number, and how many bytes of it come next. Raises IntakeRefused (400)."""
    found = [turn.split(":") for turn in text.split(",")]
    if len(found) > MOST_TURNS or any(len(each) != 2 or each[0] not in ("0", "1") for each in found):
        raise IntakeRefused(
            400, f"At most {MOST_TURNS} turns of stdout (0) and stderr (1), each with its size."
        )
    return [(STREAMS[int(number)], _number(size)) for number, size in found]


def _take(attempt: Attempt, stream: str, request: HttpRequest) -> tuple[int, bool]:
    asked = request.GET
    if "tail" not in asked:
        offset = _number(asked.get("offset", ""))
        told = Told(_number(asked.get("written", "0")), _hole(asked.get("hole", "")))
        return arrivals.take_output(attempt, stream, offset, told, request)
    if "offset" in asked or "hole" in asked:
        raise IntakeRefused(
            400, "The newest bytes of a stream have their own place, and no offset in what is stored."
        )
    return arrivals.take_tail(attempt, stream, _number(asked["tail"]), request)


def _number(text: str) -> int:
    """Raises IntakeRefused (400)."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise IntakeRefused(400, "Output goes to stdout or stderr, at an offset; sizes are numbers of bytes.")
    return int(text)


def _hole(text: str) -> Hole | None:
    """From "at,size,why"; None where there is none. Raises IntakeRefused (400)."""
    if not text:
        return None
    at, size, why = [*text.split(","), "", ""][:3]
    if why not in WHYS or not _number(size):
        raise IntakeRefused(400, "A hole in the output is its place, its size and why.")
    return Hole(_number(at), _number(size), why)


@intake_call("POST")
def ended(request: HttpRequest, attempt: Attempt) -> HttpResponseBase:
    """The script has ended; its outcome is now a fact."""
    if attempt.collected_at is None:
        check_alive(attempt)
    facts = json_of(request)
    check_pod(attempt, facts)
    reports.report_ended(attempt, facts)
    return JsonResponse({})


@intake_call("PUT")
def results(request: HttpRequest, attempt: Attempt) -> HttpResponseBase:
    """One result file, or a part of one; it is shown when a manifest names it."""
    check_alive(attempt)
    path, offset, size = (request.GET.get(name, "") for name in ("path", "offset", "size"))
    if not offset and not size:
        return JsonResponse(arrivals.take_result(attempt, path, request))
    if not (offset.isdecimal() and size.isdecimal()):
        raise IntakeRefused(400, "A part has to tell its offset and the size of the whole file.")
    return JsonResponse(parts.take_part(attempt, path, int(offset), int(size), request))


@intake_call("POST")
def direct(request: HttpRequest, attempt: Attempt, step: str) -> HttpResponseBase:
    """A large result that goes to the storage itself: its begin, a signed address for each part, its end."""
    check_alive(attempt)
    steps = {"begin": direct_results.begin, "part": direct_results.part, "done": direct_results.done}
    return JsonResponse(steps[step](attempt, json_of(request)))


@intake_call("GET")
def known(request: HttpRequest, attempt: Attempt) -> HttpResponseBase:
    """What is here already, for a runner that was started again."""
    check_alive(attempt)
    return JsonResponse(parts.known(attempt))


@intake_call("POST")
def kept(request: HttpRequest, attempt: Attempt) -> HttpResponseBase:
    """Results so far: what the script wants kept while it runs."""
    check_alive(attempt)
    facts = json_of(request)
    check_pod(attempt, facts)
    manifest.keep_so_far(attempt, facts)
    return JsonResponse({})


@intake_call("POST")
def collected(request: HttpRequest, attempt: Attempt) -> HttpResponseBase:
    """The manifest. After the job's end it may still be repeated: the answer may have been lost."""
    facts = json_of(request)
    check_pod(attempt, facts)
    if attempt.collected_at is None:
        check_alive(attempt)
        if attempt.ended_at is None:
            raise IntakeRefused(409, "The script's end has to be reported before its manifest.")
        manifest.collect(attempt, facts)
    pickup.after_collect(attempt)
    return JsonResponse({})
