"""What one check says of many sessions is what Django and the pages say of each, in as many statements for all."""

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.access import jobs_of
from jobs.live.lookups import user_of
from jobs.live.rights import visible_ids
from jobs.models import Job
from teams.models import Membership, Role, User
from tests import cast
from tests.jobs.live.live_reader import session_of

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
# How somebody loses what is left to see, and who it is.
WAYS = {
    "removed": ("member", lambda user, key: user.memberships.all().delete()),
    "removed as a manager": ("manager", lambda user, key: user.memberships.all().delete()),
    "disabled": ("member", lambda user, key: change(user, is_active=False)),
    "an admin is disabled": ("admin", lambda user, key: change(user, is_active=False)),
    "signed out": ("member", lambda user, key: Session.objects.filter(pk=key).delete()),
    "signed out everywhere": ("member", lambda user, key: change(user, session_epoch=F("session_epoch") + 1)),
    "session expired": (
        "member",
        lambda user, key: Session.objects.filter(pk=key).update(expire_date=timezone.now()),
    ),
    "password changed": ("member", lambda user, key: change(user, password="md5$another$one")),
    "has to change the password": ("member", lambda user, key: change(user, must_change_password=True)),
    "no admin any more": ("admin", lambda user, key: change(user, is_superuser=False)),
    "no auditor any more": ("auditor", lambda user, key: change(user, is_auditor=False)),
    "deleted": ("member", lambda user, key: user.delete()),
}


def change(user, **fields):
    User.objects.filter(pk=user.pk).update(**fields)


def one_by_one(wanted):
    """What Django's get_user and the pages' look-up say of each session. It may clear sessions away."""
    users = {key: user_of(key) for key in wanted}
    return {
        key: set(jobs_of(users[key]).filter(pk__in=ids).values_list("pk", flat=True)) if users[key] else set()
        for key, ids in wanted.items()
    }


@pytest.fixture
def jobs(make_job, charlie):
    """Of the team, of Charlie's, and one that is deleted."""
    return [make_job(), make_job(), make_job(owner=charlie), make_job(deleted_at=timezone.now())]


@pytest.fixture
def people(team):
    return {
        "member": cast.new_user("member", team),
        "colleague": cast.new_user("colleague", team),
        "manager": cast.new_user("manager", team, role=Role.MANAGER),
        "admin": cast.new_user("admin", is_superuser=True),
        "auditor": cast.new_user("auditor", is_auditor=True),
        "in no team": cast.new_user("nobody"),
    }


@pytest.fixture
def keys(people):
    """Two browsers of each person."""
    return {(name, browser): session_of(user) for name, user in people.items() for browser in (1, 2)}


@pytest.fixture
def wanted(keys, jobs):
    return {key: {job.pk for job in jobs} for key in keys.values()}


def test_everybody_sees_what_the_pages_show(keys, wanted, jobs):
    of_team, of_all = {job.pk for job in jobs[:2]}, {job.pk for job in jobs[:3]}
    seen = visible_ids(wanted)
    assert {name: seen[key] for (name, _), key in keys.items()} == {
        "member": of_team,
        "colleague": of_team,
        "manager": of_team,
        "admin": of_all,
        "auditor": of_all,
        "in no team": set(),
    }
    assert seen == one_by_one(wanted)


@pytest.mark.parametrize("way", WAYS)
def test_exactly_the_one_loses_it(people, keys, wanted, way):
    name, lose = WAYS[way]
    before = visible_ids(wanted)
    lose(people[name], keys[name, 1])
    seen = visible_ids(wanted)
    lost = {key for key in wanted if before[key] and not seen[key]}
    browsers = (1,) if way in ("signed out", "session expired") else (1, 2)
    assert lost == {keys[name, browser] for browser in browsers}
    assert {key: seen[key] for key in wanted if key not in lost} == {
        key: before[key] for key in wanted if key not in lost
    }
    assert seen == one_by_one(wanted)


@pytest.mark.parametrize("way", ["deleted", "moved", "gone"])
def test_a_job_is_lost_to_those_who_saw_it(keys, wanted, jobs, other_team, way):
    lost = jobs[0].pk
    if way == "moved":
        Job.objects.filter(pk=lost).update(team=other_team)
    elif way == "deleted":
        Job.objects.filter(pk=lost).update(deleted_at=timezone.now())
    else:
        wanted = {key: ids - {lost} | {987654321} for key, ids in wanted.items()}
    seen = visible_ids(wanted)
    assert seen[keys["member", 1]] == {jobs[1].pk}
    assert (lost in seen[keys["admin", 1]]) == (way == "moved")
    assert seen == one_by_one(wanted)


def test_each_is_told_of_its_own_jobs_only(keys, jobs):
    member, admin = keys["member", 1], keys["admin", 1]
    wanted = {member: {jobs[1].pk}, admin: {jobs[2].pk}, keys["colleague", 1]: set()}
    assert visible_ids(wanted) == {member: {jobs[1].pk}, admin: {jobs[2].pk}, keys["colleague", 1]: set()}


def stored(content):
    """The key of a session with just this in it."""
    store = SessionStore()
    store.update(content)
    store.create()
    return store.session_key


def test_a_session_that_says_nothing_sound_sees_nothing_and_harms_nobody(people, keys, jobs):
    user = people["member"]
    sound = {
        "_auth_user_id": str(user.pk),
        "_auth_user_backend": BACKEND,
        "_auth_user_hash": user.get_session_auth_hash(),
    }
    odd = {
        "no user": stored({name: value for name, value in sound.items() if name != "_auth_user_id"}),
        "no backend": stored({name: value for name, value in sound.items() if name != "_auth_user_backend"}),
        "no hash": stored({name: value for name, value in sound.items() if name != "_auth_user_hash"}),
        "empty hash": stored(sound | {"_auth_user_hash": ""}),
        "hash of another": stored(sound | {"_auth_user_hash": people["admin"].get_session_auth_hash()}),
        "another backend": stored(
            sound | {"_auth_user_backend": "django.contrib.auth.backends.ModelBackend"}
        ),
        "a user who never was": stored(sound | {"_auth_user_id": "987654321"}),
        "no number": stored(sound | {"_auth_user_id": "x"}),
        "no session": "0" * 32,
        "no key": "",
    }
    damaged = stored(sound)
    Session.objects.filter(pk=damaged).update(session_data="x:y:z")
    ids = {job.pk for job in jobs[:1]}
    seen = visible_ids({key: ids for key in (*odd.values(), damaged, stored(sound), keys["colleague", 1])})
    assert {name for name, key in odd.items() if seen[key]} == set()
    assert seen[damaged] == set()
    assert len([key for key, visible in seen.items() if visible == ids]) == 2


def test_a_session_of_the_secret_before_this_one_goes_on_and_keeps_its_key(people, jobs, settings):
    settings.SECRET_KEY, new = "a secret of before " * 3, settings.SECRET_KEY
    key = session_of(people["member"])
    before, settings.SECRET_KEY = settings.SECRET_KEY, new
    wanted = {key: {jobs[0].pk}}
    assert visible_ids(wanted) == {key: set()}
    settings.SECRET_KEY_FALLBACKS = [before]
    assert visible_ids(wanted) == wanted
    assert Session.objects.filter(pk=key).exists()


def statements(many, jobs, team):
    """How many statements one check of so many people takes, each with two jobs."""
    users = [User(username=f"user{many}-{number}", password="md5$a$b") for number in range(many)]
    User.objects.bulk_create(users)
    Membership.objects.bulk_create(Membership(user=user, team=team) for user in users)
    wanted = {
        stored(
            {
                "_auth_user_id": str(user.pk),
                "_auth_user_backend": BACKEND,
                "_auth_user_hash": user.get_session_auth_hash(),
            }
        ): {jobs[0].pk, jobs[1 + number % 2].pk}
        for number, user in enumerate(users)
    }
    with CaptureQueriesContext(
        connection,
    ) as captured:
        seen = visible_ids(wanted)
    assert sum(map(bool, seen.values())) == many
    return len(captured)


def test_two_hundred_sessions_take_as_many_statements_as_eight(jobs, team):
    assert statements(8, jobs, team) == statements(200, jobs, team) == 4
