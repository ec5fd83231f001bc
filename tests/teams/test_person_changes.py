"""What admins change about an account: name, rights, whether it is in use."""

import threading

import pytest
from django.db import connection

from jobs.models import JobEvent
from teams.models import Invitation, User
from teams.people import LAST_ADMIN, Refused, change_person
from tests import cast


def save(client, person, **values):
    data = {"first_name": "", "last_name": "", "email": "", "rights": "member"} | values
    return client.post(f"/people/{person.pk}/edit/", data)


def test_name_and_email_are_changed_and_found(client_of, dana, alice, recorded):
    assert save(client_of(dana), alice, first_name="Eve", email="eve@example.org").status_code == 302
    assert [row[0] for row in client_of(dana).get("/people/?text=eve@").context["rows"]] == [alice]
    assert recorded == [("person.changed", alice, None)]
    assert save(client_of(dana), alice, first_name="Eve", email="eve@example.org").status_code == 302
    assert len(recorded) == 1


def test_an_email_belongs_to_one_person(client_of, dana, alice, bob):
    page = save(client_of(dana), alice, email="BOB@example.org").content.decode()
    assert "Another person has this email" in page


def test_other_rights_end_the_sessions_and_the_same_do_not(client_of, dana, alice):
    client = client_of(alice)
    save(client_of(dana), alice, first_name="Eve")
    assert client.get("/").status_code == 200
    save(client_of(dana), alice, first_name="Eve", rights="admin")
    assert client.get("/").status_code == 302
    assert client_of(User.objects.get(pk=alice.pk)).get("/people/").status_code == 200


def test_an_auditor_is_in_no_team(client_of, dana, alice, charlie, team):
    page = save(client_of(dana), alice, rights="auditor").content.decode()
    assert "Take the person out of Data science first." in page
    alice.memberships.all().delete()
    assert save(client_of(dana), alice, rights="auditor").status_code == 302
    assert User.objects.get(pk=alice.pk).is_auditor


def test_nobody_takes_the_last_admin_away(client_of, dana, recorded):
    page = save(client_of(dana), dana, rights="member")
    assert LAST_ADMIN in page.content.decode()
    assert recorded == []
    cast.new_user("gone", is_superuser=True, is_active=False)
    assert LAST_ADMIN in save(client_of(dana), dana, rights="auditor").content.decode()
    cast.new_user("second", is_superuser=True)
    client = client_of(dana)
    assert save(client, dana, rights="member")["Location"] == "/teams/"
    assert client.get("/teams/").status_code == 200  # the own session goes on
    assert client.get("/people/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_take_each_other_away_leave_one(rf):
    first, second = (cast.new_user(name, is_superuser=True) for name in ("a", "b"))
    start, told = threading.Barrier(2), []

    def take(asker, person):
        request = rf.post("/")
        request.user = asker
        start.wait()
        try:
            values = {"first_name": "", "last_name": "", "email": "", "rights": "member"}
            change_person(request, person, values)
        except Refused:
            told.append(asker)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1


def test_before_disabling_it_says_what_happens(client_of, dana, alice, bob, make_job):
    make_job(status="running")
    make_job(status="queued")
    page = " ".join(client_of(dana).get(f"/people/{alice.pk}/disable/").content.decode().split())
    assert (
        "<strong>2 jobs</strong> of this person are active. They go on to the end and belong to the team"
        in page
    )
    assert "Also cancel the 2 active jobs" in page
    assert "Also cancel" not in client_of(dana).get(f"/people/{bob.pk}/disable/").content.decode()


def test_disabling_ends_sessions_and_links_and_lets_jobs_finish(
    client_of, client, dana, alice, make_job, recorded
):
    job, session, admin = make_job(status="running"), client_of(alice), client_of(dana)
    admin.post(f"/people/{alice.pk}/link/")
    assert session.get("/").status_code == 200
    assert admin.post(f"/people/{alice.pk}/disable/").status_code == 302
    assert session.get("/").status_code == 302
    assert client.post("/accounts/login/", {"login": "alice", "password": cast.PASSWORD}).status_code == 302
    assert client.get("/").status_code == 302
    assert not Invitation.objects.get().is_open
    job.refresh_from_db()
    assert (job.cancel_requested_at, job.status) == (None, "running")
    assert [action for action, _, _ in recorded] == ["person.link_made", "person.disabled"]


def test_a_session_of_before_does_not_come_back_with_the_account(client_of, dana, alice, client):
    session, admin = client_of(alice), client_of(dana)
    admin.post(f"/people/{alice.pk}/disable/")
    for _ in range(2):
        admin.post(f"/people/{alice.pk}/enable/")
    assert session.get("/").status_code == 302
    client.post("/accounts/login/", {"login": "alice", "password": cast.PASSWORD})
    assert client.get("/").status_code == 200


def test_with_the_box_the_active_jobs_are_cancelled_too(client_of, dana, alice, bob, make_job):
    mine = [make_job(status=status) for status in ("queued", "starting", "running", "finishing", "succeeded")]
    other = make_job(owner=bob, status="running")
    answer = client_of(dana).post(f"/people/{alice.pk}/disable/", {"cancel": "1"}, follow=True)
    assert "3 jobs are being cancelled." in answer.content.decode()
    for job in [*mine, other]:
        job.refresh_from_db()
    assert [bool(job.cancel_requested_at) for job in [*mine, other]] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert mine[0].cancel_requested_by == dana
    assert JobEvent.objects.filter(kind="cancel_requested").count() == 3


def test_nobody_disables_the_own_account(client_of, dana):
    cast.new_user("second", is_superuser=True)
    client = client_of(dana)
    for answer in (client.get(f"/people/{dana.pk}/disable/"), client.post(f"/people/{dana.pk}/disable/")):
        assert answer.status_code == 403
        assert "You cannot disable your own account." in answer.content.decode()
    assert f"/people/{dana.pk}/disable/" not in client.get(f"/people/{dana.pk}/").content.decode()


def test_signing_somebody_out_ends_the_sessions_alone(client_of, client, dana, alice, recorded):
    sessions = [client_of(alice), client_of(alice)]
    client_of(dana).post(f"/people/{alice.pk}/sign-out/")
    assert [session.get("/").status_code for session in sessions] == [302, 302]
    assert recorded == [("person.signed_out", alice, None)]
    client.post("/accounts/login/", {"login": "alice", "password": cast.PASSWORD})
    assert client.get("/").status_code == 200


def test_the_first_epoch_keeps_the_sessions_of_before_the_upgrade(alice):
    from django.contrib.auth.base_user import AbstractBaseUser

    assert alice.get_session_auth_hash() == AbstractBaseUser.get_session_auth_hash(alice)
    assert alice._get_session_auth_hash() == AbstractBaseUser._get_session_auth_hash(alice)
    alice.session_epoch = 1
    assert alice.get_session_auth_hash() != AbstractBaseUser._get_session_auth_hash(alice)


def test_the_page_of_a_person_says_what_there_is(client_of, otto, alice, make_job):
    make_job(status="running")
    page = client_of(otto).get(f"/people/{alice.pk}/").content.decode()
    assert "Alice Ames" in page
    assert "alice@example.org" in page
    assert "Data science" in page
    assert f"?owner={alice.pk}&amp;status=active" in page
