"""How much is asked of one API server, how much at once, and when it is left alone."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clusters.driver import ClusterUnreachable

LONGEST_PAUSE = 60.0
# Without a word of the server how long.
USUAL_PAUSE = 1.0
# A pause, or a wait for one's turn, that is worth waiting for.
BRIEF = 2.0
# So many calls at once: each has a connection of its own, which is kept for the next one.
AT_ONCE = 16
# After so many failures in a row one call at a time tries whether the server is back.
FAILURES = 3
LONGEST_REST = 10.0


class Pace:
    """At most so many requests a second and in a burst, and none while the server asks for a pause.

    One for all who speak to the same API server from one process. Safe to share between threads.
    """

    def __init__(
        self,
        per_second: float = 200.0,
        burst: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1.0 / per_second
        self._slack = self._gap * (2 * per_second if burst is None else burst)
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._running = threading.BoundedSemaphore(AT_ONCE)
        self._next = 0.0
        self._paused_until = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """While a call runs, from its turn to its answer: AT_ONCE of them at most, and the others wait."""
        with self._running:
            yield

    def take(self, longest: float = BRIEF) -> None:
        """Return when it is one's turn. Raises ClusterUnreachable, at once, if that is more than `longest` seconds."""
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - self._slack) + self._gap
            wait = max(turn - now, self._paused_until - now)
            if wait > longest:
                raise ClusterUnreachable(
                    f"The cluster asks for less: it is asked again in {wait:.0f} s. Nothing is lost meanwhile."
                )
            self._next = turn
        if wait > 0:
            self._sleep(wait)

    def pause(self, seconds: float | None) -> None:
        """The server asked all of us to wait. Not all come back at the same moment."""
        asked = USUAL_PAUSE if seconds is None else min(max(seconds, 0.0), LONGEST_PAUSE)
        with self._lock:
            until = self._clock() + asked * random.uniform(1.0, 1.25)  # noqa: S311
            self._paused_until = max(self._paused_until, until)


class Breaker:
    """Whoever calls a server that does not answer is told at once, and does not wait for it as well."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0
        self._trouble = ""

    def check(self) -> None:
        """Raises ClusterUnreachable while it is not this caller's part to try."""
        if not self._failures:
            return
        with self._lock:
            now = self._clock()
            if self._failures < FAILURES:
                return
            if now < self._next_try:
                raise ClusterUnreachable(f"{self._trouble} It is tried again in a few seconds.")
            self._next_try = now + LONGEST_REST

    def failed(self, trouble: str) -> None:
        """Nothing came back, or nothing whole."""
        with self._lock:
            self._failures += 1
            self._trouble = trouble
            self._next_try = self._clock() + min(2.0 ** (self._failures - FAILURES), LONGEST_REST)

    def answered(self) -> None:
        """The server said something, whatever it was."""
        if self._failures:
            with self._lock:
                self._failures = 0
