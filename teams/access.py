"""Who is asking: a person who is signed in, or an admin; everybody else is led away before a page looks anything up."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase

from teams.models import User
from teams.policy import may_read_all

NOTHING_DONE = "You were signed out, so nothing was done. Sign in, and do it again."


class SignedInRequest(HttpRequest):
    """For annotations: the request of a view behind `login_required` or one of these."""

    user: User


class NotForYou(Http404):
    """The page is there, but not for who asks: answered as if it were not, and noted in the audit log."""


def sign_in_first(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """As Django's login_required; but whoever sent a form comes back to the page it was on, and is told.

    The form's own address may answer to nothing but forms.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.method in ("GET", "HEAD"):
            return redirect_to_login(request.get_full_path())
        # A script on the page tells it by itself.
        if request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
            messages.warning(request, NOTHING_DONE)
        return redirect_to_login(_came_from(request))

    return checked


def admins_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Behind `sign_in_first`: for everybody but admins the page is not there (404)."""

    @wraps(view)
    def checked(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_admin:
            raise NotForYou("There is no such page.")
        return view(request, *args, **kwargs)

    return checked


def readers_of_all(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Behind `sign_in_first`: only for who may read what every team does; for others the page is not there (404)."""

    @wraps(view)
    def checked(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_read_all(request.user):
            raise NotForYou("There is no such page.")
        return view(request, *args, **kwargs)

    return checked


def _came_from(request: HttpRequest) -> str:
    """The page of this portal on which the form was, or the list of jobs."""
    page = urlsplit(request.headers.get("Referer", ""))
    if page.netloc != request.get_host() or not page.path.startswith("/"):
        return "/"
    return page.path + (f"?{page.query}" if page.query else "")
