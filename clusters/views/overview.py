"""All clusters, and one of them: how it is, what the doctor found, what is free."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from clusters.access import connection_of, find_cluster
from clusters.connecting import outside
from clusters.drivers import portal_url_of
from clusters.models import Cluster, DriverKind, SpaceMode, TeamSpace
from clusters.names import is_loopback
from clusters.shown import ClusterShown, unfinished_jobs
from clusters.shown_visit import ended_visits
from clusters.views.frame import cluster_frame
from teams.access import SignedInRequest, admins_only, readers_of_all_only, sign_in_first
from teams.audit import record
from teams.models import Team


@sign_in_first
@require_safe
@readers_of_all_only
def cluster_list(request: SignedInRequest) -> HttpResponse:
    """Every cluster with its health and what is free; where there is only this machine, how to connect one."""
    clusters = list(Cluster.objects.filter(removed_at=None).select_related("kubernetes", "health"))
    loads, visits = unfinished_jobs(clusters), ended_visits(clusters)
    context = {
        "clusters": [
            ClusterShown(cluster, loads[cluster.pk], visits.get(cluster.pk)) for cluster in clusters
        ],
        "is_first": all(cluster.driver == DriverKind.LOCAL for cluster in clusters),
    }
    return render(request, "clusters/cluster_list.html", context)


@sign_in_first
@require_safe
@readers_of_all_only
def cluster_detail(request: SignedInRequest, slug: str) -> HttpResponse:
    """Health, the last visit line by line, nodes, connection, teams' namespaces."""
    cluster = find_cluster(slug)
    row = connection_of(cluster)
    context = cluster_frame(cluster) | {
        "row": row,
        "spaces": team_spaces(cluster, row.space_mode if row else ""),
    }
    url = portal_url_of(cluster)
    context |= {"portal_url": url, "is_loopback": is_loopback(url)}
    context |= {"images": cluster.images.count(), "profiles": cluster.profiles.count()}
    return render(request, "clusters/cluster_detail.html", context)


@sign_in_first
@require_safe
@readers_of_all_only
def cluster_health(request: SignedInRequest, slug: str) -> HttpResponse:
    """Health, visit and nodes alone: fetched anew while the doctor is there."""
    return render(request, "clusters/_cluster_health.html", cluster_frame(find_cluster(slug)))


@sign_in_first
@require_POST
@admins_only
def cluster_test(request: SignedInRequest, slug: str) -> HttpResponse:
    """Call the doctor; one who is there already is not called twice."""
    cluster = find_cluster(slug)
    visit = cluster_frame(cluster)["visit"]
    if visit and visit.is_running:
        messages.info(request, f"The doctor is at {cluster.name} already.")
    else:
        outside.request_visit(cluster, request.user)
        record(request, "cluster.tested", cluster)
    return redirect("cluster_detail", slug)


def team_spaces(cluster: Cluster, mode: str) -> list[tuple[Team, TeamSpace | None]]:
    """Each team with its namespace, where teams have one of their own."""
    if mode not in (SpaceMode.PREPARED, SpaceMode.MADE):
        return []
    known = {space.team_id: space for space in TeamSpace.objects.filter(cluster=cluster)}
    return [(team, known.get(team.pk)) for team in Team.objects.all()]
