"""The collecting side of the local pod: a thread while the script runs, the rest after its end."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from runner.collect import Collector
from runner.kept import Lost
from runner.portal_client import PortalRefused, PortalUnreachable
from runner.volume import Volume

_REFUSALS_UNTIL_STOP = 3
_REFUSED_PAUSE = 2.0


class Delivery:
    """Drives one attempt's collector. The collector's client is used by one thread at a time."""

    def __init__(self, volume: Volume, collector: Collector) -> None:
        self.collector = collector
        self._volume = volume
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self._has_reported = False

    def begin(self, stop_script: Callable[[], None]) -> None:
        """Report the start and ship output in the background, as long as it takes."""
        self.collector.client.deadline = math.inf
        # The end of the script ends a wait for the portal; what was tried is tried again afterwards.
        self.collector.client.give_up = self._is_over.is_set
        self._thread = threading.Thread(target=self._ship, args=(stop_script,), name="collect", daemon=True)
        self._thread.start()

    def finish(self, ended: Mapping[str, Any] | None, lost: Mapping[str, Lost]) -> bool:
        """Deliver the outcome, then the rest. True (and done.json) when the portal has everything.

        Without an outcome (None: the script's container died without a word) the cluster has to tell it. `lost`:
        what the script wrote last and the logs do not have.
        """
        self.join()
        self.collector.settle(lost)
        try:
            if ended is not None:
                if ended.get("exit_code") is not None or ended.get("signal") is not None:
                    self._report_started()
                self._report_ended(ended)
            self.collector.deliver()
        except (PortalRefused, PortalUnreachable) as error:
            sys.stderr.write(f"The portal did not take everything: {error}\n")
            return False
        self._volume.mark("done")
        return True

    def join(self) -> None:
        """End the background shipping; the client may be used by the caller afterwards."""
        if self._thread is not None:
            self._is_over.set()
            self.collector.wake()
            self._thread.join()
            self._thread = None

    def ship_output(self, seconds: float) -> None:
        """Ship what the logs hold now that the script is over, for at most so long."""
        self.join()
        self.collector.settle({})
        self.collector.client.deadline = time.monotonic() + seconds
        try:
            self.collector.ship_rest()
        except (PortalRefused, PortalUnreachable) as error:
            sys.stderr.write(f"The portal did not take the output: {error}\n")

    def _report_started(self) -> None:
        if not self._has_reported:
            self.collector.report_started()
            self._has_reported = True

    def _report_ended(self, ended: Mapping[str, Any]) -> None:
        try:
            self.collector.report_ended(ended)
        except PortalRefused as refusal:
            if refusal.status != 409:
                raise
            sys.stderr.write(f"The portal knows another end: {refusal}\n")

    def _ship(self, stop_script: Callable[[], None]) -> None:
        refusals = 0
        while not self._is_over.is_set():
            try:
                self._report_started()
                self.collector.tick()
                refusals = 0
            except PortalUnreachable:
                continue
            except PortalRefused as refusal:
                # Nothing of this attempt will ever be wanted again; asked thrice, because a stop is final.
                refusals += 1
                sys.stderr.write(f"The portal refuses this attempt: {refusal}\n")
                if refusals >= _REFUSALS_UNTIL_STOP:
                    stop_script()
                    return
                self._is_over.wait(_REFUSED_PAUSE)
