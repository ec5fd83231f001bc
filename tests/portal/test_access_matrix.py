"""Who gets what at every address: generated from the resolver, so that no route can be forgotten.

Columns: a stranger without account, Alice (owner), Bob (her team), Charlie (another team), Maria (the team's manager),
Dana (admin). 302 for the first column is always the sign-in page.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from clusters.connecting import outside
from clusters.models import Cluster
from jobs.models import Artifact, Draft
from teams.models import Membership
from tests import cast
from tests.clusters.pages.connected import new_connected

PAGE = "302 200 200 200 200 200"
OF_A_JOB = "302 200 200 404 200 200"
NOT_ALLOWED = "302 405 405 405 405 405"
ADMINS = "302 404 404 404 404 200"
ADMINS_SEND = "302 404 404 404 404 302"
ADMINS_ASK = (ADMINS, ADMINS)  # an empty form is answered with what is missing
NEVER = "405 405 405 405 405 405"
NO_TOKEN = "401 401 401 401 401 401"

# Route: what GET and what POST answer, in the order of the columns.
MATRIX = {
    "job_list": (PAGE, NOT_ALLOWED),
    "job_counts": (PAGE, NOT_ALLOWED),
    "job_export": (PAGE, NOT_ALLOWED),
    "usage_report": (PAGE, NOT_ALLOWED),
    "usage_export": (PAGE, NOT_ALLOWED),
    "job_bulk": (NOT_ALLOWED, "302 400 400 400 400 400"),
    "job_row": (OF_A_JOB, NOT_ALLOWED),
    "job_header": (OF_A_JOB, NOT_ALLOWED),
    "job_info": (OF_A_JOB, NOT_ALLOWED),
    "job_detail": (OF_A_JOB, NOT_ALLOWED),
    "job_output_download": (OF_A_JOB, NOT_ALLOWED),
    "job_results": (OF_A_JOB, NEVER),
    "job_results_zip": (OF_A_JOB, NEVER),
    "artifact_detail": (OF_A_JOB, NEVER),
    "artifact_raw": (OF_A_JOB, NEVER),
    "artifact_download": (OF_A_JOB, NEVER),
    "job_cancel": (NOT_ALLOWED, "302 302 403 404 302 302"),
    "job_delete": ("302 200 403 404 200 200", "302 302 403 404 302 302"),
    "job_run_again": (NOT_ALLOWED, "302 302 302 404 302 302"),
    "job_run_with_changes": (NOT_ALLOWED, "302 302 302 404 302 302"),
    "job_new": ("302 302 302 302 302 302", NOT_ALLOWED),
    "draft_edit": ("302 200 404 404 404 404", "302 302 404 404 404 404"),
    "example_run": (NOT_ALLOWED, "302 302 302 302 302 302"),
    "cluster_list": (ADMINS, NOT_ALLOWED),
    "cluster_connect": ADMINS_ASK,
    "cluster_connect_by": ADMINS_ASK,
    "cluster_paste": (ADMINS, NOT_ALLOWED),
    "cluster_paste_download": (ADMINS, NOT_ALLOWED),
    "cluster_detail": (ADMINS, NOT_ALLOWED),
    "cluster_health": (ADMINS, NOT_ALLOWED),
    "cluster_test": (NOT_ALLOWED, ADMINS_SEND),
    "cluster_edit": ADMINS_ASK,
    "cluster_switch": (ADMINS, ADMINS_SEND),
    "cluster_remove": ADMINS_ASK,
    "cluster_credentials": ADMINS_ASK,
    "cluster_credentials_by": ADMINS_ASK,
    "space_edit": ADMINS_ASK,
    "image_list": (ADMINS, NOT_ALLOWED),
    "image_add": ADMINS_ASK,
    "image_edit": ADMINS_ASK,
    "image_preset": (NOT_ALLOWED, "302 404 404 404 404 404"),
    "image_switch": (NOT_ALLOWED, ADMINS_SEND),
    "image_move": (NOT_ALLOWED, ADMINS_SEND),
    "image_remove": (ADMINS, ADMINS_SEND),
    "profile_list": (ADMINS, NOT_ALLOWED),
    "profile_add": ADMINS_ASK,
    "profile_edit": ADMINS_ASK,
    "profile_preset": (NOT_ALLOWED, "302 404 404 404 404 404"),
    "profile_switch": (NOT_ALLOWED, ADMINS_SEND),
    "profile_move": (NOT_ALLOWED, ADMINS_SEND),
    "profile_remove": (ADMINS, ADMINS_SEND),
    "intake_claim": (NEVER, NO_TOKEN),
    "intake_inputs": (NO_TOKEN, NEVER),
    "intake_started": (NEVER, NO_TOKEN),
    "intake_output": (NEVER, NEVER),
    "intake_ended": (NEVER, NO_TOKEN),
    "intake_results": (NEVER, NEVER),
    "intake_collected": (NEVER, NO_TOKEN),
    "intake_probe": (NEVER, NO_TOKEN),
    "health": ("200 200 200 200 200 200", NEVER),
    "account_login": ("200 302 302 302 302 302", "200 302 302 302 302 302"),
    "account_logout": ("302 200 200 200 200 200", "302 302 302 302 302 302"),
    "account_change_password": (PAGE, PAGE),
    "favicon": ("302 302 302 302 302 302", NEVER),
    "admin/login/": ("302 403 403 403 403 403", "302 403 403 403 403 403"),
    "admin/logout/": ("302 302 302 302 302 302", "302 302 302 302 302 302"),
    "admin/password_change/": ("302 302 302 302 302 302", "302 302 302 302 302 302"),
}
# Event streams are served by the live process; tests/jobs/test_live_changes.py and test_live_output.py test theirs.
LIVE = {"job_output_stream", "job_changes"}
# What the admin shows without a sign-in, to nobody's harm: the words of its scripts.
ADMIN_OPEN = {"jsi18n"}
# Shadowed by the portal's own (`admin/login/` and so on above).
OWN_DOORS = {"login", "logout", "password_change"}


def routes(urlconf: str, *, is_admin: bool = False) -> dict[str, URLPattern]:
    """Every route by name (by its path where it has none), those below admin/ or all others."""
    return {
        pattern.name or path: pattern
        for path, pattern, namespace in walk(get_resolver(urlconf), "", "")
        if (namespace == "admin") is is_admin
    }


def walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[tuple[str, URLPattern, str]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from walk(entry, path, entry.namespace or namespace)
        else:
            yield path, entry, namespace


@pytest.fixture
def users(alice, bob, charlie, manager, dana):
    return (None, alice, bob, charlie, manager, dana)


@pytest.fixture
def address(make_job, make_attempt, alice, image, team, monkeypatch):
    """`address(route)`: a fresh address of that route; what it names is Alice's and has everything a job can have."""

    def make(name: str) -> str:
        if "/" in name:
            return "/" + name
        pattern = routes("portal.urls")[name].pattern
        return reverse(name, kwargs={key: value(key, name) for key in pattern.converters})

    def value(key: str, name: str) -> Any:
        if key == "draft_id":
            return Draft.objects.create(owner=alice, bundle=cast.new_bundle(is_frozen=False)).pk
        if key == "slug":
            return "python-model" if name == "example_run" else research().slug
        return {"job_id": lambda: job().pk, "artifact_id": lambda: made[0].pk, "stream": lambda: "stdout",
                "way": lambda: "address", "team_id": lambda: team.pk,
                "part_id": lambda: getattr(research(), name.partition("_")[0] + "s").get().pk}[key]()  # fmt: skip

    def research() -> Any:
        known = Cluster.objects.filter(slug="research").first() or new_connected(space_mode="prepared")
        if not known.images.exists():
            cast.new_image(known)
        if not known.profiles.exists():
            cast.new_profile(known)
        return known

    monkeypatch.setattr(outside, "request_visit", lambda cluster, user: None)
    made: list[Artifact] = []

    def job() -> Any:
        done = make_job(status="running")
        key = default_storage.save("results/table.csv", ContentFile(b"a,b\n1,2\n"))
        made.insert(0, Artifact.objects.create(
            attempt=make_attempt(done), path="table.csv", size=8, sha256="0" * 64, key=key, is_listed=True
        ))  # fmt: skip
        return done

    return make


def asked(user: Any, method: str, address: str) -> int:
    client = Client()
    if user is not None:
        client.force_login(user)
    send = client.post if method == "POST" else partial(client.generic, method)
    response = send(address, {"key": str(uuid4())} if method == "POST" else b"")
    if user is None and response.status_code == 302 and not address.startswith("/accounts/logout"):
        assert response["Location"].startswith(("/accounts/", "/admin/login/", "/static/favicon/"))
    return response.status_code


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", sorted(MATRIX))
def test_access(name, method, users, address):
    expected = MATRIX[name][("GET", "POST").index(method)]
    assert " ".join(str(asked(user, method, address(name))) for user in users) == expected


def test_every_route_is_in_the_matrix():
    assert set(routes("portal.urls")) == set(MATRIX)
    assert set(routes("portal.urls_live")) == LIVE


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_change_nothing_anywhere(method, address, alice):
    for name in MATRIX:
        if name in ("intake_output", "intake_results") and method == "PUT":
            assert asked(alice, method, address(name)) == 401
        elif not name.startswith(("account_", "admin/")):
            assert asked(alice, method, address(name)) == 405, name


def test_the_admin_is_shut_to_everybody_but_admins(users, make_job, make_attempt, cluster, team):
    admin = routes("portal.urls", is_admin=True)
    assert len(admin) > 30
    job = make_job()
    make_attempt(job)
    values = {"object_id": "1", "id": "1", "content_type_id": "1", "app_label": "jobs", "url": "nowhere"}
    seen = 0
    for name, pattern in admin.items():
        if not pattern.name or name in ADMIN_OPEN | OWN_DOORS:  # without a name: leads to the one with a name
            continue
        address = reverse(f"admin:{name}", kwargs={key: values[key] for key in _names(pattern)})
        for user in users[:-1]:
            for method in ("GET", "POST"):
                code = asked(user, method, address)
                seen += 1
                assert code in (302, 403, 404), (name, method, user)
                if code == 302:
                    client = Client()
                    if user:
                        client.force_login(user)
                    assert "/login/" in client.generic(method, address)["Location"], (name, user)
    assert seen > 200


def _names(pattern: URLPattern) -> list[str]:
    converters = getattr(pattern.pattern, "converters", {})
    return list(converters) or list(getattr(pattern.pattern, "regex", None).groupindex)  # type: ignore[union-attr]


def test_who_leaves_the_team_loses_access_at_once(address, bob, team):
    client = Client()
    client.force_login(bob)
    page = address("job_detail")
    assert client.get(page).status_code == 200
    Membership.objects.filter(user=bob, team=team).delete()
    assert client.get(page).status_code == 404


def test_a_given_password_shuts_everything_but_its_change(address, alice):
    alice.must_change_password = True
    alice.save()
    for name in MATRIX:
        if not name.startswith(("intake_", "account_")):
            client = Client()
            client.force_login(alice)
            for method in ("GET", "POST"):
                response = client.generic(method, address(name))
                assert response["Location"] == "/accounts/password/change/", name
