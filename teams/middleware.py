"""A password that somebody else knows is changed before anything else is done; who is denied something is noted."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import sync_only_middleware

from teams.access import NotForYou
from teams.audit.denied import note_denied


@sync_only_middleware
def password_change_first(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Lead users whose password was given to them to the page that changes it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(("/intake/", "/static/", "/live/")):
            return get_response(request)
        if getattr(request.user, "must_change_password", False) and request.path not in _allowed():
            return redirect("account_change_password")
        return get_response(request)

    return middleware


def _allowed() -> set[str]:
    return {reverse("account_change_password"), reverse("account_logout")}


class NoteDenied:
    """Who is signed in and reaches for what is not theirs leaves an entry in the audit log.

    A void token of a form is none of it (Django's answer, no exception), nor is an address that there is for nobody.
    """

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing of its own."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Called for what a view raised; the answer is Django's."""
        if isinstance(exception, PermissionDenied | NotForYou) and request.user.is_authenticated:
            note_denied(request, str(exception))
