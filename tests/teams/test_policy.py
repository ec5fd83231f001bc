"""Who may see and who may change what."""

from jobs.models import Job
from teams.policy import may_change, team_ids, teams_of, visible_to


def test_an_analyst_sees_the_own_teams_only(alice, charlie, team, other_team):
    assert list(teams_of(alice)) == [team]
    assert team_ids(charlie) == [other_team.pk]


def test_an_admin_sees_every_team(dana, team, other_team):
    assert set(teams_of(dana)) == {team, other_team}
    assert team_ids(dana) is None


def test_jobs_of_another_team_do_not_exist_for_a_stranger(make_job, alice, bob, charlie, dana):
    job = make_job(owner=alice)
    for user in (alice, bob, dana):
        assert list(Job.objects.filter(visible_to(user))) == [job]
    assert not Job.objects.filter(visible_to(charlie)).exists()


def test_a_user_without_a_team_sees_nothing(make_job, django_user_model):
    make_job()
    assert not Job.objects.filter(visible_to(django_user_model.objects.create(username="new"))).exists()


def test_a_deactivated_admin_is_no_admin(dana, team):
    dana.is_active = False
    assert not teams_of(dana).exists()
    assert not may_change(dana, owner_id=0, team_id=team.pk)


def test_owner_manager_and_admin_may_change_a_job(make_job, alice, manager, dana):
    job = make_job(owner=alice)
    for user in (alice, manager, dana):
        assert may_change(user, owner_id=job.owner_id, team_id=job.team_id)


def test_a_colleague_and_a_stranger_may_not_change_a_job(make_job, alice, bob, charlie):
    job = make_job(owner=alice)
    for user in (bob, charlie):
        assert not may_change(user, owner_id=job.owner_id, team_id=job.team_id)


def test_a_manager_of_another_team_may_not_change_a_job(make_job, alice, manager, other_team):
    assert not may_change(manager, owner_id=alice.pk, team_id=other_team.pk)
