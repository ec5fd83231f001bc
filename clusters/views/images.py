"""A cluster's environments: list, add, edit, usual ones. What they share with profiles: offers.py."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clusters.access import find_cluster, find_part
from clusters.connecting.page import errors_of
from clusters.models import Cluster, DriverKind, Image
from clusters.offering import presets
from clusters.offering.image_form import ImageForm
from clusters.views.frame import cluster_frame
from clusters.views.offers import IMAGE, READ_OR_SEND, added, saved, tell_saved
from teams.access import SignedInRequest, admins_only, readers_of_all_only, sign_in_first


@sign_in_first
@require_safe
@readers_of_all_only
def image_list(request: SignedInRequest, slug: str) -> HttpResponse:
    """In the order in which they are offered, with what could be added by one click."""
    cluster = find_cluster(slug)
    context = {
        "kind": IMAGE,
        "offers": cluster.images.prefetch_related("teams"),
        "presets": presets.image_presets(cluster) if cluster.driver == DriverKind.KUBERNETES else [],
    }
    return render(request, "clusters/image_list.html", cluster_frame(cluster) | context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def image_add(request: SignedInRequest, slug: str) -> HttpResponse:
    """A new environment."""
    return _edit(request, find_cluster(slug), None)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def image_edit(request: SignedInRequest, slug: str, part_id: int) -> HttpResponse:
    """Jobs that were sent keep what they were sent with."""
    cluster = find_cluster(slug)
    return _edit(request, cluster, find_part(Image, cluster, part_id))


@sign_in_first
@require_POST
@admins_only
def image_preset(request: SignedInRequest, slug: str) -> HttpResponse:
    """Add a usual environment; a second click adds nothing."""
    cluster = find_cluster(slug)
    preset = next((known for known in presets.IMAGES if known.key == request.POST.get("preset")), None)
    if preset is None or cluster.driver != DriverKind.KUBERNETES:
        raise Http404("There is no such environment to add.")
    tell_saved(request, added(request, IMAGE, lambda: presets.add_image(cluster, preset)), is_new=True)
    return redirect("image_list", slug)


def _edit(request: SignedInRequest, cluster: Cluster, image: Image | None) -> HttpResponse:
    form = ImageForm(request.POST if request.method == "POST" else None, cluster, image)
    if (
        request.method == "POST"
        and form.is_valid()
        and (answer := saved(request, IMAGE, cluster, form, image is None))
    ):
        return answer
    context: dict[str, Any] = {"form": form, "image": image, "errors": list(errors_of(form))}
    return render(request, "clusters/image_edit.html", cluster_frame(cluster) | context)
