"""The quota editor: who may change what, what is typed wrongly, what others changed meanwhile, and what saving does."""

import html

import pytest

from clusters.models import TeamSpace
from jobs.models import TeamQueue
from teams.models import AuditEvent, QuotaLine, Scope, Team
from teams.quota.book import Account
from teams.quota.limits import limits_of, set_limits
from tests import cast
from tests.jobs.admission.conftest import due_teams, nothing_due, pooled
from tests.jobs.quotas.conftest import field_of

JOBS, CORES = Account(Scope.TEAM, "jobs"), Account(Scope.TEAM, "cpu_millis")
GIB = 1024**3


def text_of(page):
    return html.unescape(page.content.decode())


def test_an_admin_sets_all_kinds_of_limits(client_of, dana, alice, team, cluster, quota):
    client_of(dana)
    key = f"user-{alice.pk}-jobs"
    answer = quota(
        dana,
        **{
            "team-jobs": "8",
            "team-cpu_millis": "2,5",
            "team-memory_bytes": "64 GiB",
            "team-cpu_hours": "500",
            f"cluster-{cluster.pk}-jobs": "4",
            "member-jobs": "3",
            key: "5",
            "most_high_jobs": "7",
            "budget_grace_minutes": "30",
        },
    )
    assert answer.status_code == 302
    assert limits_of(team.pk) == {
        JOBS: 8,
        CORES: 2500,
        Account(Scope.TEAM, "memory_bytes"): 64 * GIB,
        Account(Scope.TEAM, "cpu_hours"): 500 * 3_600_000_000,
        Account(Scope.CLUSTER, "jobs", cluster_id=cluster.pk): 4,
        Account(Scope.MEMBER, "jobs"): 3,
        Account(Scope.USER, "jobs", user_id=alice.pk): 5,
    }
    team.refresh_from_db()
    assert (team.most_high_jobs, team.budget_grace_minutes) == (7, 30)


def test_an_empty_field_is_no_limit_and_zero_is_one(dana, team, limit, quota):
    limit("jobs", 8)
    quota(dana, **{"team-jobs": "", "team-cpu_millis": "0"})
    assert limits_of(team.pk) == {CORES: 0}


def test_every_type_of_gpu_that_is_offered_or_known_has_a_row(client_of, dana, team, cluster, limit):
    cast.new_profile(cluster, name="GPU", gpu_resource="nvidia.com/gpu", gpu_count=1)
    limit("gpu:amd.com/gpu", 2)
    page = client_of(dana).get(f"/teams/{team.slug}/quota/")
    assert field_of(page, "team-gpu:amd.com/gpu").text == "2"
    assert field_of(page, "team-gpu:nvidia.com/gpu").label == "GPUs (nvidia.com/gpu)"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("many", "is no amount"),
        ("-1", "is no amount"),
        ("3 apples", "unit that is not known"),
        ("9" * 30, "more than can be counted"),
        ("9" * 6000, "too long"),
        ("1" + " " * 80 + "x", "too long"),
        ("½", "is no amount"),
        ("٣", ""),
        ('"><script>', "is no amount"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_nothing_typed_is_lost(dana, team, quota, typed, sentence):
    page = quota(dana, **{"team-jobs": typed, "team-cpu_millis": "16", "most_high_jobs": "9"})
    if not sentence:
        assert page.status_code == 302
        return
    assert limits_of(team.pk) == {}
    field = field_of(page, "team-jobs")
    assert sentence in field.error
    assert field.text == typed.strip()
    assert field_of(page, "team-cpu_millis").text == "16"
    assert page.context["form"].settings["most_high_jobs"] == 9
    assert 'href="#id_team-jobs"' in page.content.decode()
    assert "<script>alert" not in page.content.decode()


@pytest.mark.parametrize("name", ["most_high_jobs", "budget_grace_minutes"])
@pytest.mark.parametrize("typed", ["x", "-1", "9" * 6000, "30001", "²"])
def test_numbers_of_the_rules_are_checked_too(dana, team, quota, name, typed):
    page = quota(dana, **{name: typed, "team-jobs": "4"})
    assert "write a whole number" in page.context["form"].errors[0]["sentence"]
    assert page.context["form"].settings[name] == typed
    assert limits_of(team.pk) == {}


def test_a_manager_sets_members_limits_and_nothing_else(
    manager, alice, team, cluster, limit, quota, client_of
):
    limit("jobs", 8)
    limit("jobs", 2, user=alice)
    answer = quota(
        manager,
        **{
            "member-jobs": "3",
            f"user-{alice.pk}-jobs": "8",
            "team-jobs": "99",
            f"cluster-{cluster.pk}-jobs": "99",
            "shares_quota": "yes",
            "most_high_jobs": "99",
        },
    )
    assert answer.status_code == 302
    assert limits_of(team.pk) == {
        JOBS: 8,
        Account(Scope.MEMBER, "jobs"): 3,
        Account(Scope.USER, "jobs", user_id=alice.pk): 8,
    }
    team.refresh_from_db()
    assert (team.shares_quota, team.most_high_jobs) == (False, 5)


def test_a_members_limit_above_the_teams_is_an_error_that_says_so(manager, alice, team, limit, quota):
    limit("jobs", 8)
    page = quota(manager, **{"member-jobs": "9"})
    assert field_of(page, "member-jobs").error == (
        "The team's own limit is 8; a member's cannot be above it."
    )
    assert field_of(page, "member-jobs").text == "9"
    assert Account(Scope.MEMBER, "jobs") not in limits_of(team.pk)


def test_what_was_above_it_before_holds_up_nobody(manager, dana, team, limit, quota):
    limit("jobs", 4)
    limit("jobs", 9, scope="member")
    assert quota(manager, **{"member-cpu_millis": "2"}).status_code == 302
    assert quota(dana, **{"team-jobs": "2"}).status_code == 302
    assert limits_of(team.pk)[JOBS] == 2


def test_somebody_of_another_team_gets_no_limit_here(dana, charlie, team, quota):
    quota(dana, **{f"user-{charlie.pk}-jobs": "3", "user-x-jobs": "3", "user-": "3"})
    assert limits_of(team.pk) == {}


def test_a_member_is_added_by_name_and_what_was_typed_stays(dana, bob, charlie, team, quota):
    page = quota(dana, "member", member="bob", **{"team-jobs": "12"})
    assert field_of(page, f"user-{bob.pk}-jobs").text == ""
    assert field_of(page, "team-jobs").text == "12"
    page = quota(dana, "member", member="charlie", **{"team-jobs": "12"})
    assert "There is no member “charlie” in this team." in text_of(page)
    assert field_of(page, "team-jobs").text == "12"
    assert limits_of(team.pk) == {}


def test_of_many_members_with_own_limits_some_are_shown_and_the_rest_is_counted(
    client_of, dana, team, limit, quota
):
    people = [cast.new_user(f"user{number:02}", team) for number in range(25)]
    for person in people:
        limit("jobs", 1, user=person)
    form = client_of(dana).get(f"/teams/{team.slug}/quota/").context["form"]
    assert (sum(section.key.startswith("user-") for section in form.sections), form.more_members) == (20, 5)
    assert quota(dana, "member", member="user24").context["form"].more_members == 4
    quota(dana, **{"team-jobs": "3"})
    assert len(limits_of(team.pk)) == 26


def test_what_somebody_else_changed_meanwhile_is_told_and_nothing_is_lost(
    dana, team, limit, quota, client_of
):
    limit("jobs", 4)
    version = client_of(dana).get(f"/teams/{team.slug}/quota/").context["form"].version
    limit("jobs", 6)
    page = quota(dana, version=version, **{"team-jobs": "10", "team-cpu_millis": "32"})
    assert "Somebody else changed these limits" in text_of(page)
    assert (field_of(page, "team-jobs").text, field_of(page, "team-jobs").now) == ("10", "6")
    assert field_of(page, "team-cpu_millis").text == "32"
    assert limits_of(team.pk) == {JOBS: 6}
    again = quota(dana, version=page.context["form"].version, **{"team-jobs": "10"})
    assert again.status_code == 302
    assert limits_of(team.pk) == {JOBS: 10}


def test_a_change_between_the_check_and_the_lock_is_noticed(dana, team, quota, monkeypatch):
    from jobs.quota import saving

    real = saving.lock_team

    def slow(team_id, **options):
        monkeypatch.setattr(saving, "lock_team", real)
        set_limits(team_id, {JOBS: 6})
        return real(team_id, **options)

    monkeypatch.setattr(saving, "lock_team", slow)
    page = quota(dana, **{"team-jobs": "10"})
    assert "Somebody else changed these limits" in text_of(page)
    assert limits_of(team.pk) == {JOBS: 6}
    assert not AuditEvent.objects.filter(action="quota.changed").exists()


def test_saving_is_recorded_with_names_and_amounts(dana, alice, team, cluster, limit, quota):
    limit("cpu_millis", 4000)
    quota(
        dana,
        **{
            "team-cpu_millis": "16",
            f"cluster-{cluster.pk}-jobs": "2",
            "member-jobs": "1",
            f"user-{alice.pk}-jobs": "1",
        },
    )
    event = AuditEvent.objects.get(action="quota.changed")
    assert (event.target_name, event.team_id) == ("Data science", team.pk)
    assert event.old["CPU"] == "4 cores"
    assert event.new == {
        "CPU": "16 cores",
        "running jobs (on This machine)": "2",
        "running jobs (each member)": "1",
        "running jobs (alice)": "1",
    }
    quota(dana)
    assert AuditEvent.objects.filter(action="quota.changed").count() == 1


def test_saving_wakes_the_queue_and_tells_workers_at_once(
    make_job, dana, team, limit, admit, quota, sent, django_capture_on_commit_callbacks
):
    limit("jobs", 0)
    make_job()
    admit()
    nothing_due()
    research = cast.new_cluster("research", "Research")
    TeamSpace.objects.create(cluster=research, team=team, namespace="sw-data")
    with django_capture_on_commit_callbacks(execute=True):
        quota(dana, **{"team-jobs": "1"})
    assert due_teams() == [team.pk]
    assert sent == [("jobs.sweep", None), ("clusters.check", [research.pk])]


def test_a_preview_changes_nothing_and_keeps_what_was_typed(
    make_job, dana, team, limit, admit, quota, sent, django_capture_on_commit_callbacks
):
    limit("jobs", 0)
    make_job()
    admit()
    nothing_due()
    rows = list(QuotaLine.objects.order_by("pk").values())
    with django_capture_on_commit_callbacks(execute=True):
        page = quota(dana, "preview", **{"team-jobs": "5", "shares_quota": "yes"})
    assert page.context["preview"].sentences == ["1 waiting job would start at once."]
    assert field_of(page, "team-jobs").text == "5"
    assert page.context["form"].settings["shares_quota"] is True
    assert list(QuotaLine.objects.order_by("pk").values()) == rows
    assert (due_teams(), sent) == ([], [])
    assert not AuditEvent.objects.filter(action="quota.changed").exists()
    assert not Team.objects.get().shares_quota


def test_sharing_is_switched_with_the_limits_in_one_step(
    make_job, dana, team, other_team, charlie, limit, quota, sent, django_capture_on_commit_callbacks
):
    limit("jobs", 2, of=other_team)
    TeamQueue.objects.create(team=other_team)
    quota(dana, to=other_team, shares_quota="yes")
    nothing_due()
    with django_capture_on_commit_callbacks(execute=True):
        quota(dana, **{"team-jobs": "3", "shares_quota": "yes"})
    assert pooled() == (0, 5)
    assert due_teams() == sorted([team.pk, other_team.pk])
    quota(dana, **{"team-jobs": "4"})
    assert pooled() == (0, 6)
    quota(dana, **{"team-jobs": "9", "shares_quota": None})
    assert pooled() == (0, 2)
    assert limits_of(team.pk) == {JOBS: 9}


def test_after_saving_it_says_what_really_starts(make_job, client_of, dana, team, limit, admit, quota):
    limit("jobs", 0)
    jobs = [make_job() for _ in range(3)]
    admit()
    page = quota(dana, follow=True, **{"team-jobs": "2"})
    assert page.redirect_chain == [(f"/teams/{team.slug}/use/", 302)]
    assert "The quota of Data science was saved. 2 waiting jobs now start." in text_of(page)
    assert admit() == [jobs[0].pk, jobs[1].pk]


def test_who_may_open_it(client_of, alice, bob, charlie, manager, otto, dana, team):
    codes = [
        client_of(user).get(f"/teams/{team.slug}/quota/").status_code
        for user in (alice, charlie, otto, manager, dana)
    ]
    assert codes == [403, 404, 403, 200, 200]
    assert "Rules" not in client_of(manager).get(f"/teams/{team.slug}/quota/").content.decode()
