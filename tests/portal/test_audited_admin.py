"""What is done in Django's admin is in the audit log as well, with old and new values."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import RequestFactory

from teams.admin_log import Logged
from teams.models import AuditEvent, Membership, Team, User
from tests.teams.test_admin import form

pytestmark = pytest.mark.django_db
NEW = "staple battery horse"


def test_every_model_that_the_admin_changes_is_logged(dana):
    request = RequestFactory().get("/")
    request.user = dana
    changed = {
        model
        for model, shown in admin.site._registry.items()
        if any((shown.has_add_permission(request), shown.has_change_permission(request),
                shown.has_delete_permission(request)))
    }  # fmt: skip
    assert {User, Team, Membership} <= changed
    assert {model for model in changed if not isinstance(admin.site._registry[model], Logged)} == set()


NO_ROWS = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


def _post(client, path: str, **data: Any) -> list[AuditEvent]:
    last = AuditEvent.objects.count()
    page = client.get(path)
    filled = form(page) if "adminform" in page.context else {}
    response = client.post(path, filled | data)
    assert response.status_code == 302, response.context["errors"]
    return list(AuditEvent.objects.order_by("pk")[last:])


def test_the_admin_records_old_and_new_values(client_of, dana, alice, other_team):
    client = client_of(dana)
    (added,) = _post(client, "/admin/teams/team/add/", name="Biology", slug="biology", **NO_ROWS)
    assert (added.action, added.target_name, added.new["name"]) == ("team.added", "Biology", "Biology")
    (changed,) = _post(client, f"/admin/teams/user/{alice.pk}/change/", email="new@example.org", **NO_ROWS)
    assert (changed.action, changed.target_id) == ("person.changed", str(alice.pk))
    assert (changed.old, changed.new) == ({"email": "alice@example.org"}, {"email": "new@example.org"})
    assert _post(client, f"/admin/teams/user/{alice.pk}/change/", **NO_ROWS) == []
    password = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    (given,) = _post(client, f"/admin/teams/user/{alice.pk}/password/", **password)
    assert (given.action, given.new) == ("person.changed", {"password": "changed"})
    (joined,) = _post(
        client, "/admin/teams/membership/add/", user=alice.pk, team=other_team.pk, role="analyst"
    )
    assert (joined.action, joined.target_id, joined.team_id) == (
        "team.member_added",
        str(alice.pk),
        other_team.pk,
    )


def test_the_admin_records_what_it_removes_one_or_many(client_of, dana, alice, bob, team):
    client = client_of(dana)
    (removed,) = _post(client, f"/admin/teams/user/{alice.pk}/delete/", post="yes")
    assert (removed.action, removed.target_name) == ("person.removed", "Alice Ames (alice)")
    assert removed.old["email"] == "alice@example.org"
    assert "md5" not in str(removed.old)
    left = Membership.objects.get(user=bob)
    chosen = {"action": "delete_selected", "_selected_action": left.pk, "post": "yes"}
    (event,) = _post(client, "/admin/teams/membership/", **chosen)
    assert (event.action, event.team_name) == ("team.member_removed", "Data science")
