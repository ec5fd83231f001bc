"""Pauses of a team, a cluster, or everything: what is said before, what people see, and that it ends."""

import html

import pytest

from jobs.models import Job
from teams.models import AuditEvent, Pause
from tests.jobs.admission.conftest import due_teams, nothing_due, why

WORDS = "The storage is being moved, until noon."
PLACES = ["/teams/data-science/pause/", "/clusters/this-machine/pause/", "/pause/"]
AREAS = dict(zip(PLACES, ["team", "cluster", "portal"], strict=True))


@pytest.fixture(autouse=True)
def ground(team, cluster):
    """What the addresses name."""


def text_of(client, path):
    return html.unescape(client.get(path).content.decode())


@pytest.mark.parametrize("path", PLACES)
def test_it_says_what_happens_before_the_click(make_job, client_of, dana, path):
    [make_job(status=status) for status in ("running", "starting", "queued", "succeeded")]
    make_job(cancel_requested_at="2026-11-01T00:00Z")
    text = text_of(client_of(dana), path)
    assert "2 running jobs go on to their end." in text
    assert "1 waiting job keeps its place and does not start." in text
    assert not Pause.objects.exists()


@pytest.mark.parametrize("path", PLACES)
def test_nothing_starts_until_it_goes_on(
    make_job, client_of, dana, team, admit, path, sent, django_capture_on_commit_callbacks
):
    job, client = make_job(), client_of(dana)
    client.post(path, {"action": "pause", "message": WORDS})
    assert admit() == []
    assert why(job) == "paused"
    assert WORDS in Job.objects.get(pk=job.pk).sentence
    nothing_due()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(path, {"action": "resume"})
    assert due_teams() == [team.pk]
    assert sent == [("jobs.sweep", None)]
    assert admit() == [job.pk]


@pytest.mark.parametrize("path", PLACES)
def test_what_waits_is_told_of_a_pause_at_once(
    make_job, client_of, dana, team, limit, admit, path, sent, django_capture_on_commit_callbacks
):
    limit("jobs", 0)
    make_job()
    admit()
    nothing_due()
    with django_capture_on_commit_callbacks(execute=True):
        client_of(dana).post(path, {"action": "pause", "message": WORDS})
    assert due_teams() == [team.pk]
    assert sent == [("jobs.sweep", None)]


@pytest.mark.parametrize("path", PLACES)
def test_both_ways_are_in_the_audit_log_once(client_of, dana, path):
    client = client_of(dana)
    for _ in range(2):
        client.post(path, {"action": "pause", "message": WORDS})
    for _ in range(2):
        client.post(path, {"action": "resume"})
    events = AuditEvent.objects.filter(action__endswith="ed", area=AREAS[path]).order_by("pk")
    assert [(event.action, event.old, event.new) for event in events] == [
        (f"{AREAS[path]}.paused", {}, {"message": WORDS}),
        (f"{AREAS[path]}.resumed", {"message": WORDS}, {}),
    ]


def test_the_message_can_be_changed_while_it_lasts(client_of, dana, otto):
    client = client_of(dana)
    client.post("/pause/", {"action": "pause", "message": WORDS})
    assert WORDS in text_of(client, "/pause/")
    client.post("/pause/", {"action": "pause", "message": "Until one."})
    assert Pause.objects.get().message == "Until one."
    assert AuditEvent.objects.filter(action="portal.paused").last().old == {"message": WORDS}


@pytest.mark.parametrize("message", ["", "   ", "x" * 301])
def test_without_fitting_words_nothing_is_paused_and_they_stay(client_of, dana, message):
    page = client_of(dana).post("/pause/", {"action": "pause", "message": message})
    assert "Nothing was changed." in page.content.decode()
    assert page.context["form"]["message"].value() == message
    assert page.context["errors"][0]["id"] == "id_message"
    assert not Pause.objects.exists()


def test_what_goes_on_already_is_no_trouble(client_of, dana):
    assert client_of(dana).post("/pause/", {"action": "resume"}).status_code == 302
    assert not AuditEvent.objects.filter(area="portal").exists()


@pytest.mark.parametrize("path", PLACES)
def test_only_admins(client_of, alice, manager, otto, charlie, path):
    for user, code in ((alice, 404), (manager, 404), (charlie, 404), (otto, 403)):
        client = client_of(user)
        assert client.get(path).status_code == code, user
        assert client.post(path, {"action": "pause", "message": WORDS}).status_code == code, user
    assert not Pause.objects.exists()


@pytest.mark.parametrize(
    ("paused", "seen", "unseen"),
    [
        ("team", ["/teams/data-science/use/", "new"], ["/", "/teams/", "/clusters/this-machine/"]),
        ("cluster", ["/clusters/this-machine/", "new"], ["/", "/teams/", "/teams/data-science/use/"]),
        ("portal", ["/", "/teams/", "/teams/data-science/use/", "/clusters/this-machine/", "new"], []),
    ],
)
def test_where_it_is_seen(make_job, client_of, dana, team, cluster, profile, paused, seen, unseen):
    make_job(status="running")
    Pause.objects.create(
        message=WORDS, **{"team": {"team": team}, "cluster": {"cluster": cluster}}.get(paused, {})
    )
    client = client_of(dana)
    new = client.get("/new/")["Location"]
    for path in seen:
        assert WORDS in text_of(client, new if path == "new" else path), path
    for path in unseen:
        assert WORDS not in text_of(client, path), path


def test_everybody_is_told_and_only_admins_are_led_to_its_end(make_job, client_of, alice, charlie, dana):
    make_job()
    Pause.objects.create(message=WORDS)
    assert WORDS in text_of(client_of(alice), "/")
    assert "Let it go on" not in text_of(client_of(alice), "/")
    assert 'href="/pause/"' in text_of(client_of(dana), "/")


def test_a_teams_pause_is_told_when_the_form_changes_to_that_team(
    client_of, dana, team, other_team, image, profile
):
    Pause.objects.create(message=WORDS, team=other_team)
    client = client_of(dana)
    new = client.get("/new/")["Location"]
    assert WORDS not in text_of(client, new)
    parts = client.post(new, {"begin": "1", "script": "1", "team": str(other_team.pk), "end": "1"})
    assert WORDS in html.unescape(parts.content.decode())
