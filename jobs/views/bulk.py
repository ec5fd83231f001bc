"""One action on many jobs: on those that were selected, or on all that match the filters."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from jobs.access import jobs_of
from jobs.bulk.acts import ACTIONS, Action, Choice, apply, choose, jobs_in_words
from jobs.bulk.running import AT_ONCE, MOST, matching, read_query
from jobs.history.filters import ACTIVE_WORD, Filters
from jobs.history.overview import find_counts
from jobs.history.saved import query_of
from jobs.history.searching import with_owner
from jobs.lifecycle import ACTIVE
from jobs.models import BulkRun, Job
from jobs.provenance.asked import Asked as Compared
from jobs.submission.typed import Mistyped, split_tags
from jobs.views.actions import back_of
from teams.access import SignedInRequest, sign_in_first
from teams.audit import origin_of
from teams.filtering import number
from teams.policy import Rights, rights_of

VERBS = {"cancel": "Cancel", "delete": "Delete", "again": "Run again", "tag": "Change tags of"}
VERBS |= {"pin": "Pin", "unpin": "Unpin"}
# What can be taken back is done to selected jobs without a question.
UNASKED = frozenset({"pin", "unpin"})
DONE = {
    "cancel": ("is being cancelled", "are being cancelled"),
    "delete": ("was deleted", "were deleted"),
    "pin": ("is pinned", "are pinned"),
    "unpin": ("is no longer pinned", "are no longer pinned"),
    "again": ("was sent again", "were sent again"),
    "tag": ("has other tags now", "have other tags now"),
}


@dataclass
class Asked:
    """What a form says. `all_of`: the filters whose jobs all are meant, None for those that were ticked."""

    action: str
    back: str
    all_of: Filters | None
    added: list[str]
    removed: list[str]
    key: UUID
    problem: str = ""

    @property
    def has_tags(self) -> bool:
        """Whether any are named, and all of them understood."""
        return bool(self.added or self.removed) and not self.problem


@sign_in_first
@require_POST
def job_bulk(request: SignedInRequest) -> HttpResponse:
    """Ask once, with numbers; then do it to those that the user may change, or begin to in the background."""
    if request.POST.get("action") == "compare":
        return redirect(Compared.read(request.POST).url())
    if request.POST.get("action") not in ACTIONS:
        return HttpResponseBadRequest(
            "Choose what to do with the jobs: cancel, pin, unpin, run again, change tags or delete."
        )
    asked, rights = _read(request), rights_of(request.user)
    if asked.all_of is None:
        ids = [number(value) for value in request.POST.getlist("job")[:AT_ONCE]]
    elif asked.all_of.misspelt:
        return HttpResponseBadRequest(asked.all_of.misspelt)
    else:
        page = matching(rights.team_ids, asked.all_of)
        if page.has_more or page.edge:
            return _in_background(request, asked, rights)
        ids = page.ids
    jobs = jobs_of(request.user).filter(pk__in=ids).order_by("-pk")
    choice = choose(asked.action, jobs.select_related("owner", "cluster", "team", "image", "profile"), rights)
    if choice.jobs and asked.action not in UNASKED and not _is_confirmed(request, asked):
        return _ask(request, asked, {"choice": choice, "jobs": choice.jobs, "number": len(choice.jobs)})
    _report(request, asked.action, apply(_action(request, asked), choice), choice)
    return redirect(asked.back)


@login_required
@require_safe
def bulk_progress(request: SignedInRequest, run_id: int) -> HttpResponse:
    """How far it is."""
    run = _find(request, run_id)
    context = {
        "run": run,
        "done": jobs_in_words(run.done),
        "verb": DONE[run.action][run.done != 1],
        "left_alone": Choice(left_alone=Counter(run.left_alone)).sentences,
        "most": MOST[run.action],
        "is_full": run.seen >= MOST[run.action],
        "back": read_query(run.query).url(),
    }
    return render(request, "jobs/bulk_progress.html", context)


@sign_in_first
@require_POST
def bulk_stop(request: SignedInRequest, run_id: int) -> HttpResponse:
    """Stop it after the page at which it is."""
    run = _find(request, run_id)
    BulkRun.objects.filter(pk=run.pk, stop_asked_at=None).update(stop_asked_at=timezone.now())
    return redirect(run)


def _find(request: SignedInRequest, run_id: int) -> BulkRun:
    run = BulkRun.objects.filter(pk=run_id, owner=request.user).first()
    if run is None:
        raise Http404("There is no such action.")
    return run


def _read(request: SignedInRequest) -> Asked:
    posted, problem = request.POST, ""
    tags: dict[str, list[str]] = {"added": [], "removed": []}
    for name in tags:
        try:
            tags[name] = split_tags(posted.get(name, ""))
        except Mistyped as error:
            problem = str(error)
    try:
        key = UUID(posted.get("key", ""))
    except ValueError:
        key = uuid4()
    all_of = read_query(posted.get("filters", "")) if posted.get("all") else None
    back = back_of(request, reverse("job_list"))
    return Asked(posted["action"], back, all_of, tags["added"], tags["removed"], key, problem)


def _is_confirmed(request: SignedInRequest, asked: Asked) -> bool:
    is_told = asked.action != "tag" or asked.has_tags
    return request.POST.get("confirmed") == "yes" and is_told


def _action(request: SignedInRequest, asked: Asked) -> Action:
    tags = (tuple(asked.added), tuple(asked.removed))
    return Action(asked.action, request.user, origin_of(request), asked.key, *tags)


def _ask(request: SignedInRequest, asked: Asked, context: dict[str, Any]) -> HttpResponse:
    if request.POST.get("confirmed") and asked.action == "tag" and not asked.problem:
        asked.problem = "Name at least one tag to add or to take away."
    filters = query_of(asked.all_of) if asked.all_of else ""
    typed = {name: request.POST.get(name, "") for name in ("added", "removed")}
    context |= {"action": asked.action, "verb": VERBS[asked.action], "asked": asked, "next": asked.back}
    context |= {"filters": filters, "typed": typed}
    return render(request, "jobs/job_bulk_confirm.html", context)


def _in_background(request: SignedInRequest, asked: Asked, rights: Rights) -> HttpResponse:
    """More than are done at once."""
    assert asked.all_of is not None
    if not _is_confirmed(request, asked):
        words = _how_many(rights, asked.all_of)
        return _ask(request, asked, {"is_all": True, "number_words": words, "most": MOST[asked.action]})
    newest = Job.objects.order_by("-pk").values_list("pk", flat=True)[:1]
    run = BulkRun.objects.create(
        owner=request.user,
        action=asked.action,
        options={"added": asked.added, "removed": asked.removed},
        query=query_of(asked.all_of),
        origin=asdict(origin_of(request)),
        before=max(newest, default=0) + 1,
    )
    return redirect(run)


def _how_many(rights: Rights, asked: Filters) -> str:
    overview = find_counts(rights.team_ids, with_owner(asked))
    wanted = asked.statuses if asked.status != ACTIVE_WORD else [str(status) for status in ACTIVE]
    total = sum(count for status, count in overview.counts.items() if not wanted or status in wanted)
    if total <= AT_ONCE:
        return f"more than {AT_ONCE:,}"
    if overview.is_lower_bound:
        return f"at least {total:,}"
    return f"{total:,}"


def _report(request: SignedInRequest, action: str, done: int, choice: Choice) -> None:
    if done:
        messages.success(request, f"{jobs_in_words(done)} {DONE[action][done != 1]}.")
    for sentence in choice.sentences:
        messages.info(request, sentence)
    if not done and not choice.left_alone:
        messages.info(request, "No job was selected that is still there.")
