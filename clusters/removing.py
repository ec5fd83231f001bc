"""Taking a cluster out of the portal: only when nothing of ours is there any more, and history keeps its name."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from clusters.models import Cluster, DriverKind, KubernetesConnection
from clusters.shown import UNFINISHED


@dataclass(frozen=True)
class Held:
    """What keeps a cluster: jobs that have not ended, and ended ones whose pods are not proven gone."""

    is_on: bool
    unfinished: int
    unremoved: int

    @property
    def is_free(self) -> bool:
        """Nothing does."""
        return not (self.is_on or self.unfinished or self.unremoved)


def held(cluster: Cluster) -> Held:
    """As it is now."""
    jobs = _jobs()
    unfinished = jobs.objects.filter(cluster=cluster, status__in=UNFINISHED)
    ended = jobs.objects.filter(cluster=cluster).exclude(status__in=UNFINISHED)
    unremoved = ended.filter(attempts__in=_attempts().objects.filter(removed_at=None)).distinct()
    return Held(cluster.is_enabled, unfinished.count(), unremoved.count())


def remove(cluster: Cluster) -> bool:
    """Forget its credentials and what it offers. False, and nothing is changed, while something keeps it.

    The row stays where jobs ran there, under a name that says so; its old name may be given again.
    """
    if cluster.driver != DriverKind.KUBERNETES:
        return False
    with transaction.atomic():
        row = Cluster.objects.select_for_update().filter(pk=cluster.pk, removed_at=None).first()
        if row is None or not held(row).is_free:
            return False
        if not _ran_something(row):
            row.delete()
            return True
        KubernetesConnection.objects.filter(cluster=row).delete()
        for part in ("images", "profiles", "visits", "spaces"):
            getattr(row, part).all().delete()
        names = {"name": _name_of_removed(row), "slug": f"removed-{row.pk}"}
        Cluster.objects.filter(pk=row.pk).update(
            removed_at=Now(), unreachable_since=None, trouble="", **names
        )
    return True


def _name_of_removed(cluster: Cluster) -> str:
    """ "Research (removed 2026-11-27)"; with its number where that was given."""
    for words in (f"removed {timezone.now():%Y-%m-%d}", f"removed, {cluster.pk}"):
        name = f"{cluster.name[:50]} ({words})"
        if not Cluster.objects.filter(name=name).exists():
            return name
    return f"Removed cluster {cluster.pk}"


def _ran_something(cluster: Cluster) -> bool:
    """Jobs keep its name; so does what jobs used that were deleted since."""
    usage: Any = Cluster._meta.get_field("usage_sums").related_model
    return any(model.objects.filter(cluster=cluster).exists() for model in (_jobs(), usage))


# Jobs belong to the app above; their rows are known here by their relations alone.
def _jobs() -> Any:
    return Cluster._meta.get_field("jobs").related_model


def _attempts() -> Any:
    return _jobs()._meta.get_field("attempts").related_model
