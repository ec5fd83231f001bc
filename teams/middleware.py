"""A password that somebody else knows is changed before anything else is done."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import sync_only_middleware


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
