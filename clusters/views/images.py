"""A cluster's images: list, add, edit, order, switch on and off, remove. Jobs keep their own snapshot."""

from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clusters.access import find_cluster, find_part
from clusters.connecting.page import errors_of
from clusters.models import Cluster, DriverKind, Image
from clusters.offering import order, presets
from clusters.offering.image_form import ImageForm
from clusters.views.frame import cluster_frame
from teams.access import SignedInRequest, admins_only, sign_in_first

READ_OR_SEND = ["GET", "HEAD", "POST"]


@sign_in_first
@require_safe
@admins_only
def image_list(request: SignedInRequest, slug: str) -> HttpResponse:
    """In the order in which they are offered, with what could be added by one click."""
    cluster = find_cluster(slug)
    context = {
        "images": cluster.images.prefetch_related("teams"),
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
def image_edit(request: SignedInRequest, slug: str, image_id: int) -> HttpResponse:
    """Jobs that were sent keep what they were sent with."""
    cluster = find_cluster(slug)
    return _edit(request, cluster, find_part(Image, cluster, image_id))


@sign_in_first
@require_POST
@admins_only
def image_preset(request: SignedInRequest, slug: str) -> HttpResponse:
    """Add a usual environment; a second click adds nothing."""
    cluster = find_cluster(slug)
    preset = next((known for known in presets.IMAGES if known.key == request.POST.get("preset")), None)
    if preset is None or cluster.driver != DriverKind.KUBERNETES:
        raise Http404("There is no such environment to add.")
    messages.success(request, f"{presets.add_image(cluster, preset)} was added.")
    return redirect("image_list", slug)


@sign_in_first
@require_POST
@admins_only
def image_switch(request: SignedInRequest, slug: str, image_id: int) -> HttpResponse:
    """Offered for new jobs, or not."""
    image = find_part(Image, find_cluster(slug), image_id)
    is_on = request.POST.get("on") == "1"
    Image.objects.filter(pk=image.pk).update(is_enabled=is_on)
    messages.success(request, f"{image} is {'offered again' if is_on else 'no longer offered for new jobs'}.")
    return redirect("image_list", slug)


@sign_in_first
@require_POST
@admins_only
def image_move(request: SignedInRequest, slug: str, image_id: int) -> HttpResponse:
    """One place up or down."""
    order.move(find_cluster(slug).images, image_id, up=request.POST.get("to") == "up")
    return redirect("image_list", slug)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def image_remove(request: SignedInRequest, slug: str, image_id: int) -> HttpResponse:
    """Ask once."""
    cluster = find_cluster(slug)
    if request.method == "POST":
        image = Image.objects.filter(cluster=cluster, pk=image_id).first()
        if image:
            image.delete()
            messages.success(request, f"{image} was removed.")
        return redirect("image_list", slug)
    context = {"image": find_part(Image, cluster, image_id)}
    return render(request, "clusters/image_remove.html", cluster_frame(cluster) | context)


def _edit(request: SignedInRequest, cluster: Cluster, image: Image | None) -> HttpResponse:
    form = ImageForm(request.POST if request.method == "POST" else None, cluster, image)
    if request.method == "POST" and form.is_valid():
        try:
            saved = form.save()
        except IntegrityError:
            form.add_error("label", "Another environment got this name a moment ago. Choose another name.")
        else:
            messages.success(request, f"{saved} was {'saved' if image else 'added'}.")
            return redirect("image_list", cluster.slug)
    context: dict[str, Any] = {"form": form, "image": image, "errors": list(errors_of(form))}
    return render(request, "clusters/image_edit.html", cluster_frame(cluster) | context)
