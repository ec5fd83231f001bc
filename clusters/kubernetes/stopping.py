"""A stop that is not heard: a pod's first process that ignores TERM would otherwise keep its pod for an hour.

The pod's grace time is long, so that `collect` can bring everything home after the script. It is cut short only
while the script, or what comes before it, still runs long after it was told to end: nothing more will come of it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.calls import JOB_NAME, Object, core, list_all, unless_missing
from clusters.kubernetes.manifests import COLLECT_SECONDS

# After the script's own grace time.
PATIENCE_SECONDS = 15.0
# From then on the first process is killed after so many seconds; `collect` has a little longer.
HURRY_SECONDS = 5
MOST_REMEMBERED = 10_000


class Hurry:
    """Remembers since when a pod is being stopped, by its own clock. Safe to share between threads."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self.api = api
        self._clock = clock
        self._lock = threading.Lock()
        self._since: OrderedDict[str, float] = OrderedDict()

    def press(self, name: str, space: str) -> None:
        """The Job was suspended before: end those of its pods that did not hear it. Raises ApiRefused, DriverError."""
        for pod in list_all(self.api, f"{core(space)}/pods", {"labelSelector": f"{JOB_NAME}={name}"}):
            if self._is_deaf(pod):
                self._end(pod, space)

    def _is_deaf(self, pod: Object) -> bool:
        metadata = pod["metadata"]
        if not metadata.get("deletionTimestamp") or _is_done(pod):
            return False
        with self._lock:
            since = self._since.setdefault(metadata["uid"], self._clock())
            while len(self._since) > MOST_REMEMBERED:
                self._since.popitem(last=False)
        grace = int(pod["spec"].get("terminationGracePeriodSeconds") or 0) - COLLECT_SECONDS
        is_short = int(metadata.get("deletionGracePeriodSeconds") or 0) <= HURRY_SECONDS
        return not is_short and self._clock() - since > max(grace, 0) + PATIENCE_SECONDS

    def _end(self, pod: Object, space: str) -> None:
        metadata = pod["metadata"]
        options = {"gracePeriodSeconds": HURRY_SECONDS, "preconditions": {"uid": metadata["uid"]}}
        try:
            unless_missing(lambda: self.api.delete(f"{core(space)}/pods/{metadata['name']}", options))
        except ApiRefused as refused:
            if refused.status != 409:  # another pod of that name: ours is gone
                raise


def _is_done(pod: Object) -> bool:
    """The script is over, or will never begin: `collect` alone may have something to do."""
    status = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return True
    mains = [each for each in status.get("containerStatuses") or [] if each.get("name") == "main"]
    return any("terminated" in (each.get("state") or {}) for each in mains)
