"""Who is asking: a person who is signed in, an admin, an auditor; others are led away before anything is looked up."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from teams.models import User
from teams.policy import ADMINS_ONLY, may_administer, may_read_all, may_send

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
    """Behind `sign_in_first`: for everybody but admins the page is not there (404). Auditors know it is: 403."""

    @wraps(view)
    def checked(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if may_administer(request.user):
            return view(request, *args, **kwargs)
        if may_read_all(request.user):
            raise PermissionDenied(ADMINS_ONLY)
        raise NotForYou("There is no such page.")

    return checked


def readers_of_all_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Behind `sign_in_first`, for pages that change nothing: there for admins and auditors, 404 for others."""

    @wraps(view)
    def checked(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_read_all(request.user):
            raise NotForYou("There is no such page.")
        return view(request, *args, **kwargs)

    return checked


class May:
    """The policy's answers for templates: `{% if may.administer %}`. None of them costs a query."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def administer(self) -> bool:
        """See policy.may_administer."""
        return self._asks(may_administer)

    @property
    def read_all(self) -> bool:
        """See policy.may_read_all."""
        return self._asks(may_read_all)

    @property
    def send(self) -> bool:
        """See policy.may_send."""
        return self._asks(may_send)

    def _asks(self, question: Callable[[User], bool]) -> bool:
        user = getattr(self._request, "user", None)
        return isinstance(user, User) and question(user)


def may_in_templates(request: HttpRequest) -> dict[str, May]:
    """The context processor: no template asks the user's own fields."""
    return {"may": May(request)}


def _came_from(request: HttpRequest) -> str:
    """The page of this portal on which the form was, or the list of jobs."""
    page = urlsplit(request.headers.get("Referer", ""))
    if page.netloc != request.get_host() or not page.path.startswith("/"):
        return "/"
    return page.path + (f"?{page.query}" if page.query else "")
