"""A job's output as events: read once, encoded once, fit for any number of browsers."""

from typing import NamedTuple

from jobs.live.events import message
from jobs.output.outputlog import Place, Reader, sizes

# With what the connection holds back (jobs/live/protocol.py) it is what a browser that stopped reading costs.
READ_BYTES = 32 * 1024
NAMES = {"stdout": "out", "stderr": "err", "stdout-hole": "out-mark", "stderr-hole": "err-mark"}


class Piece(NamedTuple):
    """What came between two places, as the event that says so. A piece with the same start says the same first."""

    start: Place
    end: Place
    event: bytes


class Source:
    """Reads a job's output from a place on, at most from the end of what is stored.

    All of it reads files: that belongs into a thread, one call at a time.
    """

    def __init__(self, attempt_id: int, place: Place) -> None:
        end = sizes(attempt_id)
        self._reader = Reader(attempt_id, Place(min(place.stdout, end.stdout), min(place.stderr, end.stderr)))
        self._told: list[tuple[str, str]] = []

    @property
    def place(self) -> Place:
        """Where the next piece starts."""
        return self._reader.place

    @property
    def is_at_end(self) -> bool:
        """The last look took all there was."""
        return self._reader.is_at_end

    def next(self, most: int = READ_BYTES) -> Piece | None:
        """The next piece, of about `most` bytes; None: nothing more is stored now.

        Words about a hole wait for the first character behind it: a place is never both before and behind them.
        """
        start = self.place
        while self.place == start:
            taken = self._reader.taken
            self._told += self._reader.read(most)
            if self._reader.taken == taken:
                return None
        return self._piece(start)

    def last(self) -> Piece | None:
        """What is left when nothing more will be written: characters that were never completed."""
        start = self.place
        self._told += self._reader.finish()
        return self._piece(start) if self._told else None

    def _piece(self, start: Place) -> Piece:
        named = [[NAMES[stream], text] for stream, text in self._told]
        self._told = []
        return Piece(start, self.place, message({"chunks": named}, place=str(self.place)))
