"""What Stellwerk itself says on a job's output, beside the script's lines: never a byte of the stored streams."""

from django.conf import settings

from jobs.models import Attempt
from jobs.output import outputlog
from jobs.output.holes import Extent
from teams.wording import readable_bytes

# The runner cuts the beginning that is kept between lines, so it may be a little shorter than half of the limit.
NEAR_HALF = 128 * 1024
UNKNOWN = (
    "The connection to the script was lost here. What it wrote after this line, if anything, did not arrive; "
    "how much that was is not known."
)
_REASONS = {
    "time_limit": "its time limit was reached",
    "out_of_memory": "it used more memory than its profile has",
    "stopped": "it was told to stop",
    "cpu_limit": "it used more CPU time than its limit",
    "file_limit": "a file became larger than its profile's disk",
}


def so_far(attempt_id: int) -> str:
    """While the script runs and writes more than is kept of its beginning: how much, "" otherwise."""
    parts = []
    half = settings.OUTPUT_MAX_BYTES // 2
    sizes = outputlog.sizes(attempt_id)
    for stream, known in outputlog.extents(attempt_id).items():
        stored = getattr(sizes, stream)
        if not known.holes and known.missing_after(stored) and stored >= half - min(half // 2, NEAR_HALF):
            parts.append(_so_far(stream, known))
    return " ".join(parts)


def _so_far(stream: str, known: Extent) -> str:
    rest = "its end is kept and shown when the script is over"
    if known.written > settings.OUTPUT_MAX_BYTES:
        rest = (
            f"that is more than {readable_bytes(settings.OUTPUT_MAX_BYTES)}: {rest}, the middle is left out"
        )
    return f"The script has written {known.written:,} bytes to {stream} so far; {rest}."


def ending(attempt: Attempt) -> list[str]:
    """What comes behind the last line of an attempt whose job is over: what is missing there, and how it ended."""
    sizes = outputlog.sizes(attempt.pk)
    found = []
    for stream, known in outputlog.extents(attempt.pk).items():
        stored = getattr(sizes, stream)
        found += [_of(stream, hole.words) for hole in known.holes if hole.at >= stored]
        if attempt.collected_at is None and (missing := known.missing_after(stored)):
            found.append(f"{stream}: {missing:,} bytes that the script wrote after this never arrived.")
    if attempt.started_at and attempt.ended_at is None and attempt.collected_at is None and not found:
        found.append(UNKNOWN)
    if attempt.end_message:
        found.append(f"The script was not started: {attempt.end_message}")
    elif end := _end(attempt):
        found.append(end)
    return found


def _of(stream: str, words: str) -> str:
    return f"{stream}: {words}"


def _end(attempt: Attempt) -> str:
    if attempt.ended_at is None:
        return ""
    how = f"signal {attempt.signal}" if attempt.signal else f"exit code {attempt.exit_code}"
    if attempt.signal is None and attempt.exit_code is None:
        return "The script was stopped before it had started."
    why = _REASONS.get(attempt.end_reason, "")
    return f"The script ended with {how}{': ' if why else ''}{why}."
