"""When the intake has stored something, metrics are looked for in it. No trouble here reaches the runner."""

import logging
from collections.abc import Callable

from django.db import DatabaseError

from jobs.metrics import file_scan, output_scan
from jobs.models import Attempt
from jobs.output import outputlog
from jobs.output.holes import extent

log = logging.getLogger(__name__)


def after_output(attempt: Attempt, stream: str, start: int, size: int, data: bytes | None = None) -> None:
    """Bytes of a stream from `start` to `size` are stored: `data`, where they are at hand. Never raises."""
    if stream == "stdout":
        piece = _stdout_of(attempt.pk)
        _try(attempt, lambda: output_scan.take(attempt.pk, start, size, piece, data))


def after_collect(attempt: Attempt) -> None:
    """All output and all results are there. May be repeated. Never raises."""
    size = outputlog.sizes(attempt.pk).stdout
    _try(attempt, lambda: output_scan.finish(attempt.pk, size, _stdout_of(attempt.pk)))
    if gap := extent(outputlog.folder_of(attempt.pk), "stdout").left_out:
        _try(attempt, lambda: output_scan.say_gap(attempt.pk, gap))
    _try(attempt, lambda: file_scan.take(attempt.pk))


def _stdout_of(attempt_id: int) -> output_scan.Piece:
    path = outputlog.folder_of(attempt_id) / "stdout.log"

    def piece(start: int, length: int) -> bytes:
        try:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(length)
        except FileNotFoundError:
            return b""

    return piece


def _try(attempt: Attempt, look: Callable[[], object]) -> None:
    try:
        look()
    except (DatabaseError, OSError, ValueError, ArithmeticError):
        log.exception("metrics of attempt %s", attempt.pk)
