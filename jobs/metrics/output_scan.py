"""Metrics out of the stored output: lines that begin with the mark, each once, in constant memory."""

from collections.abc import Callable, Iterator

from django.db import transaction

from jobs.metrics import keeping
from jobs.metrics.left_out import LeftOut
from jobs.metrics.line import LONGEST_LINE, MARK, parse
from jobs.models import MetricsTaken
from teams.wording import readable_bytes

BLOCK = 1024 * 1024
# What is stored of stdout from an offset on, of a length at most.
Piece = Callable[[int, int], bytes]


def take(attempt_id: int, start: int, size: int, piece: Piece, data: bytes | None = None) -> bool:
    """After bytes from `start` to `size` were stored: read the lines that are whole by now. True: there were metrics.

    `data` is what was stored, where it is at hand. Without a mark in it this costs one look at it. What a crash left
    out is read with the next mark, or at the end (`finish`).
    """
    data = piece(start, size - start) if data is None else data
    before = min(start, LONGEST_LINE)
    border = piece(start - before, before) + data[: len(MARK)]
    # A line that was cut between two pieces counts with its beginning.
    begins = border.rfind(b"\n", 0, before) + 1
    if MARK not in data and border.find(MARK, begins) < 0:
        return False
    return _read(attempt_id, size, piece, is_final=False)


def finish(attempt_id: int, size: int, piece: Piece) -> bool:
    """Everything that was not read yet, a last line without its end, too."""
    read_to = MetricsTaken.objects.filter(pk=attempt_id).values_list("read_to", flat=True).first()
    if read_to is None and not _has_mark(size, piece):
        return False
    return _read(attempt_id, size, piece, is_final=True)


def say_gap(attempt_id: int, size: int) -> None:
    """So many bytes of stdout were not kept: of a job that tells metrics, some may have been there. May be repeated."""
    with transaction.atomic():
        taken = MetricsTaken.objects.select_for_update(no_key=True).filter(pk=attempt_id).first()
        sentence = (
            f"{readable_bytes(size)} of stdout were not kept: metrics that were told there are not known"
        )
        if taken and sentence not in taken.left_out:
            keeping.note(taken, LeftOut({sentence: 1}))
            taken.save(update_fields=["left_out"])


def _has_mark(size: int, piece: Piece) -> bool:
    """Blocks overlap by a mark's length."""
    return any(MARK in piece(at, BLOCK + len(MARK)) for at in range(0, size, BLOCK))


def _read(attempt_id: int, size: int, piece: Piece, *, is_final: bool) -> bool:
    """A transaction for each block: a crash costs no more than what is read again."""
    has_any = False
    while True:
        with transaction.atomic():
            taken = keeping.held(attempt_id)
            at = taken.read_to
            length = min(BLOCK, size - at)
            block = piece(at, length) if length > 0 else b""
            end = _whole(block, is_final=is_final and at + len(block) >= size)
            if not end:
                return has_any
            left_out = LeftOut()
            is_start = at == 0 or piece(at - 1, 1) == b"\n"
            told = [each for line in lines(block[:end], is_start, left_out) for each in parse(line, left_out)]
            keeping.keep(taken, told, left_out)
            keeping.note(taken, left_out)
            taken.read_to = at + end
            taken.save(update_fields=["read_to", "left_out"])
            has_any = has_any or bool(told)


def _whole(block: bytes, *, is_final: bool) -> int:
    """Where the last whole line of the block ends; of a line that is too long for one, the whole block."""
    if is_final:
        return len(block)
    end = block.rfind(b"\n") + 1
    return end if end or len(block) < BLOCK else len(block)


def lines(block: bytes, is_start: bool, left_out: LeftOut) -> Iterator[bytes]:
    """The lines that begin with MARK; `is_start`: the block begins a line. What a `\\r` took back does not count.

    A line that has it behind something else, as an unfinished progress bar, is left out.
    """
    at = block.find(MARK)
    while at >= 0:
        begin = block.rfind(b"\n", 0, at) + 1
        end = block.find(b"\n", at)
        end = len(block) if end < 0 else end
        line = block[begin:end].removesuffix(b"\r").rpartition(b"\r")[2]
        if line.startswith(MARK) and (begin > 0 or is_start):
            yield line
        elif MARK in line:
            left_out.add(
                "A line has ::stellwerk-metric behind something else: end what is printed before it with a newline"
            )
        at = block.find(MARK, end)
