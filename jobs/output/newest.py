"""The newest lines of a stream that has more than is stored of it while its script runs, as pages show them."""

import codecs
import re
from typing import NamedTuple

from jobs.output import outputlog
from jobs.output.holes import extent
from jobs.output.tails import tail_of

SHOWN_BYTES, SHOWN_LINES = 16 * 1024, 200
_TORN = re.compile(rb"\A[\x80-\xbf]{1,3}")


class Newest(NamedTuple):
    """`words` say what lies between the stored lines and `text`, which has no line numbers."""

    stream: str
    words: str
    text: str


def newest_of(attempt_id: int) -> list[Newest]:
    """Of each stream that has some beyond what is stored."""
    return [found for stream in outputlog.STREAMS if (found := _newest(attempt_id, stream))]


def _newest(attempt_id: int, stream: str) -> Newest | None:
    folder = outputlog.folder_of(attempt_id)
    # In this order: what is stored meanwhile is shown twice for a moment, never not at all.
    stored = getattr(outputlog.sizes(attempt_id), stream)
    reached = stored + extent(folder, stream).left_out
    tail = tail_of(folder, stream)
    if tail is None or tail.end <= reached:
        return None
    shown = _last_lines(tail.data[max(0, reached - tail.at) :])
    missing = tail.end - len(shown) - reached
    words = f"The newest lines of {stream}:"
    if missing:
        words = f"{missing:,} bytes of {stream} are not shown while the script runs. Its newest lines:"
    # A character that is not complete yet is left out.
    return Newest(stream, words, codecs.getincrementaldecoder("utf-8")("replace").decode(shown))


def _last_lines(data: bytes) -> bytes:
    """As many as a page shows, from a whole line on or else from a whole character."""
    part = data[-SHOWN_BYTES:]
    if len(part) < len(data):
        begin = part.find(b"\n", 0, -1) + 1
        part = part[begin:] if begin else _TORN.sub(b"", part)
    return b"\n".join(part.split(b"\n")[-SHOWN_LINES - 1 :])
