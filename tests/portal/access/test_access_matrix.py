"""Who gets what at every address (columns.py says who is who): by every method, with what is one's own and others'."""

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from teams.models import Membership, User
from tests.portal.access.addresses import asked
from tests.portal.access.columns import COLUMNS
from tests.portal.access.routes import LIVE, MATRIX, names_of, routes, walk

# What the admin shows without a sign-in, to nobody's harm: the words of its scripts.
ADMIN_OPEN = {"jsi18n"}
# Shadowed by the portal's own (`admin/login/` and so on in the matrix).
OWN_DOORS = {"login", "logout", "password_change"}
OF_SOMEBODY = [name for name, (get, _) in MATRIX.items() if name.startswith(("job_", "artifact_", "draft_"))]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", sorted(MATRIX))
def test_access(name, method, users, address):
    expected = MATRIX[name][("GET", "POST").index(method)]
    assert " ".join(str(asked(user, method, address(name))) for user in users.values()) == expected


def test_every_route_is_in_the_matrix():
    assert set(routes("portal.urls")) == set(MATRIX)
    assert set(routes("portal.urls_live")) == LIVE
    of_runners = {name for name in MATRIX if name.startswith("intake_")}
    assert set(routes("portal.urls_intake")) == of_runners | {"health"}


def test_no_route_is_there_twice():
    found = [(path, name) for path, _, name in walk(get_resolver("portal.urls"), "", "") if name != "admin"]
    assert len(found) == len(set(found)) > 80


def test_every_row_says_something_of_everybody():
    for name, cells in MATRIX.items():
        assert [len(cell.split()) for cell in cells] == [len(COLUMNS)] * 2, name


@pytest.mark.parametrize("name", sorted(MATRIX))
def test_head_answers_as_get_or_not_at_all(name, users, address):
    for column, user in users.items():
        code = asked(user, "HEAD", address(name))
        assert code in (int(cell_of(name, "GET", column)), 405), (name, column)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("column", COLUMNS)
def test_other_methods_change_nothing_anywhere(method, column, users, address):
    """A page's own sign-in comes first for strangers, and nothing that an auditor sends gets any further."""
    for name in MATRIX:
        code = asked(users[column], method, address(name))
        if name in ("intake_output", "intake_turns", "intake_results") and method == "PUT":
            assert code == 401, name
        elif name.startswith(("account_", "admin/")):
            assert code in (200, 302, 403, 405), name
        elif name.startswith("intake_") or method == "OPTIONS":
            assert code == 405 or (column == "stranger" and code == 302), name
        else:
            assert code in {"stranger": (302, 405), "otto": (403,)}.get(column, (405,)), name


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", OF_SOMEBODY)
def test_whose_it_is_decides_for_the_same_person(name, method, users, address, bob, charlie, alice):
    """What is Bob's answers Alice as hers answers Bob; what is Charlie's as hers answers Charlie."""
    for owner, column in ((alice, "alice"), (bob, "bob"), (charlie, "charlie")):
        code = asked(alice, method, address(name, owner))
        assert code == int(cell_of(name, method, column)), (name, owner)


def test_the_admin_is_shut_to_everybody_but_admins(users, make_job, make_attempt, cluster, team):
    admin = routes("portal.urls", is_admin=True)
    assert len(admin) > 30
    make_attempt(make_job())
    values = {"object_id": "1", "id": "1", "content_type_id": "1", "app_label": "jobs", "url": "nowhere"}
    seen = 0
    for name, pattern in admin.items():
        if not pattern.name or name in ADMIN_OPEN | OWN_DOORS:  # without a name: leads to the one with a name
            continue
        address = reverse(f"admin:{name}", kwargs={key: values[key] for key in names_of(pattern)})
        for column, user in users.items():
            for method in ("GET", "POST") if column != "dana" else ():
                client = Client()
                if user:
                    client.force_login(user)
                response = client.generic(method, address)
                seen += 1
                assert response.status_code in (302, 403, 404), (name, method, column)
                if response.status_code == 302:
                    assert "/login/" in response["Location"], (name, column)
    assert seen > 300


def test_who_leaves_the_team_loses_access_at_once(address, bob, team):
    client = Client()
    client.force_login(bob)
    page = address("job_detail")
    assert client.get(page).status_code == 200
    Membership.objects.filter(user=bob, team=team).delete()
    assert client.get(page).status_code == 404


def test_who_is_no_admin_any_more_loses_access_at_once(address, dana):
    client = Client()
    client.force_login(dana)
    assert client.get("/people/").status_code == 200
    User.objects.filter(pk=dana.pk).update(is_superuser=False)
    assert client.get("/people/").status_code == 404


def test_a_given_password_shuts_everything_but_its_change(address, alice):
    User.objects.filter(pk=alice.pk).update(must_change_password=True)
    for name in MATRIX:
        if not name.startswith(("intake_", "account_")):
            client = Client()
            client.force_login(alice)
            for method in ("GET", "POST"):
                response = client.generic(method, address(name))
                assert response["Location"] == "/accounts/password/change/", name


def cell_of(name: str, method: str, column: str) -> str:
    return MATRIX[name][("GET", "POST").index(method)].split()[COLUMNS.index(column)]
