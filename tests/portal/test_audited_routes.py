"""Every address that changes something leaves an entry in the audit log: generated as the access matrix is.

A route that takes POST is listed here with what it records, or with the reason why it records nothing.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.urls import reverse

from clusters.connecting import outside
from clusters.models import Cluster
from teams.admin_log import Logged
from teams.models import AuditEvent, Membership, Team, User
from tests import cast
from tests.cast import PASSWORD
from tests.clusters.pages.connected import new_connected
from tests.clusters.pages.test_cluster_connect import ADDRESS
from tests.clusters.pages.test_cluster_credentials import SAME
from tests.clusters.pages.test_cluster_edit import FIELDS as CLUSTER
from tests.clusters.pages.test_image_edit import FIELDS as IMAGE
from tests.clusters.pages.test_profile_edit import FIELDS as PROFILE
from tests.portal.access.columns import NEVER, NO_BUTTON
from tests.portal.access.routes import MATRIX
from tests.teams.test_admin import form

NEW = "staple battery horse"
RUNNER = "the runner's report of facts, with an attempt's token; what became of the job is in its own events"
DOOR = "leads to another address, which records"
# What each route records after one successful POST by an admin.
RECORDED = {
    "job_cancel": "job.cancelled",
    "job_delete": "job.deleted",
    "job_bulk": "job.cancelled",
    "job_run_again": "job.submitted",
    "example_run": "job.submitted",
    "draft_edit": "job.submitted",
    "cluster_connect": "cluster.connected",
    "cluster_connect_by": "cluster.connected",
    "cluster_test": "cluster.tested",
    "cluster_edit": "cluster.changed",
    "cluster_switch": "cluster.switched_off",
    "cluster_remove": "cluster.removed",
    "cluster_credentials": "cluster.credentials_replaced",
    "cluster_credentials_by": "cluster.credentials_replaced",
    "space_edit": "cluster.namespace_given",
    "image_add": "environment.added",
    "image_edit": "environment.changed",
    "image_preset": "environment.added",
    "image_switch": "environment.switched_off",
    "image_move": "environment.moved",
    "image_remove": "environment.removed",
    "profile_add": "profile.added",
    "profile_edit": "profile.changed",
    "profile_preset": "profile.added",
    "profile_switch": "profile.switched_off",
    "profile_move": "profile.moved",
    "profile_remove": "profile.removed",
    "account_login": "account.signed_in",
    "account_logout": "account.signed_out",
    "account_change_password": "account.password_changed",
}
NOT_RECORDED = {
    "job_run_with_changes": "makes a draft: the user's own form, which was not sent",
    "intake_claim": RUNNER,
    "intake_started": RUNNER,
    "intake_ended": RUNNER,
    "intake_collected": RUNNER,
    "intake_probe": RUNNER,
    "admin/login/": DOOR,
    "admin/logout/": DOOR,
    "admin/password_change/": DOOR,
}
DRAFT = {"begin": "1", "action": "run", "code": "print(1)", "code_language": ".py", "end": "1"}
SENT: dict[str, dict[str, Any]] = {
    "job_bulk": {"action": "cancel", "confirmed": "yes"},
    "draft_edit": DRAFT,
    "cluster_connect": {"action": "connect"} | ADDRESS | {"name": "Another"},
    "cluster_connect_by": {"action": "connect"} | ADDRESS | {"name": "Another"},
    "cluster_edit": CLUSTER | {"space_mode": "prepared"},
    "cluster_switch": {"on": "0"},
    "cluster_credentials": SAME | {"token": "fresh"},
    "cluster_credentials_by": SAME | {"token": "fresh"},
    "space_edit": {"namespace": "sw-data"},
    "image_add": IMAGE,
    "image_edit": IMAGE,
    "image_preset": {"preset": "r-4.4"},
    "image_switch": {"on": "0"},
    "image_move": {"to": "down"},
    "profile_add": PROFILE,
    "profile_edit": PROFILE,
    "profile_preset": {"preset": "large"},
    "profile_switch": {"on": "0"},
    "profile_move": {"to": "down"},
    "account_login": {"login": "dana", "password": PASSWORD},
    "account_change_password": {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW},
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet(servers, monkeypatch):
    from django.core.cache import cache

    cache.clear()
    monkeypatch.setattr(outside, "request_visit", lambda cluster, user: None)
    monkeypatch.setattr(outside, "check_address", lambda server: None)


@pytest.fixture
def research(db) -> Cluster:
    cluster = new_connected(space_mode="prepared")
    for number in range(2):
        cast.new_image(cluster, label=f"Python {number}", position=number)
        cast.new_profile(cluster, name=f"Size {number}", position=number)
    return cluster


@pytest.fixture
def address(make_job, dana, team, research, client_of) -> Callable[[str], str]:
    """The address of a route, with things of Dana's own behind it."""
    Membership.objects.create(user=dana, team=team)

    def make(name: str) -> str:
        if name == "cluster_connect":  # without a name of a way it asks for a kubeconfig
            return "/clusters/connect/address/"
        if name == "cluster_credentials":
            return reverse(name, args=[research.slug])
        parts = {"image": research.images, "profile": research.profiles}
        values = {
            "job_id": lambda: make_job(status="running").pk,
            "draft_id": lambda: client_of(dana).get("/new/")["Location"].strip("/").split("/")[1],
            "slug": lambda: "python-model" if name == "example_run" else research.slug,
            "way": lambda: "address",
            "team_id": lambda: team.pk,
            "part_id": lambda: parts[name.partition("_")[0]].first().pk,
        }
        if name == "cluster_remove":
            Cluster.objects.filter(pk=research.pk).update(is_enabled=False)
        return reverse(name, kwargs={key: values[key]() for key in _keys(name)})

    return make


def _keys(name: str) -> list[str]:
    from tests.portal.test_access_matrix import routes

    return list(routes("portal.urls")[name].pattern.converters)


def test_every_route_that_takes_a_form_is_listed():
    takes_forms = {name for name, (_, post) in MATRIX.items() if post not in (NO_BUTTON, NEVER)}
    assert takes_forms == set(RECORDED) | set(NOT_RECORDED)
    assert not set(RECORDED) & set(NOT_RECORDED)


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_it_leaves_exactly_one_entry(name, address, client_of, client, dana, make_job):
    client = client if name == "account_login" else client_of(dana)
    sent = dict(SENT.get(name, {"key": str(uuid4())}))
    if name == "job_bulk":
        sent["job"] = make_job(status="running").pk
    to = address(name)
    started = AuditEvent.objects.count()
    response = client.post(to, sent, REMOTE_ADDR="203.0.113.5")
    assert response.status_code == 302, response.content.decode()[:2000]
    events = AuditEvent.objects.order_by("pk")[started:]
    assert [event.action for event in events] == [RECORDED[name]]
    assert (events[0].actor_id, events[0].address) == (dana.pk, "203.0.113.5")
    assert events[0].request_id == response["X-Request-ID"]


@pytest.mark.parametrize("name", sorted({"job_cancel", "job_delete", "cluster_switch", "image_switch", "image_edit",
                                         "cluster_edit", "space_edit", "image_remove"}))  # fmt: skip
def test_what_changes_nothing_leaves_no_entry(name, address, client_of, dana):
    client, to = client_of(dana), address(name)
    sent = SENT.get(name, {})
    client.post(to, sent)
    started = AuditEvent.objects.count()
    client.post(to, sent)
    assert AuditEvent.objects.count() == started


@pytest.mark.parametrize("name", sorted(set(RECORDED) - {"account_login", "account_logout"}))
def test_where_the_entry_cannot_be_written_nothing_is_changed(
    name, address, client_of, dana, monkeypatch, make_job
):
    client, to, sent = client_of(dana), address(name), dict(SENT.get(name, {"key": str(uuid4())}))
    if name == "job_bulk":
        sent["job"] = make_job(status="running").pk
    before = _state()

    def broken(**fields: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(AuditEvent.objects, "create", broken)
    with pytest.raises(ZeroDivisionError):
        client.post(to, sent)
    assert _state() == before


def _state() -> list[Any]:
    from clusters.models import Image, KubernetesConnection, Profile, TeamSpace
    from jobs.models import Job

    models = (User, Cluster, KubernetesConnection, Image, Profile, TeamSpace, Job)
    return [list(model.objects.order_by("pk").values()) for model in models]


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
    assert (changed.action, changed.target_id) == ("account.changed", str(alice.pk))
    assert (changed.old, changed.new) == ({"email": "alice@example.org"}, {"email": "new@example.org"})
    assert _post(client, f"/admin/teams/user/{alice.pk}/change/", **NO_ROWS) == []
    password = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    (given,) = _post(client, f"/admin/teams/user/{alice.pk}/password/", **password)
    assert (given.action, given.new) == ("account.changed", {"password": "changed"})
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
    assert (removed.action, removed.target_name) == ("account.removed", "Alice Ames (alice)")
    assert removed.old["email"] == "alice@example.org"
    assert "md5" not in str(removed.old)
    left = Membership.objects.get(user=bob)
    chosen = {"action": "delete_selected", "_selected_action": left.pk, "post": "yes"}
    (event,) = _post(client, "/admin/teams/membership/", **chosen)
    assert (event.action, event.team_name) == ("team.member_removed", "Data science")


def test_a_sign_in_that_failed_names_the_account_and_never_what_was_typed(client, alice):
    for login in ("alice", "alice@example.org", "my own password"):
        client.post("/accounts/login/", {"login": login, "password": "wrong-canary"})
    failed = AuditEvent.objects.filter(action="account.sign_in_failed").order_by("pk")
    assert [event.target_name for event in failed] == [
        "Alice Ames (alice)", "Alice Ames (alice)", "an account that does not exist"
    ]  # fmt: skip
    assert {event.actor_id for event in failed} == {None}
    assert not [
        event for event in failed if "canary" in str(vars(event)) or "own password" in str(vars(event))
    ]


def test_no_secret_of_a_cluster_is_in_the_log(client_of, dana, address):
    client = client_of(dana)
    for name in ("cluster_connect_by", "cluster_credentials_by", "cluster_edit"):
        client.post(address(name), SENT[name])
    events = AuditEvent.objects.filter(area="cluster")
    assert events.count() == 3
    assert not [
        event for event in events if ADDRESS["token"] in str(vars(event)) or "fresh" in str(vars(event))
    ]


def test_variables_and_arguments_of_a_job_are_not_in_the_log(client_of, dana, address, image, profile):
    sent = DRAFT | {"arguments": "--token canary", "environment": "API_KEY=canary"}
    upload = SimpleUploadedFile("x.py", b"1")
    assert client_of(dana).post(address("draft_edit"), sent | {"code": "", "file": upload}).status_code == 302
    assert "canary" not in str(vars(AuditEvent.objects.get(action="job.submitted")))
