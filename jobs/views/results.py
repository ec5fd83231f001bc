"""The Results tab, previews, downloads."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from jobs import gallery, results
from jobs.access import find_job
from jobs.file_pages import FilesPage, page_of
from jobs.models import Artifact, Job, Kind
from jobs.previews.grid import order_of
from jobs.previews.kinds import content_type_of, kind_of
from jobs.results_zip import ResultsZip
from jobs.resuming import resumable
from jobs.retention import downloads
from jobs.sending import SANDBOX, address_elsewhere, dress, joined_filename, send_stored
from jobs.store import IN_S3, StoreAway
from jobs.views.frame import job_frame
from jobs.views.gone import gone_answer
from teams.access import SignedInRequest
from teams.filtering import number

PAGE_FILES = 120
# So many files are counted; of more the page says that there are more.
COUNTED = 1_000
MOST_PARTS = 3
PARTS = "Three downloads of these results are under way. Try again when one has ended.\n"
AWAY = "The storage of results does not answer just now; nothing is lost. Try again in a minute.\n"
# A picture or text: an SVG opened by its address may style itself, and that is all.
STILL = f"{SANDBOX}; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
# Chromium shows no PDF in a sandboxed document. Its viewer runs the PDF's own scripts in a process of its
# own, without this origin's rights; the page around it gets none.
PDF = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"
# Reports made by plotly, htmlwidgets or bokeh hold all they need: inline scripts and data. In an origin of
# their own (no allow-same-origin) they have no cookies and no storage, and nothing goes to the network.
ACTIVE = (
    f"{SANDBOX} allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline' data: blob:; img-src data: blob:; font-src data: blob:; media-src data: blob:; "
    "worker-src blob: data:; child-src blob: data:; connect-src 'none'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
POLICIES = {"html": ACTIVE, "pdf": PDF}


@require_safe
@login_required
def job_results(request: SignedInRequest, job_id: int) -> HttpResponse:
    """The tiles, a page of them at a time: `?after=7` and `?before=7` are the pages beside the file 7."""
    job = find_job(request.user, job_id)
    attempt = results.newest_attempt(job)
    files = results.listed(attempt)
    page = page_of(files, PAGE_FILES, number(request.GET.get("after")), number(request.GET.get("before")))
    tiles = results.with_snippets(job, page.files)
    context = {
        "page": page,
        "artifacts": tiles,
        "count": _count(files, page),
        "flags": [*results.flags(job, attempt), *results.lost(tiles)],
        "kept_at": results.kept_at(job, attempt),
        "skipped": results.left_out(attempt),
        "idle_rules": results.rules_without_effect(job, attempt),
        "has_pictures": gallery.has_pictures(attempt),
        "zip_url": reverse("job_results_zip", args=[job.pk]) if tiles else "",
    }
    return render(request, "jobs/job_results.html", job_frame(request, job) | context)


def _count(files: QuerySet[Artifact], page: FilesPage) -> str:
    """How many files there are in all, as people read it: "3", "1,000+"."""
    if not page.previous and not page.next:
        return str(len(page.files))
    count = files.order_by()[: COUNTED + 1].count()
    return f"{COUNTED:,}+" if count > COUNTED else f"{count:,}"


@require_safe
@login_required
def job_gallery(request: SignedInRequest, job_id: int) -> HttpResponse:
    """All pictures, large: `?after=7` and `?before=7` are the pages beside the picture 7."""
    job = find_job(request.user, job_id)
    attempt = results.newest_attempt(job)
    page = gallery.pictures_page(attempt, number(request.GET.get("after")), number(request.GET.get("before")))
    pictures = [results.shown(job, artifact) for artifact in page.files]
    context = {"tab": "results", "page": page, "pictures": pictures}
    return render(request, "jobs/job_gallery.html", job_frame(request, job) | context)


@require_safe
@login_required
def job_results_zip(request: SignedInRequest, job_id: int) -> HttpResponseBase:
    """All results as one .zip, made while it is sent; what was cut goes on."""
    find_job(request.user, job_id)
    if "Range" in request.headers and downloads.parts_of(job_id, Kind.RESULTS) >= MOST_PARTS:
        # Each part reads all that is before it: programs that fetch many at once have to wait.
        return HttpResponse(PARTS, status=503, headers={"Retry-After": "10"}, content_type="text/plain")

    def answer() -> HttpResponseBase:
        # Looked up after the note that it is read: what is here now stays until the last byte is sent.
        job = find_job(request.user, job_id)
        content = ResultsZip(list(results.listed(results.newest_attempt(job))))
        if gone := gone_answer(request, job, Kind.RESULTS):
            return gone
        return dress(resumable(request, content, "application/zip"), joined_filename(job.name, "results.zip"))

    try:
        return downloads.held_while_sent(job_id, Kind.RESULTS, answer)
    except StoreAway:
        return _away()


def _or_gone(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Inside `login_required`: 410, and why, for what is not there because a rule deleted it; 503 for what is away."""

    @wraps(view)
    def checked(request: SignedInRequest, job_id: int, artifact_id: int) -> HttpResponseBase:
        job = find_job(request.user, job_id)
        try:
            return view(request, job, artifact_id)
        except StoreAway:
            return _away()
        except (Http404, FileNotFoundError) as error:
            if gone := gone_answer(request, job, Kind.RESULTS):
                return gone
            raise Http404("There is no such result file.") from error

    return checked


def _away() -> HttpResponse:
    """For programs that go on with a download, and for people."""
    headers = {"Retry-After": "30", "Cache-Control": "no-store"}
    return HttpResponse(AWAY, status=503, headers=headers, content_type="text/plain")


@require_safe
@login_required
@_or_gone
def artifact_detail(request: SignedInRequest, job: Job, artifact_id: int) -> HttpResponse:
    """One file: its preview (`?sort=-3` sorts a table by its third column, largest first), and the way to the next."""
    artifact = results.find_artifact(job, artifact_id)
    previous, following = results.neighbours(artifact)
    context = {
        "job": job,
        "artifact": results.shown(job, artifact),
        "preview": results.preview(job, artifact, order_of(request.GET.get("sort", ""))),
        "previous": previous and results.shown(job, previous),
        "next": following and results.shown(job, following),
    }
    return render(request, "jobs/artifact_detail.html", context)


@require_safe
@login_required
@_or_gone
def artifact_raw(request: SignedInRequest, job: Job, artifact_id: int) -> HttpResponseBase:
    """The content for `<img>` and `<iframe>`: by its name's type, in an origin of its own."""
    artifact = results.find_artifact(job, artifact_id)
    kind = kind_of(artifact.path)
    if kind == "html" and _is_own_page(request):
        # Alone in a tab its script could lead the tab anywhere with the user's rights; in our frame it cannot.
        return redirect("artifact_detail", job.pk, artifact.pk)
    policy = POLICIES.get(kind, STILL)
    content_type = content_type_of(artifact.path)
    dressed = {"content_type": content_type, "as_attachment": False, "policy": policy}
    return _sent(request, job, artifact, **dressed)


@require_safe
@login_required
@_or_gone
def artifact_download(request: SignedInRequest, job: Job, artifact_id: int) -> HttpResponseBase:
    """The content to be saved, as bytes that no browser opens by itself."""
    artifact = results.find_artifact(job, artifact_id)
    if address := address_elsewhere(artifact.key, artifact.name):
        # Whoever is sent there comes within minutes: no rule deletes it before. Noted first, looked for second.
        downloads.begin(job.pk, Kind.RESULTS)
        results.find_artifact(job, artifact_id)
        answer = redirect(address)
        answer["Cache-Control"] = "no-store"
        answer["Referrer-Policy"] = "no-referrer"
        return answer
    return _sent(request, job, artifact)


def _sent(request: SignedInRequest, job: Job, artifact: Artifact, **dressed: Any) -> HttpResponseBase:
    """What is open on our disk is read to its end, whatever becomes of it; in S3 it has to stay there as long."""
    if request.method == "HEAD" or not artifact.key.startswith(IN_S3):
        return send_stored(request, artifact.key, artifact.name, **dressed)

    def answer() -> HttpResponseBase:
        found = results.find_artifact(job, artifact.pk)
        return send_stored(request, found.key, found.name, **dressed)

    return downloads.held_while_sent(job.pk, Kind.RESULTS, answer)


def _is_own_page(request: HttpRequest) -> bool:
    return request.headers.get("Sec-Fetch-Dest") == "document"
