"""What those behind all open streams may still see: four statements, however many sessions and jobs there are.

It says of each session what `user_of` (jobs/live/lookups.py) and `jobs_of` (jobs/access.py) say, and only reads: a
session that is over stays for the pages to clear away.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from jobs.models import Job
from teams.models import Membership, User
from teams.policy import Rights, rights_from

Content = Mapping[str, Any]


def visible_ids(wanted: Mapping[str, Collection[int]]) -> dict[str, set[int]]:
    """Which of its jobs each session may still see, by session key; none where nobody is signed in by it."""
    sessions = _signed_in(_sessions(wanted))
    rights = _rights_of({user.pk: user for user in sessions.values()})
    jobs = Job.objects.filter(pk__in=set().union(*wanted.values()), deleted_at=None)
    teams = dict(jobs.values_list("pk", "team_id"))
    return {
        key: _seen(rights[sessions[key].pk], ids, teams) if key in sessions else set()
        for key, ids in wanted.items()
    }


def _sessions(keys: Iterable[str]) -> dict[str, Content]:
    """What is in those sessions that have not expired."""
    found = Session.objects.filter(session_key__in=set(keys), expire_date__gt=timezone.now())
    store = SessionStore()
    return {key: store.decode(data) for key, data in found.values_list("session_key", "session_data")}


def _signed_in(sessions: Mapping[str, Content]) -> dict[str, User]:
    """Who is signed in by each session: Django's get_user, for many."""
    ids = {
        key: user_id
        for key, content in sessions.items()
        if content.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and (user_id := _user_id(content)) is not None
    }
    users = User.objects.filter(is_active=True, must_change_password=False).in_bulk(set(ids.values()))
    hashes = {pk: _hashes_of(user) for pk, user in users.items()}
    return {
        key: users[pk]
        for key, pk in ids.items()
        if pk in users and _is_one_of(sessions[key].get(HASH_SESSION_KEY), hashes[pk])
    }


def _user_id(content: Content) -> int | None:
    try:
        return User._meta.pk.to_python(content.get(SESSION_KEY))
    except ValidationError:  # one session that nobody understands is no reason to look at none
        return None


def _hashes_of(user: User) -> list[str]:
    """Of the password and epoch of now; a session that carries another is over."""
    return [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]


def _is_one_of(told: str | None, hashes: Iterable[str]) -> bool:
    return told is not None and any(constant_time_compare(told, each) for each in hashes)


def _rights_of(users: Mapping[int, User]) -> dict[int, Rights]:
    memberships: dict[int, list[tuple[int, str, str]]] = {pk: [] for pk in users}
    rows = Membership.objects.filter(user__in=list(users))
    for user_id, team_id, name, role in rows.values_list("user_id", "team_id", "team__name", "role"):
        memberships[user_id].append((team_id, name, role))
    return {pk: rights_from(user, memberships[pk]) for pk, user in users.items()}


def _seen(rights: Rights, job_ids: Iterable[int], teams: Mapping[int, int]) -> set[int]:
    """`teams` are those of the jobs that are still there."""
    there = {pk for pk in job_ids if pk in teams}
    if rights.team_ids is None:
        return there
    mine = frozenset(rights.team_ids)
    return {pk for pk in there if teams[pk] in mine}
