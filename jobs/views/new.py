"""New job from nothing, from an older job and from an example; what a form is made into is in drafts.py."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from jobs.access import find_job
from jobs.bundles import ContentGone
from jobs.models import Kind
from jobs.retention.gone import gone_of
from jobs.submission import drafts, submit
from jobs.submission.example_list import find_example
from jobs.submission.noted import noting
from jobs.uploads.refusal import UploadRefused
from teams.access import SignedInRequest, sign_in_first
from teams.policy import READ_ONLY, may_send

NO_KEY = "The form has no valid key. Reload the page and try again."
# With it the page says that the form is from before: nobody should send what was forgotten in it.
RESUMED = "?resumed=1"


@sign_in_first
@require_GET
def job_new(request: SignedInRequest) -> HttpResponse:
    """Lead to the form that was begun and not sent, or to a new one."""
    if not may_send(request.user):
        raise PermissionDenied(READ_ONLY)
    draft = drafts.resume_or_create(request.user)
    address = reverse("draft_edit", args=[draft.pk])
    return redirect(address if drafts.is_empty(draft) else address + RESUMED)


@sign_in_first
@require_POST
def job_run_again(request: SignedInRequest, job_id: int) -> HttpResponse:
    """The same once more, as a new job of whoever asks."""
    job = find_job(request.user, job_id)
    key = _key(request)
    if key is None:
        return HttpResponseBadRequest(NO_KEY)
    try:
        return redirect(submit.run_again(request.user, job, key, noting(request, again=job.pk)))
    except submit.CannotRun as error:
        messages.error(request, str(error))
        return redirect(job)


@sign_in_first
@require_POST
def job_run_with_changes(request: SignedInRequest, job_id: int) -> HttpResponse:
    """A new form, filled with what the job was given."""
    job = find_job(request.user, job_id)
    try:
        draft = drafts.from_job(request.user, job)
    except ContentGone:
        messages.error(request, "The files of this job are no longer there. Upload them to a new job.")
        return redirect(job)
    if gone := gone_of(job).get(Kind.INPUTS):
        messages.warning(request, f"{gone.sentence} Upload them again here.")
    return redirect("draft_edit", draft.pk)


@sign_in_first
@require_POST
def example_run(request: SignedInRequest, slug: str) -> HttpResponse:
    """One click: the example's job."""
    example = find_example(slug)
    if example is None:
        raise Http404("There is no such example.")
    key = _key(request) if request.POST.get("key") else uuid4()
    if key is None:
        return HttpResponseBadRequest(NO_KEY)
    try:
        return redirect(submit.run_example(request.user, example, key, noting(request, example=example.slug)))
    except (submit.CannotRun, UploadRefused) as error:
        messages.error(request, str(error))
        return redirect("job_list")


def _key(request: SignedInRequest) -> UUID | None:
    """What makes a double click one job."""
    try:
        return UUID(request.POST.get("key", ""))
    except ValueError:
        return None
