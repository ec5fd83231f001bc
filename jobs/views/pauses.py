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
from jobs.models.job import QUEUED
from teams.access import SignedInRequest, admins_only, sign_in_first
from teams.audit import record
from teams.forms import errors_of
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
    crumb: str

    @property
    def capital(self) -> str:
        """At the beginning of a sentence."""
        return self.name[:1].upper() + self.name[1:]


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def team_pause(request: SignedInRequest, slug: str) -> HttpResponse:
    """A team."""
    team = find_team(request.user, slug)
    urls = (reverse("team_use", args=[slug]), reverse("team_pause", args=[slug]))
    return _pause(request, Paused(f"the team {team.name}", "team", {"team": team}, *urls, team.name))


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def cluster_pause(request: SignedInRequest, slug: str) -> HttpResponse:
    """A cluster."""
    cluster = find_cluster(slug)
    urls = (reverse("cluster_detail", args=[slug]), reverse("cluster_pause", args=[slug]))
    return _pause(
        request, Paused(f"the cluster {cluster.name}", "cluster", {"cluster": cluster}, *urls, cluster.name)
    )


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def pause_all(request: SignedInRequest) -> HttpResponse:
    """Everything."""
    urls = (reverse("team_list"), reverse("pause_all"))
    return _pause(request, Paused("everything", "portal", {}, *urls, "Teams"))


def _pause(request: SignedInRequest, of: Paused) -> HttpResponse:
    """GET says what would happen. POST pauses, or changes the words of a pause; with action=resume it ends it."""
    pause = _found(of)
    is_sent, is_resumed = request.method == "POST", request.POST.get("action") == "resume"
    if is_sent and is_resumed:
        if _resume(request, of):
            messages.success(request, f"{of.capital} goes on: what waited starts as there is room.")
        return redirect(of.back)
    form = PauseForm(request.POST if is_sent else None, initial={"message": pause.message if pause else ""})
    if is_sent and form.is_valid():
        _begin(request, of, form.cleaned_data["message"])
        messages.success(request, f"{of.capital} is paused. Running jobs go on.")
        return redirect(of.back)
    jobs = Job.objects.filter(**of.keys)
    running = jobs.filter(status__in=(Status.STARTING, Status.RUNNING, Status.FINISHING)).count()
    context: dict[str, Any] = {"of": of, "pause": pause, "form": form, "running": running}
    context |= {"waiting": jobs.filter(QUEUED).count(), "errors": list(errors_of(form))}
    return render(request, "jobs/pause.html", context)


def _found(of: Paused) -> Pause | None:
    return Pause.objects.filter(**{"team": None, "cluster": None} | of.keys).first()


def _begin(request: SignedInRequest, of: Paused, message: str) -> None:
    """Of two admins who do it at the same moment one makes the row, and the words of the later one stay."""
    with transaction.atomic():
        key = {"team": None, "cluster": None} | of.keys
        pause, is_new = Pause.objects.select_for_update().get_or_create(
            **key, defaults={"message": message, "by": request.user}
        )
        if not is_new and pause.message == message:
            return
        old = {} if is_new else {"message": pause.message}
        Pause.objects.filter(pk=pause.pk).update(message=message)
        _wake(of)
        _record(request, of, "paused", old=old, new={"message": message})


def _resume(request: SignedInRequest, of: Paused) -> bool:
    """False: somebody else did it a moment ago."""
    with transaction.atomic():
        pause = _found(of)
        if pause is None or not Pause.objects.filter(pk=pause.pk).delete()[0]:
            return False
        _wake(of)
        _record(request, of, "resumed", old={"message": pause.message})
    return True


def _wake(of: Paused) -> None:
    """What waits is told of it, or starts."""
    if "team" in of.keys:
        queues.wake([of.keys["team"].pk])
    else:
        queues.wake_all_waiting()
    transaction.on_commit(hints.hint_admission, robust=True)


def _record(request: SignedInRequest, of: Paused, word: str, **values: Any) -> None:
    target = next(iter(of.keys.values()), None)
    record(request, f"{of.area}.{word}", target, team=of.keys.get("team"), **values)
