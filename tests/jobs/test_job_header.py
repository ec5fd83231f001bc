"""The head of a job's page: status, sentence, the actions one may do, phases."""

import re

import pytest
from django.utils import timezone

from jobs.lifecycle import TERMINAL

ACTIONS = ("cancel", "again", "change", "delete")


@pytest.fixture
def header(client_of):
    def read(user, job):
        response = client_of(user).get(f"/jobs/{job.pk}/header/")
        assert response.status_code == 200
        return response.content.decode().strip()

    return read


def offered(page, job):
    return [name for name in ACTIONS if f'"/jobs/{job.pk}/{name}/"' in page]


def test_it_is_one_element_with_title_and_favicon_for_the_tab(make_job, header, alice):
    job = make_job(name="train", status="failed", reason="out_of_memory")
    page = header(alice, job)
    assert page.startswith("<header")
    assert page.endswith("</header>")
    assert 'data-title="Failed · train · Stellwerk"' in page
    assert "favicon/failed.svg" in page
    assert "Needed more memory" in page
    assert "data-live-job" not in page


PRIMARY = re.compile(r'<button class="btn btn-primary" type="submit"><svg.*?</svg>([^<]+)</button>', re.S)


@pytest.mark.parametrize(
    ("fields", "primary"),
    [
        ({"status": "succeeded"}, ["Run again"]),
        ({"status": "error", "reason": "drained"}, ["Run again"]),
        ({"status": "failed", "reason": "exit_code"}, ["Run with changes"]),
        ({"status": "failed", "reason": "out_of_memory"}, ["Run with changes"]),
        ({"status": "error", "reason": "no_shell"}, ["Run with changes"]),
        ({"status": "error", "reason": "cluster_removed"}, ["Run with changes"]),
        ({"status": "starting", "reason": "image_missing"}, ["Run with changes"]),
        ({"status": "starting", "reason": "config_missing"}, []),
        ({"status": "running"}, []),
    ],
)
def test_the_filled_button_is_the_one_that_helps(make_job, header, alice, fields, primary):
    assert PRIMARY.findall(header(alice, make_job(**fields))) == primary


def test_it_names_who_cancelled_the_job(make_job, header, alice, bob):
    asked = {"cancel_requested_at": timezone.now(), "cancel_requested_by": bob}
    assert "Cancelled by Bob Bauer." in header(alice, make_job(status="cancelled", **asked))
    ran = header(alice, make_job(status="cancelled", exit_code=-15, **asked))
    assert "Cancelled by Bob Bauer while it ran." in ran
    assert "Cancelling, as Bob Bauer asked: waiting" in header(alice, make_job(status="running", **asked))
    assert "Bob Bauer" not in header(alice, make_job(status="succeeded", **asked))
    gone = make_job(status="cancelled", cancel_requested_at=timezone.now())
    assert "Cancelled." in header(alice, gone)


def test_it_is_live_while_the_job_can_change(make_job, header, alice):
    job = make_job(status="running")
    assert f'data-live-job="{job.pk}"' in header(alice, job)


def test_the_owner_is_offered_everything(make_job, header, alice):
    job = make_job(status="running")
    assert offered(header(alice, job), job) == list(ACTIONS)


@pytest.mark.parametrize("status", ["finishing", "succeeded"])
def test_nobody_is_offered_to_cancel_what_has_ended(make_job, header, alice, status):
    job = make_job(status=status)
    assert offered(header(alice, job), job) == ["again", "change", "delete"]


def test_a_colleague_is_offered_what_a_colleague_may_do(make_job, header, bob):
    job = make_job(status="running")
    assert offered(header(bob, job), job) == ["again", "change"]


def test_a_manager_and_an_admin_are_offered_everything(make_job, header, manager, dana):
    job = make_job(status="running")
    for user in (manager, dana):
        assert offered(header(user, job), job) == list(ACTIONS)


def test_run_again_has_a_fresh_key_each_time(make_job, client_of, alice):
    job, client = make_job(), client_of(alice)
    keys = {client.get(f"/jobs/{job.pk}/header/").context["run_again_key"] for _ in range(2)}
    assert len(keys) == 2


def test_a_stranger_gets_404(make_job, client_of, charlie):
    assert client_of(charlie).get(f"/jobs/{make_job().pk}/header/").status_code == 404


PHASES = ("queued", "starting", "running", "finishing")


@pytest.mark.parametrize(
    ("status", "begun", "states"),
    [
        ("queued", 1, ["now", "todo", "todo", "todo"]),
        ("running", 3, ["done", "done", "now", "todo"]),
        ("succeeded", 4, ["done"] * 4),
        ("failed", 4, ["done", "done", "failed", "done"]),
        ("cancelled", 1, ["cancelled", "skipped", "skipped", "skipped"]),
        ("cancelled", 4, ["done", "done", "cancelled", "done"]),
        ("error", 2, ["done", "error", "skipped", "skipped"]),
    ],
)
def test_the_phases_show_where_a_job_ended(make_job, header, alice, status, begun, states):
    job = make_job(status=status, finished_at=timezone.now() if status in TERMINAL else None)
    for phase in PHASES[1:]:
        setattr(job, f"{phase}_at", timezone.now() if PHASES.index(phase) < begun else None)
    job.save()
    assert re.findall(r'class="phase phase-(\w+)"', header(alice, job)) == states
