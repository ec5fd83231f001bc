"""The form of a new job: shown, saved while it is filled in, sent. All of it works by plain multipart forms."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from jobs.models import Draft, Job
from jobs.submission import drafts, submit
from jobs.submission.draft_page import DraftPage, Outcome, other_drafts
from jobs.submission.example_list import available_examples
from jobs.submission.forms import NewJobForm
from jobs.submission.noted import noting
from jobs.submission.offers import offer_for
from jobs.uploads import limits
from jobs.uploads.handler import ReceivedFile
from jobs.uploads.unpacked import Source, Upload, unpacked
from teams.access import SignedInRequest, sign_in_first
from teams.pauses import pauses_of

SENT_BEFORE = "This form was sent already: here is the job that was made of it."
SENT_AND_DELETED = "This form was sent already, and the job that was made of it was deleted."
KEPT = "This is a new form. The one before is kept: it is among the other forms that you have not sent."
CUT_OFF = "The upload was cut off before it was complete, and nothing of it was kept. Upload the files again."


@sign_in_first
@require_http_methods(["GET", "POST"])
def draft_edit(request: SignedInRequest, draft_id: UUID) -> HttpResponse:
    """GET shows the form. POST saves what it was given and then does the `action`; a script gets the changed parts."""
    draft = drafts.find(request.user, draft_id)
    if draft is None:
        return _lead_to_job(request, draft_id)
    if request.method == "GET":
        return _page(request, draft)
    outcome = Outcome()
    if _is_cut_off(request):
        outcome.trouble = CUT_OFF
    else:
        drafts.save_fields(draft_id, request.POST)
        outcome.sources = _keep_files(draft_id, _uploads(request))
    return _answer(request, draft_id, outcome)


def _answer(request: SignedInRequest, draft_id: UUID, outcome: Outcome) -> HttpResponse:
    """Do what was asked, unless something of the upload has to be looked at first."""
    action = _action(request)
    if action in (_run, _start_over):
        if not outcome.is_bad:
            return action(request, draft_id, outcome)
    else:
        action(request, draft_id, outcome)
    draft = drafts.find(request.user, draft_id)
    if draft is None:
        return _lead_to_job(request, draft_id)
    if not _is_script(request) and not outcome.is_bad:
        for note in outcome.notes:
            messages.info(request, note)
        return redirect("draft_edit", draft_id)
    return _page(request, draft, outcome=outcome)


def _action(request: SignedInRequest) -> Callable[[SignedInRequest, UUID, Outcome], HttpResponse | None]:
    for name, action in (("remove", _remove), ("edit", _edit)):
        if name in request.POST:
            return action
    actions = {"run": _run, "add_code": _add_code, "remove_all": _remove_all, "start_over": _start_over}
    return actions.get(request.POST.get("action", "save"), _save)


def _run(request: SignedInRequest, draft_id: UUID, outcome: Outcome) -> HttpResponse:
    """Send the form: to the job, or back to the form with its errors."""
    _add_code(request, draft_id, outcome)
    draft = drafts.find(request.user, draft_id)
    if outcome.is_bad and draft:
        return _page(request, draft, outcome=outcome)
    try:
        done = submit.submit_draft(request.user, draft_id, noting(request))
    except submit.DraftGone:
        return _lead_to_job(request, draft_id)
    except submit.CannotRun as error:
        outcome.trouble = str(error)
        outcome.has_no_room = isinstance(error, submit.NoRoom)
        done = submit.Submission()
    if done.job:
        return redirect(done.job) if not done.job.deleted_at else _lead_to_job(request, draft_id)
    draft = drafts.find(request.user, draft_id)
    return (
        _page(request, draft, outcome=outcome, form=done.form) if draft else _lead_to_job(request, draft_id)
    )


def _start_over(request: SignedInRequest, draft_id: UUID, outcome: Outcome) -> HttpResponse:
    """Another form. The one before stays among those that were not sent."""
    draft = drafts.find(request.user, draft_id)
    if draft is None:
        return _lead_to_job(request, draft_id)
    if drafts.is_empty(draft):
        return redirect("draft_edit", draft_id)
    messages.info(request, KEPT)
    return redirect("draft_edit", drafts.create(request.user, {}).pk)


def _save(request: SignedInRequest, draft_id: UUID, outcome: Outcome) -> None:
    """Saved already."""


def _add_code(request: SignedInRequest, draft_id: UUID, outcome: Outcome) -> None:
    draft = drafts.find(request.user, draft_id)
    source = drafts.add_code(draft) if draft else None
    if source:
        outcome.sources.append(source)


def _remove(request: SignedInRequest, draft_id: UUID, outcome: Outcome) -> None:
    drafts.remove_files(draft_id, request.POST["remove"])


def _remove_all(request: SignedInRequest, draft_id: UUID, outcome: Outcome) -> None:
    drafts.remove_files(draft_id, None)


def _edit(request: SignedInRequest, draft_id: UUID, outcome: Outcome) -> None:
    if draft := drafts.find(request.user, draft_id):
        outcome.trouble = drafts.open_in_editor(draft, request.POST["edit"])


def _is_script(request: SignedInRequest) -> bool:
    """The page's script asks for the parts that may have changed."""
    return "script" in request.POST


def _is_cut_off(request: SignedInRequest) -> bool:
    """The page's form ends with a mark; a body that was cut off (the browser went away) has lost it."""
    return bool(request.FILES) and "begin" in request.POST and "end" not in request.POST


def _keep_files(draft_id: UUID, uploads: list[Upload]) -> list[Source]:
    if not uploads:
        return []
    with unpacked(uploads, limits.from_settings()) as sources:
        drafts.add_files(draft_id, sources)
        return sources


def _uploads(request: SignedInRequest) -> list[Upload]:
    """Files as they are named; those from inside a folder apart."""
    return [*_uploads_of(request, "file", "path"), *_uploads_of(request, "inside", "inside_path")]


def _uploads_of(request: SignedInRequest, name: str, path_name: str) -> list[Upload]:
    """Browsers cut folders off a file's name: the page's script sends each path beside its file."""
    files = [file for file in request.FILES.getlist(name) if isinstance(file, ReceivedFile)]
    paths = request.POST.getlist(path_name) or [str(file.name) for file in files]
    if len(paths) != len(files):
        raise BadRequest(f"{len(files)} files came with {len(paths)} paths.")
    return [
        Upload(path, file, is_inside_folder=name == "inside") for path, file in zip(paths, files, strict=True)
    ]


def _lead_to_job(request: SignedInRequest, draft_id: UUID) -> HttpResponse:
    """The form was sent: to its job. Raises Http404 where there is none, and for a script, which stays where it is."""
    job: Job | None = drafts.job_of(request.user, draft_id)
    if job is None or _is_script(request):
        raise Http404("There is no such form any more.")
    if job.deleted_at:
        messages.info(request, SENT_AND_DELETED)
        return redirect("job_list")
    messages.info(request, SENT_BEFORE)
    return redirect(job)


def _page(
    request: SignedInRequest, draft: Draft, *, outcome: Outcome | None = None, form: NewJobForm | None = None
) -> HttpResponse:
    """The page, or for a script its parts."""
    page = DraftPage(drafts.load(draft, offer_for(request.user)), outcome, form)
    is_bad = page.outcome.is_bad or bool(page.errors)
    teams = [page.team.pk] if page.team else []
    pauses = pauses_of(teams, [page.cluster.pk] if page.cluster else [])
    status = 507 if page.outcome.is_for_space else 422 if is_bad else 200
    if _is_script(request):
        parts = {"page": page, "pauses": pauses}
        return render(request, "jobs/_draft_parts.html", parts, status=status if status == 507 else 200)
    is_empty = drafts.is_empty(draft)
    examples = available_examples(page.offer.images) if is_empty else []
    is_resumed = "resumed" in request.GET and not is_empty
    context = {
        "page": page,
        "pauses": pauses,
        "is_resumed": is_resumed,
        "others": other_drafts(request.user, draft),
        "examples": examples,
    }
    return render(request, "jobs/job_new.html", context, status=status)
