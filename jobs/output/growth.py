"""How much of each stream is stored, written down for what is counted from it (jobs/retention): once a second for all.

The log itself is the truth, and a manifest is checked by it. Several pieces a second of each running job would
otherwise be as many durable transactions.
"""

import atexit
import logging
import threading
from collections import defaultdict
from collections.abc import Iterable

from django.conf import settings
from django.db import Error, connection

from jobs.output.outputlog import STREAMS, sizes

log = logging.getLogger(__name__)
Sizes = dict[int, int]

# A stored stream never shrinks, and two processes may tell the same one. Locked in the order of the ids, as everybody
# does; a row that somebody holds for long (a manifest with thousands of results) is left for the next time.
GROWN = """
WITH told AS (SELECT unnest(%s::bigint[]) AS id, unnest(%s::bigint[]) AS size),
held AS (SELECT attempt.id, told.size FROM jobs_attempt attempt JOIN told ON told.id = attempt.id
    WHERE attempt.{stream}_size < told.size ORDER BY attempt.id FOR NO KEY UPDATE OF attempt {skip})
UPDATE jobs_attempt SET {stream}_size = held.size FROM held WHERE jobs_attempt.id = held.id
    AND jobs_attempt.{stream}_size < held.size
"""
LEFT = """
SELECT attempt.id FROM jobs_attempt attempt
JOIN (SELECT unnest(%s::bigint[]) AS id, unnest(%s::bigint[]) AS size) told ON told.id = attempt.id
WHERE attempt.{stream}_size < told.size
"""


class Growth:
    """What was stored and is not written down yet; `seconds` is how long that may last, 0: not at all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, Sizes] = defaultdict(dict)
        self._timer: threading.Timer | None = None

    def note(self, attempt_id: int, stream: str, size: int, seconds: float) -> None:
        """So much of the stream is stored. Raises DatabaseError where `seconds` is 0."""
        if not seconds:
            _write(stream, {attempt_id: size}, is_waiting=True)
            return
        with self._lock:
            sizes = self._told[stream]
            sizes[attempt_id] = max(size, sizes.get(attempt_id, 0))
            self._due_in(seconds)

    def write(self, seconds: float = 1.0) -> None:
        """Write all of it down now. Where the database is away, it is tried again after `seconds`. Never raises."""
        if not self._told:
            return
        with self._lock:
            told, self._told, self._timer = self._told, defaultdict(dict), None
        try:
            for stream, noted in told.items():
                try:
                    left = _write(stream, noted)
                except Error as error:
                    log.warning("sizes of %s streams are written later: %s", len(noted), type(error).__name__)
                    left = noted
                if left:
                    self._take_back(stream, left, seconds)
        finally:
            connection.close()

    def _take_back(self, stream: str, sizes: Sizes, seconds: float) -> None:
        with self._lock:
            for attempt_id, size in sizes.items():
                self._told[stream][attempt_id] = max(size, self._told[stream].get(attempt_id, 0))
            self._due_in(seconds)

    def _due_in(self, seconds: float) -> None:
        """Call it with the lock."""
        if self._timer is None:
            self._timer = threading.Timer(seconds, self.write, [seconds])
            self._timer.daemon = True
            self._timer.start()


growth = Growth()
# What is left when the process ends.
atexit.register(growth.write)


def note(attempt_id: int, stream: str, size: int) -> None:
    """So much of the stream is stored; the database has it `OUTPUT_SIZE_SECONDS` later."""
    growth.note(attempt_id, stream, size, settings.OUTPUT_SIZE_SECONDS)


def write_stored(attempt_ids: Iterable[int]) -> None:
    """What is stored of these attempts, as their logs say; two statements for all. Raises django.db.Error.

    A row that somebody holds is passed over: that is the manifest, which writes it itself.
    """
    places = {attempt_id: sizes(attempt_id) for attempt_id in attempt_ids}
    for stream in STREAMS:
        if found := {
            attempt_id: size for attempt_id, place in places.items() if (size := getattr(place, stream))
        }:
            _write(stream, found)


def _write(stream: str, sizes: Sizes, *, is_waiting: bool = False) -> Sizes:
    """What is not written, since somebody holds its row; none where that is waited for."""
    values = [list(sizes), list(sizes.values())]
    with connection.cursor() as cursor:
        cursor.execute(GROWN.format(stream=stream, skip="" if is_waiting else "SKIP LOCKED"), values)
        if is_waiting or cursor.rowcount == len(sizes):
            return {}
        cursor.execute(LEFT.format(stream=stream), values)
        return {attempt_id: sizes[attempt_id] for (attempt_id,) in cursor.fetchall()}
