"""Who signed in, failed to, signed out, or changed the password: told by Django and allauth, whatever the page."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from allauth.account.signals import password_changed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Q
from django.http import HttpRequest

from teams.audit.origin import Origin, name_of, origin_of
from teams.audit.recording import record
from teams.audit.values import CHANGED
from teams.models import User

# What was typed is not kept: it may be a password, one field too early.
UNKNOWN = "an account that does not exist"


def listen() -> None:
    """Once, when the apps are ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    password_changed.connect(_password_changed, dispatch_uid="audit")


def _signed_in(request: HttpRequest | None, user: User, **signal: Any) -> None:
    record(_of(request, user), "account.signed_in", user)


def _failed(credentials: Mapping[str, Any], request: HttpRequest | None = None, **signal: Any) -> None:
    """allauth counts the attempts and stops asking: an address or an account makes few of these."""
    user = _meant(credentials)
    origin = origin_of(request) if request else Origin("Somebody")
    record(replace(origin, actor_id=None, actor_name="Somebody"), "account.sign_in_failed", user or UNKNOWN)


def _signed_out(request: HttpRequest | None, user: User | None, **signal: Any) -> None:
    if user is not None:
        record(_of(request, user), "account.signed_out", user)


def _password_changed(request: HttpRequest, user: User, **signal: Any) -> None:
    record(_of(request, user), "account.password_changed", user, new={"password": CHANGED})


def _of(request: HttpRequest | None, user: User) -> Origin:
    origin = origin_of(request) if request else Origin("")
    return replace(origin, actor_id=user.pk, actor_name=name_of(user))


def _meant(credentials: Mapping[str, Any]) -> User | None:
    typed = [str(credentials[key]) for key in ("username", "email", "login") if credentials.get(key)]
    found = [User.objects.filter(Q(username=text) | Q(email__iexact=text)).first() for text in typed]
    return next((user for user in found if user), None)
