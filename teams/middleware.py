"""What holds on every address: given passwords are changed first, auditors change nothing, denials are noted."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import sync_only_middleware

from teams.access import NotForYou
from teams.audit.denied import note_denied
from teams.models import User
from teams.policy import READ_ONLY, may_send

# Not for browsers: who calls there shows a token, or nothing at all.
WITHOUT_SESSION = ("/intake/", "/static/", "/live/")
READS = ("GET", "HEAD", "OPTIONS")


@sync_only_middleware
def password_change_first(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Lead users whose password was given to them to the page that changes it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(WITHOUT_SESSION):
            return get_response(request)
        if getattr(request.user, "must_change_password", False) and request.path not in _allowed():
            return redirect("account_change_password")
        return get_response(request)

    return middleware


@sync_only_middleware
def auditors_change_nothing(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse whatever an auditor sends, at every address there is or will be, but their own account's (403)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method in READS or request.path.startswith(WITHOUT_SESSION):
            return get_response(request)
        user = request.user
        if isinstance(user, User) and not may_send(user) and request.path not in _own_account():
            note_denied(request, READ_ONLY)
            raise PermissionDenied(READ_ONLY)
        return get_response(request)

    return middleware


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


def _allowed() -> set[str]:
    return {reverse("account_change_password"), reverse("account_logout")}


def _own_account() -> set[str]:
    """Addresses that change nothing but who is signed in, and how."""
    return {*_allowed(), reverse("account_login"), reverse("admin:logout")}
