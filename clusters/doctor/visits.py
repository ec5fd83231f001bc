"""A visit of the doctor: asked for, done once by a worker, told line by line; and one whose worker died."""

import logging
import secrets
from contextlib import closing
from datetime import timedelta
from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from clusters.doctor.health import remember
from clusters.doctor.lines import Level, Line, Title, works_but_for_environments
from clusters.driver import ClusterRefused
from clusters.models import Cluster, DoctorRun, DriverKind, Image
from teams.models import User

log = logging.getLogger(__name__)
# A visit ends by itself before the broker would give its task to a second worker (visibility_timeout).
VISIT_SECONDS = 200.0
# After so long nobody works on it any more.
LOST_AFTER = timedelta(seconds=280)
# A request whose message was lost is sent again meanwhile.
RESEND_AFTER = timedelta(seconds=15)
# A cluster that was found unusable is looked at again by itself.
AGAIN_AFTER = timedelta(minutes=10)
# Where only an environment is broken the cluster works: so much later.
AGAIN_FOR_ENVIRONMENT = timedelta(hours=1)
# Visits that are kept of a cluster: he may come again for days.
MOST_KEPT = 50
NOT_ENDED = Title("visit", "Visit")


def request_visit(cluster: Cluster, user: User | None) -> DoctorRun:
    """A visit for the cluster; one that is under way already is returned in place of a second."""
    with transaction.atomic():
        # Two clicks at once: the second waits here and finds the first one's visit.
        Cluster.objects.select_for_update(no_key=True).get(pk=cluster.pk)
        for run in DoctorRun.objects.filter(cluster=cluster, ended_at=None):
            if is_running(run):
                return run
        run = DoctorRun.objects.create(cluster=cluster, asked_by=user, nonce=secrets.token_hex(16))
        transaction.on_commit(partial(_send, run.pk), robust=True)
        _forget_old(cluster)
    run.refresh_from_db(fields=["asked_at"])
    return run


def is_running(run: DoctorRun) -> bool:
    """Whether lines are still to come; one whose worker died is not (see `has_come_to_nothing`)."""
    return run.ended_at is None and not has_come_to_nothing(run)


def has_come_to_nothing(run: DoctorRun) -> bool:
    """No worker took it, or the one that did died. It can be asked for again; the sweep writes the line about it."""
    return run.ended_at is None and timezone.now() - (run.started_at or run.asked_at) > LOST_AFTER


def visit(run_id: int) -> None:
    """Do the visit; a second call, or one for a visit that is over, does nothing."""
    taken = DoctorRun.objects.filter(pk=run_id, started_at=None, ended_at=None).update(started_at=Now())
    run = DoctorRun.objects.select_related("cluster").filter(pk=run_id).first()
    if not taken or run is None:
        return
    offered = _offered(run.cluster)
    try:
        if run.cluster.driver == DriverKind.LOCAL:
            _visit_machine(run)
        else:
            _visit_cluster(run)
    finally:
        DoctorRun.objects.filter(pk=run_id, ended_at=None).update(ended_at=Now())
    if _offered(run.cluster) != offered:
        # Who changed them meanwhile was told that they are tried.
        request_visit(run.cluster, None)


def sweep_visits() -> None:
    """Send again what no worker took; end what will not end by itself."""
    now = timezone.now()
    open_runs = DoctorRun.objects.filter(ended_at=None)
    lost = Q(started_at__lt=now - LOST_AFTER) | Q(started_at=None, asked_at__lt=now - LOST_AFTER)
    for run in open_runs.filter(lost):
        line = NOT_ENDED.failed(
            "The visit did not come to its end: its worker was stopped. Ask the doctor again."
        )
        open_runs.filter(pk=run.pk).update(ended_at=Now(), lines=[*run.lines, line.stored()])
    for run in open_runs.filter(started_at=None, asked_at__lt=now - RESEND_AFTER):
        _send(run.pk)


def revisit() -> None:
    """Come again where the last visit found what does not work: it may be mended, and nobody may have asked."""
    newest = DoctorRun.objects.order_by("cluster_id", "-id").distinct("cluster_id")
    for run in newest.filter(cluster__is_enabled=True).select_related("cluster"):
        levels = [(line.get("key", ""), line.get("level", "")) for line in run.lines]
        is_broken = any(level == Level.FAIL for _, level in levels)
        after = AGAIN_FOR_ENVIRONMENT if works_but_for_environments(levels) else AGAIN_AFTER
        if is_broken and run.ended_at is not None and timezone.now() - run.ended_at > after:
            request_visit(run.cluster, None)


def _forget_old(cluster: Cluster) -> None:
    kept = DoctorRun.objects.filter(cluster=cluster).order_by("-id").values("pk")[:MOST_KEPT]
    DoctorRun.objects.filter(cluster=cluster).exclude(ended_at=None).exclude(pk__in=kept).delete()


def _offered(cluster: Cluster) -> set[tuple[str, str, str]]:
    offered = Image.objects.filter(cluster=cluster, is_enabled=True)
    return set(offered.values_list("label", "reference", "pull_secret"))


def _visit_cluster(run: DoctorRun) -> None:
    # Imported here: the web process asks for visits and does without the HTTP client.
    from clusters.doctor.ground import ground_of
    from clusters.doctor.reach import CREDENTIALS
    from clusters.doctor.steps import WHOLE, walk

    try:
        ground = ground_of(run.cluster, VISIT_SECONDS, run)
    except ClusterRefused as refused:
        _write(run, [CREDENTIALS.failed(str(refused))])
        return
    lines: list[Line] = []
    try:
        # Closed at once, or a test pod would stay until the garbage collection.
        with closing(walk(ground, WHOLE)) as found:
            for line in found:
                lines.append(line)
                if not _write(run, lines):
                    return
        remember(ground, lines)
    finally:
        ground.api.close()


def _visit_machine(run: DoctorRun) -> None:
    from clusters.doctor.machine import machine_lines

    _write(run, list(machine_lines()))


def _write(run: DoctorRun, lines: list[Line]) -> bool:
    """False when the visit was ended meanwhile: nobody waits for it any more."""
    stored = [line.stored() for line in lines]
    return bool(DoctorRun.objects.filter(pk=run.pk, ended_at=None).update(lines=stored))


def _send(run_id: int) -> None:
    current_app.send_task("clusters.visit", args=[run_id], expires=LOST_AFTER.total_seconds())
