"""What Celery carries for clusters: the doctor's visits and the short checks. Each may run twice or never."""

import logging
import secrets
from datetime import timedelta

from celery import shared_task
from django.core.cache import cache
from django.db.models import Q
from django.utils import timezone

from clusters import doctor
from clusters.doctor import health as short_form
from clusters.models import Cluster
from clusters.spaces import settle_spaces

log = logging.getLogger(__name__)
CHECK_EVERY = timedelta(seconds=110)
# Longer than a check can last; a worker that dies in one holds the next back so long.
LOCK_SECONDS = 100


@shared_task(name="clusters.visit")
def visit(run_id: int) -> None:
    """The whole visit, within doctor.visits.VISIT_SECONDS."""
    doctor.visit(run_id)


@shared_task(name="clusters.health")
def health() -> None:
    """Ask for the checks that are due, each a task of its own: a sick cluster holds up no other."""
    doctor.sweep_visits()
    doctor.revisit()
    due = Q(health=None) | Q(health__checked_at=None) | Q(health__checked_at__lt=timezone.now() - CHECK_EVERY)
    for cluster_id in Cluster.objects.filter(due, is_enabled=True).values_list("pk", flat=True):
        check.apply_async(args=(cluster_id,), expires=30)


@shared_task(name="clusters.check")
def check(cluster_id: int) -> None:
    """One cluster, now; not while another worker is at it."""
    cluster = Cluster.objects.filter(pk=cluster_id, is_enabled=True).first()
    if cluster is None:
        return
    key, mine = f"cluster-check:{cluster_id}", secrets.token_hex(8)
    if not cache.add(key, mine, timeout=LOCK_SECONDS):
        return
    try:
        short_form.check(cluster)
        # Drift is mended by the way.
        settle_spaces(cluster_id)
    finally:
        if cache.get(key) == mine:
            cache.delete(key)
