"""What environments and profiles have in common: order, switch, removal, saving. Jobs keep their own snapshot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from clusters.access import find_cluster, find_part
from clusters.audited import offer_changes, offer_shown
from clusters.connecting import outside
from clusters.models import Cluster, DriverKind, Image, Profile
from clusters.offering import order
from clusters.offering.image_form import ImageForm
from clusters.offering.profile_form import ProfileForm
from clusters.views.frame import cluster_frame
from teams.access import SignedInRequest, admins_only, sign_in_first
from teams.audit import record

READ_OR_SEND = ["GET", "HEAD", "POST"]
Row = TypeVar("Row", Image, Profile)


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
    with transaction.atomic():
        if kind.model._default_manager.filter(pk=row.pk, is_enabled=not is_on).update(is_enabled=is_on):
            verb = "switched_on" if is_on else "switched_off"
            record(request, f"{kind.word}.{verb}", row, new={"cluster": row.cluster.name})
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
    cluster = find_cluster(slug)
    offers = kind.model._default_manager.filter(cluster=cluster)
    with transaction.atomic():
        places = _places(offers)
        order.move(offers, part_id, up=request.POST.get("to") == "up")
        if _places(offers) != places and (row := offers.filter(pk=part_id).first()):
            record(
                request, f"{kind.word}.moved", row, new={"cluster": cluster.name, "position": row.position}
            )
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
            with transaction.atomic():
                record(request, f"{kind.word}.removed", row, old=offer_shown(row))
                row.delete()
            _tried(request, row)
            messages.success(request, f"{row} was removed.")
        return redirect(kind.address_of_list, slug)
    context = {"kind": kind, "offer": find_part(kind.model, cluster, part_id)}
    return render(request, "clusters/offer_remove.html", cluster_frame(cluster) | context)


def _places(offers: Any) -> list[int]:
    return list(offers.order_by("position", "pk").values_list("pk", flat=True))


def saved(
    request: SignedInRequest, kind: Kind, cluster: Cluster, form: ImageForm | ProfileForm, is_new: bool
) -> HttpResponse | None:
    """Save the valid form and go to the list; None, with an error in the form, where the name was taken meanwhile."""
    known = form.image if isinstance(form, ImageForm) else form.profile
    before = offer_shown(known) if known else {}
    try:
        with transaction.atomic():
            row: Any = form.save()
            changed = offer_changes(before, row)
            if is_new or changed.old or changed.new:
                verb = "added" if is_new else "changed"
                record(request, f"{kind.word}.{verb}", row, old=changed.old, new=changed.new)
    except IntegrityError:
        taken = f"Another {kind.word} got this name a moment ago. Choose another name."
        form.add_error(kind.name_field, taken)
        return None
    tell_saved(request, row, is_new)
    return redirect(kind.address_of_list, cluster.slug)


def added(request: SignedInRequest, kind: Kind, add: Callable[[], tuple[Row, bool]]) -> Row:
    """What `add` makes, or finds: it says which."""
    with transaction.atomic():
        row, is_new = add()
        if is_new:
            changed = offer_changes({}, row)
            record(request, f"{kind.word}.added", row, new=changed.new)
    return row


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
