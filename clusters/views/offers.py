"""What environments and profiles have in common: order, switch, removal, saving. Jobs keep their own snapshot."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from clusters.access import find_cluster, find_part
from clusters.connecting import outside
from clusters.models import Cluster, DriverKind, Image, Profile
from clusters.offering import order
from clusters.offering.image_form import ImageForm
from clusters.offering.profile_form import ProfileForm
from clusters.views.frame import cluster_frame
from teams.access import SignedInRequest, admins_only, sign_in_first

READ_OR_SEND = ["GET", "HEAD", "POST"]


@dataclass(frozen=True)
class Kind:
    """`route` begins the names of its addresses and templates; `name_field` is the field that no two may share."""

    model: type[Image] | type[Profile]
    route: str
    word: str
    article: str
    name_field: str

    @property
    def address_of_list(self) -> str:
        """Its address's name."""
        return f"{self.route}_list"


IMAGE = Kind(Image, "image", "environment", "an", "label")
PROFILE = Kind(Profile, "profile", "profile", "a", "name")


@sign_in_first
@require_POST
@admins_only
def offer_switch(request: SignedInRequest, slug: str, part_id: int, kind: Kind) -> HttpResponse:
    """Offered for new jobs, or not."""
    row = find_part(kind.model, find_cluster(slug), part_id)
    is_on = request.POST.get("on") == "1"
    kind.model._default_manager.filter(pk=row.pk).update(is_enabled=is_on)
    tried = _tried(request, row)
    messages.success(
        request,
        f"{row} is offered again. {tried}".strip() if is_on else f"{row} is no longer offered for new jobs.",
    )
    return redirect(kind.address_of_list, slug)


@sign_in_first
@require_POST
@admins_only
def offer_move(request: SignedInRequest, slug: str, part_id: int, kind: Kind) -> HttpResponse:
    """One place up or down."""
    offers = kind.model._default_manager.filter(cluster=find_cluster(slug))
    order.move(offers, part_id, up=request.POST.get("to") == "up")
    return redirect(kind.address_of_list, slug)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def offer_remove(request: SignedInRequest, slug: str, part_id: int, kind: Kind) -> HttpResponse:
    """Ask once."""
    cluster = find_cluster(slug)
    if request.method == "POST":
        row = kind.model._default_manager.filter(cluster=cluster, pk=part_id).first()
        if row:
            row.delete()
            _tried(request, row)
            messages.success(request, f"{row} was removed.")
        return redirect(kind.address_of_list, slug)
    context = {"kind": kind, "offer": find_part(kind.model, cluster, part_id)}
    return render(request, "clusters/offer_remove.html", cluster_frame(cluster) | context)


def saved(
    request: SignedInRequest, kind: Kind, cluster: Cluster, form: ImageForm | ProfileForm, is_new: bool
) -> HttpResponse | None:
    """Save the valid form and go to the list; None, with an error in the form, where the name was taken meanwhile."""
    try:
        row: Any = form.save()
    except IntegrityError:
        taken = f"Another {kind.word} got this name a moment ago. Choose another name."
        form.add_error(kind.name_field, taken)
        return None
    tell_saved(request, row, is_new)
    return redirect(kind.address_of_list, cluster.slug)


def tell_saved(request: SignedInRequest, row: Image | Profile, is_new: bool) -> None:
    """Say so. Whether nodes can pull an environment's image, and whether it has a shell, the doctor finds out."""
    said = f"{row} was {'added' if is_new else 'saved'}."
    messages.success(request, f"{said} {_tried(request, row)}".strip())


def _tried(request: SignedInRequest, row: Image | Profile) -> str:
    """Call the doctor where environments have changed. What he does then, for those who wait for it."""
    if (
        not isinstance(row, Image)
        or row.cluster.driver != DriverKind.KUBERNETES
        or not row.cluster.is_enabled
    ):
        return ""
    outside.request_visit(row.cluster, request.user)
    return "The doctor tries it now: see Health."
