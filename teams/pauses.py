"""Which pauses hold for a team or on a cluster: one small query, for banners."""

from collections.abc import Collection

from django.db.models import Q

from teams.models import Pause


def pauses_of(team_ids: Collection[int] = (), cluster_ids: Collection[int] = ()) -> list[Pause]:
    """That of everything, and those of these teams and clusters; the widest first. `team` and `cluster` are loaded."""
    everything = Q(team=None, cluster=None)
    found = Pause.objects.filter(everything | Q(team__in=team_ids) | Q(cluster__in=cluster_ids))
    rows = list(found.select_related("team", "cluster"))
    return sorted(rows, key=lambda each: (each.team_id is not None or each.cluster_id is not None, each.pk))
