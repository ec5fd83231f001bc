"""Run again exactly: an uploaded capsule becomes a filled form."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from jobs.provenance.again import draft_of
from jobs.provenance.opening import open_capsule
from jobs.submission.offers import offer_for
from jobs.uploads import limits
from jobs.uploads.handler import ReceivedFile
from jobs.uploads.incoming import discarding, no_space
from jobs.uploads.refusal import UploadRefused
from teams.access import SignedInRequest, sign_in_first
from teams.policy import READ_ONLY, may_send

NO_FILE = UploadRefused(
    "", "No capsule was chosen.", "Choose the .zip that was downloaded from a job’s page."
)


@sign_in_first
@require_http_methods(["GET", "HEAD", "POST"])
def capsule_open(request: SignedInRequest) -> HttpResponse:
    """GET asks for the archive; POST leads to the form with what it holds, or says why it was not opened."""
    if not may_send(request.user):
        raise PermissionDenied(READ_ONLY)
    if request.method != "POST":
        return render(request, "jobs/capsule_open.html")
    try:
        return _opened(request)
    except UploadRefused as refused:
        return render(request, "jobs/capsule_open.html", {"refused": refused}, status=422)


def _opened(request: SignedInRequest) -> HttpResponse:
    upload = request.FILES.get("capsule")
    if not isinstance(upload, ReceivedFile):
        raise NO_FILE
    with discarding([]) as kept:
        try:
            opened = open_capsule(upload, limits.from_settings(), kept)
        except OSError as error:  # the disk is full
            raise no_space(upload.name or "", upload.size or 0) from error
        draft, notes = draft_of(request.user, opened, offer_for(request.user))
    for note in notes:
        messages.warning(request, note)
    if not notes:
        messages.success(request, "The form holds exactly what ran. Look at it, then run it.")
    return redirect("draft_edit", draft.pk)
