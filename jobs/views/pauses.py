"""Nothing new starts for a while: in a team, on a cluster, or anywhere. Admins pause and let go on."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from clusters.access import find_cluster
from jobs import hints
from jobs.admission import queues
from jobs.lifecycle import Status
from jobs.models import Job
from teams.access import SignedInRequest, admins_only, sign_in_first
from teams.audit import record
from teams.lookups import find_team
from teams.models import Pause

READ_OR_SEND = ["GET", "HEAD", "POST"]


class PauseForm(forms.Form):
    """The message that people see where they wait."""

    message = forms.CharField(
        max_length=300,
        label="What people are told",
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
        error_messages={"required": "Say why, and until when: people see it where they wait."},
    )


@dataclass(frozen=True)
class Paused:
    """What a pause is of. `keys` are the columns of Pause and of Job at the same time."""

    name: str
    area: str
    keys: dict[str, Any]
    back: str
    here: str


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def team_pause(request: SignedInRequest, slug: str) -> HttpResponse:
    """A team."""
    team = find_team(request.user, slug)
    urls = (reverse("team_use", args=[slug]), reverse("team_pause", args=[slug]))
    return _pause(request, Paused(f"the team {team.name}", "team", {"team": team}, *urls))


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def cluster_pause(request: SignedInRequest, slug: str) -> HttpResponse:
    """A cluster."""
    cluster = find_cluster(slug)
    urls = (reverse("cluster_detail", args=[slug]), reverse("cluster_pause", args=[slug]))
    return _pause(request, Paused(f"the cluster {cluster.name}", "cluster", {"cluster": cluster}, *urls))


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def pause_all(request: SignedInRequest) -> HttpResponse:
    """Everything."""
    return _pause(request, Paused("everything", "portal", {}, reverse("team_list"), reverse("pause_all")))


def _pause(request: SignedInRequest, of: Paused) -> HttpResponse:
    pause = Pause.objects.filter(**{"team": None, "cluster": None} | of.keys).first()
    form = PauseForm(request.POST if request.method == "POST" and pause is None else None)
    if request.method == "POST" and request.POST.get("action") == "resume":
        if pause is not None:
            _resume(request, of, pause)
            messages.success(request, f"{_capital(of.name)} goes on: what waited starts now.")
        return redirect(of.back)
    if request.method == "POST" and pause is None and form.is_valid():
        _begin(request, of, form.cleaned_data["message"])
        messages.success(request, f"{_capital(of.name)} is paused. Running jobs go on.")
        return redirect(of.back)
    jobs = Job.objects.filter(**of.keys)
    running = jobs.filter(status__in=(Status.STARTING, Status.RUNNING, Status.FINISHING)).count()
    waiting = jobs.filter(status=Status.QUEUED).count()
    context = {"of": of, "pause": pause, "form": form, "running": running, "waiting": waiting}
    return render(request, "jobs/pause.html", context)


def _begin(request: SignedInRequest, of: Paused, message: str) -> None:
    with transaction.atomic():
        pause = Pause.objects.create(message=message, by=request.user, **of.keys)
        _record(request, of, "paused", pause, new={"message": message})


def _resume(request: SignedInRequest, of: Paused, pause: Pause) -> None:
    with transaction.atomic():
        _record(request, of, "resumed", pause, old={"message": pause.message})
        pause.delete()
        queues.wake_all_waiting()
        transaction.on_commit(hints.hint_admission, robust=True)


def _record(request: SignedInRequest, of: Paused, word: str, pause: Pause, **values: Any) -> None:
    target = next(iter(of.keys.values()), pause)
    record(request, f"{of.area}.{word}", target, team=of.keys.get("team"), **values)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
