"""The pages: amounts and rules of a team, the editor with its dry run, what a job says of what went, pins."""

import pytest
from django.urls import reverse

from jobs.models import Job, RetentionRule
from jobs.retention.deleting import delete_by_rules
from jobs.retention.pins import pin
from jobs.retention.rules import Rule, rules_of, set_rules
from teams.models import AuditEvent

MIB = 1024 * 1024


def editor(team):
    return reverse("team_retention", args=[team.slug])


@pytest.fixture
def as_manager(client_of, manager):
    return client_of(manager)


def text_of(response):
    return " ".join(response.content.decode().split())


def test_the_dry_run_says_exactly_what_would_go_and_deletes_nothing(as_manager, ended, team, alice):
    for days in (5, 40, 50):
        ended(days, logs=b"x" * MIB, name=f"run of {days}")
    pin(ended(60, logs=b"x" * MIB, name="pinned run"), alice)
    response = as_manager.get(editor(team), {"action": "preview", "own-logs-days": "30"})
    told = {each.kind: each.sentence for each in response.context["preview"].sums}
    assert told["logs"].startswith("2 jobs' output, 2 MiB, the oldest of ")
    assert told["results"] == told["inputs"] == "nothing would go."
    assert [row.job.name for row in response.context["preview"].page.rows] == ["run of 50", "run of 40"]
    assert not RetentionRule.objects.exists()
    as_manager.post(editor(team), {"own-logs-days": "30"})
    (deleted,) = delete_by_rules()
    assert (deleted.count, deleted.bytes) == (2, 2 * MIB)


@pytest.mark.parametrize(
    "sent", [{"own-results-size": "25 B"}, {"own-inputs-days": "7"}, {"own-inputs-size": "30 B"}]
)
def test_dry_run_and_delete_are_the_same(as_manager, ended, team, sent):
    for days in range(8, 14):
        shared = {"main.py": b"m" * 5, "data": b"d" * (days % 2 + 10)}
        ended(days, files=shared | {"own": bytes([days]) * 7}, results={"a": b"r" * 10})
    preview = as_manager.get(editor(team), {"action": "preview"} | sent).context["preview"]
    promised = next(each for each in preview.sums if each.is_any)
    as_manager.post(editor(team), sent)
    (deleted,) = delete_by_rules()
    assert promised.kind == deleted.kind
    assert f"{deleted.count} jobs'" in promised.sentence
    assert f", {deleted.bytes} B," in promised.sentence


def test_the_list_is_paged_by_keyset(as_manager, ended, team, monkeypatch):
    monkeypatch.setattr("jobs.retention.preview.PAGE", 2)
    for days in range(31, 36):
        ended(days, name=f"run of {days}")
    seen, asked = [], {"action": "preview", "own-logs-days": "30", "kind": "logs"}
    for _ in range(3):
        page = as_manager.get(editor(team), asked).context["preview"].page
        seen += [row.job.name for row in page.rows]
        asked["after"] = page.next_after
    assert seen == [f"run of {days}" for days in (35, 34, 33, 32, 31)]
    assert asked["after"] == ""


def test_a_manager_may_be_stricter_than_the_admin_allows_and_never_laxer(as_manager, team):
    set_rules(None, {"logs": Rule(90, 10 * MIB)}, is_allowance=True)
    response = as_manager.post(editor(team), {"own-logs-days": "91", "own-logs-size": "11 MiB"})
    assert len(response.context["form"].errors) == 2
    assert "At most 90 days" in text_of(response)
    assert as_manager.post(editor(team), {"own-logs-days": "60"}).status_code == 302
    assert rules_of(team)["logs"].rule == Rule(60, 10 * MIB)
    # And when the portal's becomes stricter, it holds at once.
    set_rules(None, {"logs": Rule(7)}, is_allowance=True)
    assert rules_of(team)["logs"].rule == Rule(7)


def test_a_manager_cannot_send_what_only_admins_may(as_manager, team):
    set_rules(None, {"logs": Rule(90)}, is_allowance=True)
    as_manager.post(editor(team), {"allow-logs": "yes", "allow-logs-days": "900", "own-logs-days": ""})
    assert rules_of(team)["logs"].rule == Rule(90)


def test_an_admin_allows_one_team_more(client_of, dana, team, other_team):
    set_rules(None, {"logs": Rule(90)}, is_allowance=True)
    sent = {"allow-logs": "yes", "allow-logs-days": "365", "own-logs-days": "200"}
    assert client_of(dana).post(editor(team), sent).status_code == 302
    assert (rules_of(team)["logs"].rule, rules_of(other_team)["logs"].rule) == (Rule(200), Rule(90))
    event = AuditEvent.objects.get(action="retention.changed")
    assert event.new["output"] == "200 days after the end"


def test_the_portals_dry_run_names_the_teams(client_of, dana, ended, team):
    ended(40, logs=b"x" * MIB)
    response = client_of(dana).get(
        reverse("portal_retention"), {"action": "preview", "allow-logs-days": "30"}
    )
    (sentence,) = response.context["preview"]
    assert sentence.startswith(f"{team.name}: 1 job's output, 1 MiB, ended on")


@pytest.mark.parametrize(
    ("field", "typed"), [("days", "0"), ("days", "-1"), ("days", "1.5"), ("days", "²"), ("size", "2 apples")]
)
def test_what_is_typed_wrongly_is_said_at_its_field(as_manager, team, field, typed):
    response = as_manager.post(editor(team), {f"own-logs-{field}": typed})
    (error,) = response.context["form"].errors
    assert error.id == f"id_own-logs-{field}"
    assert not RetentionRule.objects.exists()


def test_nobody_overwrites_anothers_change_unseen(as_manager, team):
    version = as_manager.get(editor(team)).context["form"].version
    as_manager.post(editor(team), {"version": version, "own-logs-days": "30"})
    response = as_manager.post(editor(team), {"version": version, "own-logs-days": "60"})
    assert "Somebody else changed these rules" in text_of(response)
    assert rules_of(team)["logs"].rule == Rule(30)


def test_the_team_sees_what_is_kept_and_what_went(client_of, bob, ended, team, rule):
    ended(40, logs=b"x" * MIB, name="an old run")
    ended(2, logs=b"x" * 3 * MIB)
    rule("logs", days=30, most_bytes=4 * MIB)
    client = client_of(bob)
    page = text_of(client.get(reverse("team_storage", args=[team.slug])))
    assert "4 MiB of 4 MiB" in page
    assert "Kept for 30 days after the end, at most 4 MiB of the team (set by an admin)." in page
    delete_by_rules()
    page = text_of(client.get(reverse("team_storage", args=[team.slug])))
    assert "3 MiB of 4 MiB" in page
    assert "an old run</a>: The output (1 MiB) was deleted on" in page


def test_the_list_of_teams_says_how_much_each_has(client_of, dana, ended, team):
    ended(1, logs=b"x" * 3 * MIB, results={}, files={"main.py": b"x" * MIB})
    row = client_of(dana).get(reverse("team_list")).context["rows"][0]
    assert (row.team, row.stored) == (team, 4 * MIB)


def test_a_jobs_page_says_what_went_and_downloads_answer_410(client_of, alice, ended, rule):
    job = ended(31)
    artifact = job.attempts.get().artifacts.get()
    for kind in ("logs", "results", "inputs"):
        rule(kind, days=30)
    delete_by_rules()
    client = client_of(alice)
    for view, words in (
        ("job_detail", "The output (6 B) was"),
        ("job_output_search", "The output (6 B) was"),
        ("job_results", "The results (1 file, 10 B) were"),
        ("job_info", "The input files (1 file,"),
    ):
        page = text_of(client.get(reverse(view, args=[job.pk]), {"q": "hello"}))
        assert words in page
        assert "by the team&#x27;s rule: 30 days after the end" in page
    for view, args in (
        ("job_output_download", [job.pk, "stdout"]),
        ("job_results_zip", [job.pk]),
        ("artifact_download", [job.pk, artifact.pk]),
        ("artifact_raw", [job.pk, artifact.pk]),
        ("artifact_detail", [job.pk, artifact.pk]),
    ):
        assert client.get(reverse(view, args=args)).status_code == 410, view
    response = client.post(reverse("job_run_with_changes", args=[job.pk]), follow=True)
    assert "Upload them again here." in text_of(response)


def test_colleagues_of_other_teams_learn_nothing_of_what_went(client_of, charlie, ended, rule):
    job = ended(31)
    rule("logs", days=30)
    delete_by_rules()
    assert client_of(charlie).get(reverse("job_output_download", args=[job.pk, "stdout"])).status_code == 404


def test_a_pin_is_seen_found_and_taken_away(client_of, alice, bob, make_job):
    job, other = make_job(status="succeeded", name="keep me"), make_job(status="succeeded", name="not me")
    client = client_of(alice)
    client.post(reverse("job_pin", args=[job.pk]), {"on": "1"})
    job.refresh_from_db()
    assert (job.pinned_at is not None, job.pinned_by) == (True, alice)
    assert "Pinned by Alice Ames" in text_of(client_of(bob).get(job.get_absolute_url()))
    page = client.get(reverse("job_list"), {"pinned": "yes"})
    assert [each.name for each in page.context["jobs"]] == ["keep me"]
    assert "row-pin" in text_of(page)
    client.post(reverse("job_pin", args=[job.pk]), {"on": "0"})
    assert not Job.objects.filter(pinned_at__isnull=False).exists()
    actions = AuditEvent.objects.filter(area="job").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["job.pinned", "job.unpinned"]
    assert not AuditEvent.objects.filter(area="job").exclude(old={}).exists()  # its status stays
    assert [event.kind for event in job.events.order_by("pk")][-2:] == ["pinned", "unpinned"]
    assert other.pinned_at is None


def test_many_are_pinned_at_once_without_a_question(client_of, alice, bob, make_job):
    own = [make_job(status="succeeded") for _ in range(3)]
    theirs = make_job(owner=bob, status="succeeded")
    client = client_of(alice)
    ids = [job.pk for job in [*own, theirs]]
    response = client.post(reverse("job_bulk"), {"action": "pin", "job": ids}, follow=True)
    assert "3 jobs are pinned." in text_of(response)
    assert set(Job.objects.filter(pinned_at__isnull=False)) == set(own)
    response = client.post(reverse("job_bulk"), {"action": "unpin", "job": ids}, follow=True)
    assert "3 jobs are no longer pinned." in text_of(response)
    assert not Job.objects.filter(pinned_at__isnull=False).exists()


def test_the_last_lines_are_pointed_at_until_a_rule_deletes_the_output(client_of, alice, ended, rule):
    job = ended(40, status="failed", reason="exit_code")
    page, words = job.get_absolute_url(), "The last lines of its output usually say why."
    assert words in text_of(client_of(alice).get(page))
    rule("logs", days=30)
    delete_by_rules()
    gone = text_of(client_of(alice).get(page))
    assert words not in gone
    assert "There is no output that could say why. Check the script and choose Run with changes." in gone


def test_a_script_that_wrote_nothing_has_no_last_lines(client_of, alice, ended):
    job = ended(1, logs=b"", status="failed", reason="exit_code")
    assert "last lines" not in text_of(client_of(alice).get(job.get_absolute_url()))


def test_a_cancelled_job_says_that_its_output_is_kept_while_it_is(client_of, alice, ended, rule):
    job = ended(40, status="cancelled", exit_code=-15)
    assert "while it ran; output so far is kept." in text_of(client_of(alice).get(job.get_absolute_url()))
    rule("logs", days=30)
    delete_by_rules()
    assert "Cancelled while it ran." in text_of(client_of(alice).get(job.get_absolute_url()))
