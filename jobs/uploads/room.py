"""No room on the portal's disk: uploads are refused before anything of them is taken."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import sync_only_middleware

from jobs.uploads.incoming import has_room

# A form without large files is read all the same, so that what was typed is kept; then the page says it.
SMALL_BYTES = 1024 * 1024


@sync_only_middleware
def refused_while_full(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer an upload that has no room with 507 and a page, without reading it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if _is_upload(request) and not has_room(int(request.META["CONTENT_LENGTH"])):
            return render(request, "507.html", status=507)
        return get_response(request)

    return middleware


def _is_upload(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or ""
    is_form = request.method == "POST" and request.content_type == "multipart/form-data"
    return is_form and length.isdecimal() and int(length) > SMALL_BYTES
