"""A cluster's profiles: list, add, edit, usual ones. What they share with environments: offers.py."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clusters.access import find_cluster, find_part
from clusters.connecting.page import errors_of
from clusters.fitting import Fit, fit_on
from clusters.models import Cluster, DriverKind, Profile
from clusters.names import toleration_text
from clusters.nodes import Node
from clusters.offering import presets
from clusters.offering.profile_form import ProfileForm, shown
from clusters.views.frame import cluster_frame
from clusters.views.offers import PROFILE, READ_OR_SEND, added, saved
from teams.access import SignedInRequest, admins_only, readers_of_all_only, sign_in_first


@sign_in_first
@require_safe
@readers_of_all_only
def profile_list(request: SignedInRequest, slug: str) -> HttpResponse:
    """Each with the number of nodes that it fits, and what could be added by one click."""
    cluster = find_cluster(slug)
    frame = cluster_frame(cluster)
    nodes = frame["shown"].nodes
    is_kubernetes = cluster.driver == DriverKind.KUBERNETES
    context = {
        "kind": PROFILE,
        "offers": [_with_fit(cluster, profile, nodes) for profile in cluster.profiles.all()],
        "presets": presets.profile_presets(cluster, nodes) if is_kubernetes else [],
    }
    return render(request, "clusters/profile_list.html", frame | context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def profile_add(request: SignedInRequest, slug: str) -> HttpResponse:
    """A new profile."""
    return _edit(request, find_cluster(slug), None)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def profile_edit(request: SignedInRequest, slug: str, part_id: int) -> HttpResponse:
    """Jobs that were sent keep what they were sent with."""
    cluster = find_cluster(slug)
    return _edit(request, cluster, find_part(Profile, cluster, part_id))


@sign_in_first
@require_POST
@admins_only
def profile_preset(request: SignedInRequest, slug: str) -> HttpResponse:
    """Add a usual size; a second click adds nothing."""
    cluster = find_cluster(slug)
    offered = presets.sized(cluster_frame(cluster)["shown"].nodes)
    preset = next((known for known in offered if known.key == request.POST.get("preset")), None)
    if preset is None or cluster.driver != DriverKind.KUBERNETES:
        raise Http404("There is no such profile to add.")
    profile = added(request, PROFILE, lambda: presets.add_profile(cluster, preset))
    messages.success(request, f"{profile} was added.")
    return redirect("profile_list", slug)


def _edit(request: SignedInRequest, cluster: Cluster, profile: Profile | None) -> HttpResponse:
    form = ProfileForm(request.POST if request.method == "POST" else None, cluster, profile)
    is_looking = request.POST.get("action") == "look"
    if request.method == "POST" and form.is_valid() and not is_looking:
        answer = saved(request, PROFILE, cluster, form, profile is None)
        if answer:
            return answer
    frame = cluster_frame(cluster)
    nodes = frame["shown"].nodes
    context: dict[str, Any] = {"form": form, "profile": profile, "errors": list(errors_of(form))}
    context |= {
        "fit": _fit(form, cluster, profile, nodes),
        "resources": sorted({key for node in nodes for key in node.has.gpus}),
    }
    return render(request, "clusters/profile_edit.html", frame | context)


def _fit(form: ProfileForm, cluster: Cluster, profile: Profile | None, nodes: list[Node]) -> Fit | None:
    """Of what was sent, or of what is saved; None where that is not known."""
    if form.is_bound:
        return fit_on(cluster, Profile(**form.values()), nodes) if form.is_valid() else None
    return fit_on(cluster, profile, nodes) if profile else None


def _with_fit(cluster: Cluster, profile: Profile, nodes: list[Node]) -> Profile:
    """As a row of the list: with `fit`, and `lines` for what narrows the choice of nodes."""
    labels = str(shown(profile)["node_labels"]).splitlines()
    lines = labels + [f"tolerates {toleration_text(toleration)}" for toleration in profile.tolerations]
    profile.__dict__ |= {"fit": fit_on(cluster, profile, nodes), "lines": lines}
    return profile
