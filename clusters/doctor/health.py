"""The short form: how each cluster is, every few minutes, for the clusters page."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from clusters.doctor.lines import Level, Line, worst
from clusters.doctor.machine import machine_capacity, machine_lines
from clusters.driver import ClusterRefused, DriverError
from clusters.models import Cluster, ClusterHealth, DriverKind

if TYPE_CHECKING:
    from clusters.doctor.ground import Ground

log = logging.getLogger(__name__)
CHECK_SECONDS = 45.0


def check(cluster: Cluster) -> None:
    """Look once, and write it down. Bounded by CHECK_SECONDS and one request more."""
    _write(cluster, _of_machine() if cluster.driver == DriverKind.LOCAL else _of_kubernetes(cluster))


def remember(ground: "Ground", lines: Sequence[Line]) -> None:
    """What a whole visit found of what a short check looks at: nobody has to wait for the next one."""
    from clusters.doctor.steps import SHORT

    keys = {title.key for step in SHORT for title in step.titles}
    _write(ground.cluster, _found(ground, [line for line in lines if line.key in keys]))


def _write(cluster: Cluster, values: dict[str, Any]) -> None:
    ClusterHealth.objects.update_or_create(cluster=cluster, defaults={**values, "checked_at": timezone.now()})


def _of_machine() -> dict[str, Any]:
    lines = list(machine_lines())
    found = worst(lines)
    assert found is not None
    sentence = found.sentence if found.level is not Level.PASS else "Jobs run as processes of this machine."
    return {
        "level": found.level,
        "sentence": sentence,
        "capacity": machine_capacity(),
        "latency_ms": 0.0,
        "version": "",
    }


def _of_kubernetes(cluster: Cluster) -> dict[str, Any]:
    from clusters.doctor.ground import ground_of
    from clusters.doctor.steps import SHORT, walk

    try:
        ground = ground_of(cluster, CHECK_SECONDS)
    except ClusterRefused as refused:
        return {"level": Level.FAIL, "sentence": str(refused), "latency_ms": None}
    try:
        lines = list(walk(ground, SHORT))
        _clean_up(ground)
    finally:
        ground.api.close()
    return _found(ground, lines)


def _found(ground: "Ground", lines: list[Line]) -> dict[str, Any]:
    """What is not seen this time (version, capacity) stays as it was last known."""
    known: dict[str, Any] = {"version": ground.version[:40]} if ground.version else {}
    if ground.capacity is not None:
        known["capacity"] = ground.capacity
    level, sentence = summary(_to_tell(lines, sees_nodes=ground.capacity is not None), ground)
    return {"level": level, "sentence": sentence, "latency_ms": ground.latency_ms, **known}


def summary(lines: list[Line], ground: "Ground") -> tuple[Level, str]:
    """The worst line, or that all is well."""
    found = worst(lines)
    if found is not None and found.level in (Level.WARN, Level.FAIL):
        return found.level, found.sentence
    return Level.PASS, f"Kubernetes {ground.version} answers in {ground.latency_ms or 0:.0f} ms."


def _to_tell(lines: list[Line], *, sees_nodes: bool) -> list[Line]:
    """That the nodes may not be seen is an admin's choice and no illness."""
    return [line for line in lines if sees_nodes or line.key != "nodes" or line.level is not Level.WARN]


def _clean_up(ground: "Ground") -> None:
    from clusters.doctor.probing import remove_leftovers
    from clusters.kubernetes.api import ApiRefused

    try:
        remove_leftovers(ground)
    except (ApiRefused, DriverError) as trouble:
        log.info("leftovers of visits to %s: %s", ground.cluster, trouble)
