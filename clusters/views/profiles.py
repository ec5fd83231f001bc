"""A cluster's profiles: list, add, edit, order, switch on and off, remove. Jobs keep their own snapshot."""

from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clusters.access import find_cluster, find_part
from clusters.connecting.page import errors_of
from clusters.models import Cluster, DriverKind, Profile
from clusters.names import toleration_text
from clusters.offering import order, presets
from clusters.offering.fitting import Fit, fit_of
from clusters.offering.profile_form import ProfileForm, shown
from clusters.views.frame import cluster_frame
from teams.access import SignedInRequest, admins_only, sign_in_first

READ_OR_SEND = ["GET", "HEAD", "POST"]


@sign_in_first
@require_safe
@admins_only
def profile_list(request: SignedInRequest, slug: str) -> HttpResponse:
    """Each with the number of nodes that it fits, and what could be added by one click."""
    cluster = find_cluster(slug)
    frame = cluster_frame(cluster)
    nodes = frame["shown"].nodes
    is_kubernetes = cluster.driver == DriverKind.KUBERNETES
    context = {
        "profiles": [
            (profile, fit_of(profile, nodes), _lines(profile)) for profile in cluster.profiles.all()
        ],
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
def profile_edit(request: SignedInRequest, slug: str, profile_id: int) -> HttpResponse:
    """Jobs that were sent keep what they were sent with."""
    cluster = find_cluster(slug)
    return _edit(request, cluster, find_part(Profile, cluster, profile_id))


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
    messages.success(request, f"{presets.add_profile(cluster, preset)} was added.")
    return redirect("profile_list", slug)


@sign_in_first
@require_POST
@admins_only
def profile_switch(request: SignedInRequest, slug: str, profile_id: int) -> HttpResponse:
    """Offered for new jobs, or not."""
    profile = find_part(Profile, find_cluster(slug), profile_id)
    is_on = request.POST.get("on") == "1"
    Profile.objects.filter(pk=profile.pk).update(is_enabled=is_on)
    messages.success(
        request, f"{profile} is {'offered again' if is_on else 'no longer offered for new jobs'}."
    )
    return redirect("profile_list", slug)


@sign_in_first
@require_POST
@admins_only
def profile_move(request: SignedInRequest, slug: str, profile_id: int) -> HttpResponse:
    """One place up or down."""
    order.move(find_cluster(slug).profiles, profile_id, up=request.POST.get("to") == "up")
    return redirect("profile_list", slug)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def profile_remove(request: SignedInRequest, slug: str, profile_id: int) -> HttpResponse:
    """Ask once."""
    cluster = find_cluster(slug)
    if request.method == "POST":
        profile = Profile.objects.filter(cluster=cluster, pk=profile_id).first()
        if profile:
            profile.delete()
            messages.success(request, f"{profile} was removed.")
        return redirect("profile_list", slug)
    context = {"profile": find_part(Profile, cluster, profile_id)}
    return render(request, "clusters/profile_remove.html", cluster_frame(cluster) | context)


def _edit(request: SignedInRequest, cluster: Cluster, profile: Profile | None) -> HttpResponse:
    form = ProfileForm(request.POST if request.method == "POST" else None, cluster, profile)
    is_looking = request.POST.get("action") == "look"
    if request.method == "POST" and form.is_valid() and not is_looking:
        try:
            saved = form.save()
        except IntegrityError:
            form.add_error("name", "Another profile got this name a moment ago. Choose another name.")
        else:
            messages.success(request, f"{saved} was {'saved' if profile else 'added'}.")
            return redirect("profile_list", cluster.slug)
    frame = cluster_frame(cluster)
    nodes = frame["shown"].nodes
    context: dict[str, Any] = {"form": form, "profile": profile, "errors": list(errors_of(form))}
    context |= {
        "fit": _fit(form, profile, nodes),
        "resources": sorted({key for node in nodes for key in node.has.gpus}),
    }
    return render(request, "clusters/profile_edit.html", frame | context)


def _fit(form: ProfileForm, profile: Profile | None, nodes: list[Any]) -> Fit | None:
    """Of what was sent, or of what is saved; None where that is not known."""
    if form.is_bound:
        return fit_of(Profile(**form.values()), nodes) if form.is_valid() else None
    return fit_of(profile, nodes) if profile else None


def _lines(profile: Profile) -> list[str]:
    """What narrows the choice of nodes."""
    labels = str(shown(profile)["node_labels"]).splitlines()
    return labels + [f"tolerates {toleration_text(toleration)}" for toleration in profile.tolerations]
