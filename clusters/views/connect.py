"""Connecting a cluster, one of four ways; and the YAML for a cluster in which the portal has no account yet."""

from functools import partial

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from clusters.audited import connection_shown
from clusters.connecting import outside
from clusters.connecting.making import NameTaken, is_same, make_cluster
from clusters.connecting.page import ConnectPage, Paste
from clusters.connecting.place import RUNNER_IMAGE
from clusters.connecting.uploads import secrets_come_in
from clusters.connecting.ways import FORMS
from clusters.encryption import NoKey
from clusters.kubernetes.connection import ConnectionInvalid
from clusters.models import Cluster, KubernetesConnection
from teams.access import SignedInRequest, admins_only, sign_in_first
from teams.audit import record

GO = "go:"
NO_IMAGE = f"No runner image was given, so jobs there use {RUNNER_IMAGE}. Settings has another."


@secrets_come_in
@sign_in_first
@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def cluster_connect(request: SignedInRequest, way: str = "kubeconfig") -> HttpResponse:
    """Ask for what is needed and keep what was typed; once all is right, make the cluster and call the doctor."""
    page = ConnectPage(request, _checked(way))
    action = request.POST.get("action", "connect") if request.method == "POST" else ""
    if action == "start_over":
        page.forget()
        return redirect("cluster_connect_by", way)
    if action == "save" or action.startswith(GO):
        _keep(page)
        return redirect("cluster_connect_by", _checked(action.removeprefix(GO)) if action != "save" else way)
    if action and (cluster := _connect(request, page)):
        page.forget()
        return redirect("cluster_detail", cluster.slug)
    if action:
        _keep(page)
    return render(
        request, "clusters/cluster_connect.html", {"page": page, "form": page.form, "place": page.place}
    )


@sign_in_first
@require_safe
@admins_only
def cluster_paste(request: SignedInRequest) -> HttpResponse:
    """The YAML and the command for another namespace or mode, fetched while they are chosen."""
    paste = _paste(request)
    return render(request, "clusters/_cluster_paste.html", {"paste": paste})


@sign_in_first
@require_safe
@admins_only
def cluster_paste_download(request: SignedInRequest) -> HttpResponse:
    """The YAML as a file."""
    paste = _paste(request)
    name = f'attachment; filename="stellwerk-{paste.namespace}.yaml"'
    return HttpResponse(paste.yaml, content_type="application/yaml", headers={"Content-Disposition": name})


def _paste(request: SignedInRequest) -> Paste:
    asked = request.GET
    return Paste(
        asked.get("namespace", ""), asked.get("space_mode", ""), with_nodes=bool(asked.get("with_nodes"))
    )


def _checked(way: str) -> str:
    if way not in FORMS:
        raise Http404("There is no such way to connect a cluster.")
    return way


def _connect(request: SignedInRequest, page: ConnectPage) -> Cluster | None:
    """The new cluster, or the one that the first of two clicks made; None: the forms say what is wrong."""
    if not page.is_valid:
        return _made_before(request, page)
    try:
        given = page.form.given()
        cluster = make_cluster(page.place, given, partial(_record, request))
    except NameTaken as taken:
        page.place.taken = taken.cluster
        page.place.add_error("name", "Another cluster got this name a moment ago. Choose another name.")
        return _made_before(request, page)
    except ConnectionInvalid as invalid:
        page.form.refuse(invalid.field, invalid.sentence)
    except NoKey as error:
        page.form.add_error(None, str(error))
    else:
        outside.request_visit(cluster, request.user)
        messages.success(request, f"{cluster.name} was added. The doctor looks at it now.")
        if not page.place.data.get("runner_image", "").strip():
            messages.info(request, NO_IMAGE)
        return cluster
    return None


def _record(request: SignedInRequest, cluster: Cluster, row: KubernetesConnection) -> None:
    record(request, "cluster.connected", cluster, new=connection_shown(row))


def _made_before(request: SignedInRequest, page: ConnectPage) -> Cluster | None:
    taken = page.place.taken
    is_all = page.form.is_valid() and set(page.place.errors) == {"name"}
    if taken and is_all and is_same(taken, page.place, page.form.given()):
        messages.info(request, f"{taken.name} was connected already; its credentials are as they were.")
        return taken
    return None


def _keep(page: ConnectPage) -> None:
    try:
        page.keep()
    except NoKey as error:
        page.form.add_error(None, ValidationError(str(error)))
