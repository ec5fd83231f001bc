"""The namespaces of teams on a cluster, where an admin makes them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clusters.access import find_connected
from clusters.connecting import outside
from clusters.connecting.fields import Typed
from clusters.connecting.page import errors_of
from clusters.models import Cluster, SpaceMode, TeamSpace
from clusters.names import LABEL, check_namespace
from clusters.views.frame import cluster_frame
from teams.access import SignedInRequest, admins_only, sign_in_first
from teams.audit import record
from teams.models import Team

TAKEN = "This is another team's namespace on this cluster. Each team has one of its own."


class SpaceForm(forms.Form):
    """The namespace of one team."""

    namespace = Typed(check_namespace, required=False, label="Namespace")

    def __init__(self, data: Any, cluster: Cluster, team: Team, space: TeamSpace | None) -> None:
        initial = space.namespace if space else f"stellwerk-{team.slug}"[:63].strip("-")
        super().__init__(data, initial={"namespace": initial})
        self.cluster, self.team, self.is_known = cluster, team, space is not None

    def clean_namespace(self) -> str:
        """Of this team alone."""
        name: str = self.cleaned_data["namespace"]
        if not name:
            raise forms.ValidationError("Give the namespace in which the team's jobs run.")
        others = TeamSpace.objects.filter(cluster=self.cluster, namespace=name).exclude(team=self.team)
        if others.exists():
            raise forms.ValidationError(TAKEN)
        return name

    def save(self) -> None:
        """It is checked anew before the first job runs there. Raises IntegrityError."""
        if "namespace" not in self.changed_data and self.is_known:
            return
        fresh = {
            "namespace": self.cleaned_data["namespace"],
            "is_ready": False,
            "trouble": "",
            "checked_at": None,
        }
        with transaction.atomic():
            TeamSpace.objects.update_or_create(cluster=self.cluster, team=self.team, defaults=fresh)


@sign_in_first
@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def space_edit(request: SignedInRequest, slug: str, team_id: int) -> HttpResponse:
    """Name a team's namespace, and paste what makes it. Raises Http404 where the portal makes them itself."""
    cluster, row = find_connected(slug)
    team = Team.objects.filter(pk=team_id).first()
    if team is None or row.space_mode != SpaceMode.PREPARED:
        raise Http404("Teams have no namespaces here that an admin makes.")
    space = TeamSpace.objects.filter(cluster=cluster, team=team).first()
    form = SpaceForm(request.POST if request.method == "POST" else None, cluster, team, space)
    if request.method == "POST" and form.is_valid() and request.POST.get("action") != "look":
        try:
            with transaction.atomic():
                form.save()
                _record(request, cluster, team, space, form)
        except IntegrityError:
            form.add_error("namespace", TAKEN)
        else:
            messages.success(request, f"{team.name} has the namespace {form.cleaned_data['namespace']}.")
            return redirect("cluster_detail", slug)
    namespace = str(form["namespace"].value() or "")
    asked = TeamSpace(cluster=cluster, team=team, namespace=namespace)
    yaml = outside.team_paste(row, asked) if LABEL.fullmatch(namespace) else ""
    context = cluster_frame(cluster) | {
        "team": team,
        "form": form,
        "errors": list(errors_of(form)),
        "yaml": yaml,
    }
    return render(request, "clusters/space_edit.html", context)


def _record(
    request: SignedInRequest, cluster: Cluster, team: Team, space: TeamSpace | None, form: SpaceForm
) -> None:
    old, new = space.namespace if space else "", form.cleaned_data["namespace"]
    if old != new:
        values = {"old": {"namespace": old}, "new": {"namespace": new}}
        record(request, "cluster.namespace_given", cluster, team=team, **values)
