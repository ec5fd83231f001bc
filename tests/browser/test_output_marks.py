"""What Stellwerk says on a job's output, in a real browser: beside the script's lines, and no line of them."""

import pytest
from django.utils import timezone

from jobs import hints
from jobs.models import Attempt
from jobs.output import outputlog
from jobs.output.holes import Hole
from tests.browser.output_page import open_output
from tests.jobs.output_writer import finish, store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def running(make_job, make_attempt):
    job = make_job(status="running", name="Train the model")
    attempt = make_attempt(job, started_at=job.running_at)
    yield job, attempt
    outputlog.delete(attempt.pk)


def left_out(attempt, size, data, stream="stdout"):
    """As the intake does for the first chunk behind a hole."""
    at = getattr(outputlog.sizes(attempt.pk), stream)
    outputlog.append(attempt.pk, stream, at, data, outputlog.Told(0, Hole(at, size, "limit")))
    hints.announce(attempt.job_id, "output")


def test_where_bytes_were_left_out_a_line_without_a_number_says_how_many(running, alice, page_of):
    job, attempt = running
    store(attempt, "first\nsecond\n")
    page = open_output(page_of(alice), job)
    page.get_by_text("second", exact=True).wait_for()
    left_out(attempt, 123_456_789, b"after it\nlast\n")
    page.get_by_text("after it", exact=True).wait_for()
    assert page.locator(".output-mark").inner_text().startswith("123,456,789 bytes were left out here")
    assert page.locator(".line-number").all_inner_texts() == ["1", "2", "3", "4"]
    assert page.text_content("[data-output-count]") == "4 lines"
    order = page.locator(".output-rows > *").evaluate_all("rows => rows.map((row) => row.className)")
    tops = page.locator(".output-rows > *").evaluate_all(
        "rows => rows.map((row) => row.getBoundingClientRect().top)"
    )
    assert [name for _, name in sorted(zip(tops, order, strict=True))] == [
        "line",
        "line",
        "output-mark",
        "line",
        "line",
    ]
    open_output(page, job, "#L3")
    page.locator(".line.is-marked").wait_for()
    assert page.locator(".line.is-marked .line-text").inner_text() == "after it"


def test_what_is_said_of_output_that_is_not_shown_yet_goes_with_the_end(running, alice, page_of):
    job, attempt = running
    store(attempt, "line\n")
    page = open_output(page_of(alice), job)
    page.get_by_text("line", exact=True).wait_for()
    said = page.locator("[data-output-so-far]")
    assert said.is_hidden()
    page.evaluate("document.getElementById('output').viewer.source.soFar('Much so far')")
    assert said.inner_text() == "Much so far"
    finish(job)
    page.get_by_text("Complete", exact=True).wait_for()
    assert said.is_hidden()


def test_how_the_script_ended_is_said_below_its_output_and_is_no_line_of_it(running, alice, page_of):
    job, attempt = running
    store(attempt, "one\n")
    page = open_output(page_of(alice), job)
    page.get_by_text("one", exact=True).wait_for()
    Attempt.objects.update(
        ended_at=timezone.now(), collected_at=timezone.now(), exit_code=9, end_reason="time_limit"
    )
    finish(job)
    words = "The script ended with exit code 9: its time limit was reached."
    page.get_by_text(words, exact=True).wait_for()
    assert page.text_content("[data-output-count]") == "1 line"
    page = page_of(alice, java_script_enabled=False)
    page.goto(f"/jobs/{job.pk}/")
    assert page.locator(".output-mark").inner_text() == words
