"""Who acts, from where, in which request."""

from dataclasses import dataclass

from allauth.core.internal.httpkit import get_client_ip
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from teams.models import User


@dataclass(frozen=True)
class Origin:
    """`actor_id` is None for commands, workers, and people who are not signed in."""

    actor_name: str
    actor_id: int | None = None
    address: str = ""
    request_id: str = ""


def origin_of(request: HttpRequest) -> Origin:
    """The person of a request, and where nginx saw the request come from (ALLAUTH_TRUSTED_PROXY_COUNT)."""
    user = getattr(request, "user", None)
    is_known = isinstance(user, User) or bool(getattr(user, "is_authenticated", False))
    return Origin(
        actor_name=name_of(user) if is_known and user else "Somebody who is not signed in",
        actor_id=user.pk if is_known and user else None,
        address=_address_of(request),
        request_id=getattr(request, "request_id", ""),
    )


def name_of(user: User) -> str:
    """The full name with the user name, by which the account is known for certain."""
    full = user.get_full_name()
    return f"{full} ({user.username})" if full else user.username


def _address_of(request: HttpRequest) -> str:
    try:
        return get_client_ip(request) or ""
    except ImproperlyConfigured:  # a header that our proxy did not write
        return ""
