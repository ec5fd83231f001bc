"""Saved filters: keep the list's address under a name, change it, share it, open the history with it."""

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from jobs.history.filters import Filters
from jobs.history.saved import MOST, filters_of, may_edit, query_of, seen_by, teams_to_share_with
from jobs.models import DefaultView, SavedFilter
from teams.access import SignedInRequest, sign_in_first
from teams.filtering import number, words
from teams.policy import Rights, rights_of

LONGEST_NAME = 60


@sign_in_first
@require_POST
def filter_save(request: SignedInRequest) -> HttpResponse:
    """Keep the filters of an address under a name."""
    asked = Filters.read(QueryDict(request.POST.get("filters", "")))
    name = words(request.POST.get("name", ""), LONGEST_NAME)
    if not name or not asked.is_any:
        messages.error(request, "Give the filters a name, and choose at least one of them.")
    elif SavedFilter.objects.filter(owner=request.user).count() >= MOST:
        messages.error(request, f"You have {MOST} saved filters. Delete one that you no longer need.")
    elif _kept(SavedFilter(owner=request.user, name=name, query=query_of(asked))):
        messages.success(request, f"“{name}” is beside the list from now on.")
    else:
        messages.error(request, _taken(name))
    return redirect(asked.url())


@sign_in_first
@require_http_methods(["GET", "HEAD", "POST"])
def filter_edit(request: SignedInRequest, filter_id: int) -> HttpResponse:
    """Rename it, share it, make it the default view."""
    rights = rights_of(request.user)
    saved = _find(rights, filter_id)
    problem = _change(request, rights, saved) if request.method == "POST" else ""
    if request.method == "POST" and not problem:
        messages.success(request, f"“{saved.name}” was changed.")
        return redirect(filters_of(saved).url())
    teams = teams_to_share_with(rights)
    context = {
        "saved": saved,
        "problem": problem,
        "name": request.POST.get("name", saved.name),
        "back": filters_of(saved).url(),
        "may_edit": may_edit(rights, saved),
        "teams": teams,
        "is_listed": saved.team_id in dict(teams),
    }
    return render(request, "jobs/filter_edit.html", context)


@sign_in_first
@require_POST
def filter_delete(request: SignedInRequest, filter_id: int) -> HttpResponse:
    """Forget the name. No job is touched, and the address still works."""
    rights = rights_of(request.user)
    saved = _find(rights, filter_id)
    if not may_edit(rights, saved):
        raise Http404("There is no such filter.")
    saved.delete()
    messages.success(request, f"“{saved.name}” was deleted. Jobs were not.")
    return redirect("job_list")


def _find(rights: Rights, filter_id: int) -> SavedFilter:
    saved = seen_by(rights).select_related("team", "owner").filter(pk=filter_id).first()
    if saved is None:
        raise Http404("There is no such filter.")
    return saved


def _change(request: SignedInRequest, rights: Rights, saved: SavedFilter) -> str:
    """What is wrong with what was typed; "" when it is changed."""
    if may_edit(rights, saved):
        name, team_id = words(request.POST.get("name", ""), LONGEST_NAME), number(request.POST.get("team"))
        if not name:
            return "Give the filter a name."
        if team_id and team_id != saved.team_id and team_id not in rights.managed_ids:
            return "Only a team's managers share a filter with it."
        saved.name, saved.team_id = name, team_id or None
        if not _kept(saved):
            return _taken(name)
    if request.POST.get("is_default"):
        DefaultView.objects.update_or_create(user=request.user, defaults={"saved": saved})
    else:
        DefaultView.objects.filter(user=request.user, saved=saved).delete()
    return ""


def _kept(saved: SavedFilter) -> bool:
    """False where the owner has another one of this name."""
    try:
        with transaction.atomic():
            saved.save()
    except IntegrityError:
        return False
    return True


def _taken(name: str) -> str:
    return f"There is a saved filter “{name}” already. Take another name."
