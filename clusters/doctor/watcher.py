"""Looks at the test pod again and again until something is so, or something is in the way."""

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from clusters.doctor import podlook
from clusters.doctor.ground import Ground
from clusters.doctor.podlook import Trouble
from clusters.kubernetes.api import ApiRefused
from clusters.kubernetes.calls import JOB_NAME, batch, core

# The Job's own deadline is later, so that it never speaks first.
PROBE_SECONDS, PAUSE_SECONDS = 150.0, 1.0


@dataclass
class Look:
    """The test pod as the cluster shows it now."""

    job: dict[str, Any]
    pod: dict[str, Any] | None
    events: list[dict[str, Any]]


class Watcher:
    """Looks again and again until something is so, or something is in the way."""

    def __init__(self, ground: Ground, name: str) -> None:
        self._ground, self._name = ground, name
        self._begin = time.monotonic()
        self._end = min(self._begin + PROBE_SECONDS, ground.deadline)
        self._troubled: dict[str, float] = {}
        self.look = Look({}, None, [])

    @property
    def age(self) -> float:
        return time.monotonic() - self._begin

    def _age_of(self, containers: Collection[str]) -> float:
        """The node comes to the others one after the other: patience with one begins with its own trouble."""
        if containers == podlook.OF_A_JOB:
            return self.age
        now = time.monotonic()
        return max((now - self._troubled.get(name, now) for name in containers), default=0.0)

    def until(
        self, is_so: Callable[[Look], bool], containers: Collection[str] = podlook.OF_A_JOB
    ) -> Trouble | None:
        """None when it is so; what keeps `containers` from it. Raises ApiRefused, ClusterUnreachable."""
        while True:
            self.look = self._now()
            if is_so(self.look):
                return None
            trouble = self._trouble(containers, self._age_of(containers))
            if trouble is not None and not (trouble.stage == "unschedulable" and self._may_grow()):
                return trouble
            if time.monotonic() + PAUSE_SECONDS > self._end:
                return self._trouble(containers, math.inf) or Trouble("slow", "")
            time.sleep(PAUSE_SECONDS)

    def _trouble(self, containers: Collection[str], age: float) -> Trouble | None:
        now = self.look
        return podlook.trouble_of(now.job, now.pod, now.events, age, containers)

    def _may_grow(self) -> bool:
        return self._ground.cluster.adds_nodes and time.monotonic() + 2 * PAUSE_SECONDS < self._end

    def _now(self) -> Look:
        api, space = self._ground.api, self._ground.row.namespace
        job = api.get(f"{batch(space)}/jobs/{self._name}")
        pods = (
            api.get(f"{core(space)}/pods", {"labelSelector": f"{JOB_NAME}={self._name}"}).get("items") or []
        )
        look = Look(job, pods[0] if pods else None, [] if pods else self._events())
        now = time.monotonic()
        self._troubled = {name: self._troubled.get(name, now) for name in podlook.in_trouble(look.pod)}
        return look

    def _events(self) -> list[dict[str, Any]]:
        """Of the Job: why it makes no pod. Without the right to read them we know less."""
        query: dict[str, str | int] = {"fieldSelector": f"involvedObject.name={self._name}", "limit": 50}
        try:
            return (
                self._ground.api.get(f"{core(self._ground.row.namespace)}/events", query).get("items") or []
            )
        except ApiRefused:
            return []
