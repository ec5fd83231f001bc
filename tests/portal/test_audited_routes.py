"""Every address that changes something leaves an entry in the audit log: generated as the access matrix is.

A route that takes POST is listed here with what it records, or with the reason why it records nothing.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from clusters.connecting import outside
from clusters.models import Cluster
from teams.audit.words import AREAS, SENTENCES
from teams.inviting import digest_of
from teams.models import AuditEvent, Invitation, Membership, Team, User
from tests import cast
from tests.cast import PASSWORD
from tests.clusters.pages.connected import new_connected
from tests.clusters.pages.test_cluster_connect import ADDRESS
from tests.clusters.pages.test_cluster_credentials import SAME
from tests.clusters.pages.test_cluster_edit import FIELDS as CLUSTER
from tests.clusters.pages.test_image_edit import FIELDS as IMAGE
from tests.clusters.pages.test_profile_edit import FIELDS as PROFILE
from tests.portal.access.columns import NEVER, NO_BUTTON, NOT_THERE
from tests.portal.access.routes import MATRIX

NEW = "staple battery horse"
RUNNER = "the runner's report of facts, with an attempt's token; what became of the job is in its own events"
OWN_NAME = "a name for an address of the list: no job and nobody's rights change"
DOOR = "leads to another address, which records"
# What each route records after one successful POST by an admin.
RECORDED = {
    "job_cancel": "job.cancelled",
    "job_delete": "job.deleted",
    "job_pin": "job.pinned",
    "team_retention": "retention.changed",
    "portal_retention": "retention.changed",
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
    "team_add": "team.added",
    "team_edit": "team.renamed",
    "team_disable": "team.disabled",
    "team_enable": "team.enabled",
    "team_quota": "quota.changed",
    "team_pause": "team.paused",
    "cluster_pause": "cluster.paused",
    "pause_all": "portal.paused",
    "member_add": "team.member_added",
    "member_edit": "team.member_role_changed",
    "member_remove": "team.member_removed",
    "person_edit": "person.changed",
    "person_disable": "person.disabled",
    "person_enable": "person.enabled",
    "person_sign_out": "person.signed_out",
    "person_invite": "person.invited",
    "invitation_renew": "person.link_made",
    "invitation_revoke": "person.link_revoked",
    "account_login": "account.signed_in",
    "account_logout": "account.signed_out",
    "account_change_password": "account.password_changed",
}
# What the same address records when it is sent {"action": "resume"} after that.
RESUMED = {"team_pause": "team.resumed", "cluster_pause": "cluster.resumed", "pause_all": "portal.resumed"}
# Nobody is signed in before, and somebody is afterwards.
BY_A_STRANGER = {"invitation_accept": ["account.signed_in", "person.link_used"]}
NOT_RECORDED = {
    "capsule_open": "makes a draft: the user's own form, which was not sent",
    "job_run_with_changes": "makes a draft: the user's own form, which was not sent",
    "filter_save": OWN_NAME,
    "filter_edit": OWN_NAME,
    "filter_delete": OWN_NAME,
    "bulk_stop": "ends the user's own action, whose every job was recorded",
    "intake_claim": RUNNER,
    "intake_started": RUNNER,
    "intake_ended": RUNNER,
    "intake_kept": RUNNER,
    "intake_direct_begin": RUNNER,
    "intake_direct_part": RUNNER,
    "intake_direct_done": RUNNER,
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
    "team_retention": {"own-logs-days": "30"},
    "portal_retention": {"allow-logs-days": "30"},
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
    "team_add": {"name": "Biology"},
    "team_edit": {"name": "Data and more"},
    "member_add": {"role": "analyst"},
    "member_edit": {"role": "manager"},
    "team_quota": {"team-jobs": "5", "most_high_jobs": "5"},
    "team_pause": {"message": "Until noon."},
    "cluster_pause": {"message": "Until noon."},
    "pause_all": {"message": "Until noon."},
    "person_edit": {"first_name": "Erin", "email": "e@example.org", "rights": "auditor"},
    "person_invite": {"username": "fred", "first_name": "Fred", "email": "f@example.org", "role": "analyst"},
    "account_login": {"login": "dana", "password": PASSWORD},
    "account_change_password": {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW},
}  # fmt: skip


SHOWN_AT_ONCE = {"person_invite", "invitation_renew"}


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
            "slug": lambda: _slug(name, team, research),
            "user_id": lambda: _person(name, team).pk,
            "way": lambda: "address",
            "team_id": lambda: team.pk,
            "part_id": lambda: parts[name.partition("_")[0]].first().pk,
        }
        if name == "cluster_remove":
            Cluster.objects.filter(pk=research.pk).update(is_enabled=False)
        return reverse(name, kwargs={key: values[key]() for key in _keys(name)})

    return make


def _slug(name: str, team: Team, research: Cluster) -> str:
    if name.startswith(("team_", "member_")):
        Team.objects.filter(pk=team.pk).update(disabled_at=timezone.now() if name == "team_enable" else None)
        return team.slug
    return "python-model" if name == "example_run" else research.slug


def _person(name: str, team: Team) -> User:
    """Somebody to whom it can be done."""
    person = cast.new_user("erin", *([team] if name.startswith("member_") else []))
    if name == "person_enable":
        User.objects.filter(pk=person.pk).update(is_active=False)
    if name == "invitation_revoke":
        ends = timezone.now() + timedelta(days=1)
        Invitation.objects.create(user=person, token_sha256=digest_of("token"), expires_at=ends)
    return person


def _keys(name: str) -> list[str]:
    from tests.portal.access.routes import routes

    return list(routes("portal.urls")[name].pattern.converters)


def test_every_route_that_takes_a_form_is_listed():
    never = (NO_BUTTON, NEVER, NOT_THERE)
    takes_forms = {name for name, (_, post) in MATRIX.items() if post not in never}
    assert takes_forms == {*RECORDED, *BY_A_STRANGER, *NOT_RECORDED}
    assert len(takes_forms) == len(RECORDED) + len(BY_A_STRANGER) + len(NOT_RECORDED)


def test_each_is_said_in_words_and_found_by_a_filter():
    actions = {*RECORDED.values(), *RESUMED.values(), *BY_A_STRANGER["invitation_accept"]}
    assert actions <= set(SENTENCES)
    assert {action.partition(".")[0] for action in SENTENCES} == set(AREAS)


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_it_leaves_exactly_one_entry(name, address, client_of, client, dana, make_job):
    client = client if name == "account_login" else client_of(dana)
    sent = dict(SENT.get(name, {"key": str(uuid4())}))
    if name == "job_bulk":
        sent["job"] = make_job(status="running").pk
    if name == "member_add":
        sent["person"] = cast.new_user("erin").username
    to = address(name)
    if name == "team_quota":
        sent["version"] = client.get(to).context["form"].version
    started = AuditEvent.objects.count()
    response = client.post(to, sent, REMOTE_ADDR="203.0.113.5")
    # A link is shown at once: it is not kept.
    assert response.status_code == (200 if name in SHOWN_AT_ONCE else 302), response.content.decode()[:2000]
    events = AuditEvent.objects.order_by("pk")[started:]
    assert [event.action for event in events] == [RECORDED[name]]
    assert (events[0].actor_id, events[0].address) == (dana.pk, "203.0.113.5")
    assert events[0].request_id == response["X-Request-ID"]


@pytest.mark.parametrize("name", sorted(RESUMED))
def test_letting_go_on_leaves_one_too(name, address, client_of, dana):
    client, to = client_of(dana), address(name)
    client.post(to, SENT[name])
    started = AuditEvent.objects.count()
    for _ in range(2):  # the second time there is nothing to let go on
        assert client.post(to, {"action": "resume"}).status_code == 302
    events = AuditEvent.objects.order_by("pk")[started:]
    assert [event.action for event in events] == [RESUMED[name]]


def _open_invitation(client) -> Callable[[], Any]:
    """Follow Erin's link in the client; answers what sends the form behind it."""
    ends = timezone.now() + timedelta(days=1)
    Invitation.objects.create(user=cast.new_user("erin"), token_sha256=digest_of("token"), expires_at=ends)
    to = client.get(reverse("invitation_open", args=["token"]))["Location"]
    sent = {"first_name": "Erin", "last_name": "", "new_password1": NEW, "new_password2": NEW}
    return lambda: client.post(to, sent, REMOTE_ADDR="203.0.113.5")


def test_who_follows_an_invitation_leaves_two_entries(client, research):
    send = _open_invitation(client)
    assert send().status_code == 302
    events = list(AuditEvent.objects.order_by("pk"))
    assert [event.action for event in events] == BY_A_STRANGER["invitation_accept"]
    erin = User.objects.get(username="erin")
    assert {(event.actor_id, event.address) for event in events} == {(erin.pk, "203.0.113.5")}
    assert send().status_code == 404
    assert AuditEvent.objects.count() == 2


def test_where_they_cannot_be_written_the_invitation_stays_open(client, research, monkeypatch):
    send, before = _open_invitation(client), _state()
    monkeypatch.setattr(AuditEvent.objects, "create", _broken)
    with pytest.raises(ZeroDivisionError):
        send()
    assert _state() == before


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
    if name == "member_add":
        sent["person"] = cast.new_user("erin").username
    if name == "team_quota":
        sent["version"] = client.get(to).context["form"].version
    before = _state()
    monkeypatch.setattr(AuditEvent.objects, "create", _broken)
    with pytest.raises(ZeroDivisionError):
        client.post(to, sent)
    assert _state() == before


def _broken(**fields: Any) -> None:
    raise ZeroDivisionError


def _state() -> list[Any]:
    from clusters.models import Image, KubernetesConnection, Profile, TeamSpace
    from jobs.models import Job

    models = (
        User,
        Team,
        Membership,
        Invitation,
        Cluster,
        KubernetesConnection,
        Image,
        Profile,
        TeamSpace,
        Job,
    )
    return [list(model.objects.order_by("pk").values()) for model in models]


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
