"""What an admin changes about a cluster: its name and place, whether it is in use, its credentials."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clusters.access import find_cluster, find_connected
from clusters.audited import cluster_shown, connection_shown
from clusters.connecting import outside
from clusters.connecting.given import Given
from clusters.connecting.page import CredentialsPage, errors_of, way_of
from clusters.connecting.settings_form import settings_form
from clusters.connecting.uploads import secrets_come_in
from clusters.connecting.ways import FORMS
from clusters.encryption import NoKey, Undecryptable
from clusters.kubernetes.connection import ConnectionInvalid
from clusters.models import Cluster, KubernetesConnection
from clusters.removing import held, remove
from clusters.views.frame import cluster_frame
from teams.access import SignedInRequest, admins_only, sign_in_first
from teams.audit import record
from teams.audit.values import CHANGED, compared

READ_OR_SEND = ["GET", "HEAD", "POST"]


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def cluster_edit(request: SignedInRequest, slug: str) -> HttpResponse:
    """Name, place, and whether nodes are added on demand. The address of its pages stays."""
    cluster = find_cluster(slug)
    context = cluster_frame(cluster)
    form = settings_form(cluster, context["shown"], request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                before = cluster_shown(cluster)
                form.save()
                changed = compared(before, cluster_shown(cluster))
                if changed.old or changed.new:
                    record(request, "cluster.changed", cluster, old=changed.old, new=changed.new)
        except IntegrityError:
            form.add_error("name", "Another cluster got this name a moment ago. Choose another name.")
        else:
            outside.request_visit(cluster, request.user)
            messages.success(
                request, f"The settings of {cluster.name} were saved. The doctor looks at it now."
            )
            return redirect("cluster_detail", slug)
    cluster.refresh_from_db(fields=["name"])
    context |= {"form": form, "errors": list(errors_of(form))}
    return render(request, "clusters/cluster_edit.html", context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def cluster_switch(request: SignedInRequest, slug: str) -> HttpResponse:
    """On at once; off after it was said what happens to the jobs there."""
    cluster = find_cluster(slug)
    if request.method != "POST":
        return render(request, "clusters/cluster_switch.html", cluster_frame(cluster))
    is_on = request.POST.get("on") == "1"
    word = "on" if is_on else "off"
    with transaction.atomic():
        is_done = Cluster.objects.filter(pk=cluster.pk, is_enabled=not is_on).update(is_enabled=is_on)
        if is_done:
            record(request, f"cluster.switched_{word}", cluster)
    if is_done:
        messages.success(request, f"{cluster.name} was switched {word}.")
    return redirect("cluster_detail", slug)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def cluster_remove(request: SignedInRequest, slug: str) -> HttpResponse:
    """Ask once, and say what is in the way. The jobs that ran there stay in the history."""
    cluster, row = find_connected(slug)
    if request.method == "POST" and _remove(request, cluster, row):
        messages.success(request, f"{cluster.name} was removed; its credentials are forgotten.")
        return redirect("cluster_list")
    context = {"row": row, "held": held(cluster), "is_refused": request.method == "POST"}
    return render(request, "clusters/cluster_remove.html", cluster_frame(cluster) | context)


def _remove(request: SignedInRequest, cluster: Cluster, row: KubernetesConnection) -> bool:
    """False: something is in the way."""
    was, name = connection_shown(row), cluster.name
    with transaction.atomic():
        if not remove(cluster):
            return False
        cluster.name = name  # the row that stays for the history has another
        record(request, "cluster.removed", cluster, old=was)
    return True


@secrets_come_in
@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def cluster_credentials(request: SignedInRequest, slug: str, way: str = "") -> HttpResponse:
    """Replace how the portal shows who it is, while jobs run. An old token is never sent to a new address."""
    cluster, row = find_connected(slug)
    way = way or way_of(row)
    if way not in FORMS:
        raise Http404("There is no such way to connect a cluster.")
    try:
        page = CredentialsPage(request, row, way)
    except (NoKey, Undecryptable) as error:
        messages.error(request, f"The credentials of {cluster.name} cannot be read: {error} Give them anew.")
        return redirect("cluster_credentials_by", slug, "kubeconfig")
    action = request.POST.get("action", "replace") if request.method == "POST" else ""
    if action == "start_over":
        page.forget()
        return redirect("cluster_credentials_by", slug, way)
    if action:
        if _replace(request, row, page):
            page.forget()
            outside.request_visit(cluster, request.user)
            messages.success(request, f"{cluster.name} has new credentials. The doctor looks at it now.")
            return redirect("cluster_detail", slug)
        _keep(page)
    context = {
        "page": page,
        "form": page.form,
        "row": row,
        "token_command": outside.token_command(row.namespace),
    }
    return render(request, "clusters/cluster_credentials.html", cluster_frame(cluster) | context)


def _replace(request: SignedInRequest, row: KubernetesConnection, page: CredentialsPage) -> bool:
    """False: the form says what is wrong."""
    if not page.form.is_valid():
        return False
    try:
        _store(request, row.pk, page.form.given())
    except ConnectionInvalid as invalid:
        page.form.refuse(invalid.field, invalid.sentence)
    except NoKey as error:
        page.form.add_error(None, str(error))
    return not page.form.errors


def _store(request: SignedInRequest, row_id: int, given: Given) -> None:
    """Nothing else of the row is touched: what cluster it is stays known."""
    with transaction.atomic():
        row = KubernetesConnection.objects.select_for_update().get(pk=row_id)
        before = connection_shown(row)
        outside.store(row, given)
        changed = compared(before, connection_shown(row))
        new = changed.new | {"credentials": CHANGED}
        record(request, "cluster.credentials_replaced", row.cluster, old=changed.old, new=new)


def _keep(page: CredentialsPage) -> None:
    try:
        page.keep()
    except NoKey as error:
        page.form.add_error(None, ValidationError(str(error)))
