"""The newest lines of a talkative script, in a real browser: there while it runs, replaced by the rest at its end."""

import pytest

from jobs import hints
from jobs.output import outputlog
from jobs.output.holes import Hole
from jobs.output.tails import Tail
from tests.browser.output_page import open_output
from tests.jobs.output_writer import finish, store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WORDS = "3,141,592 bytes of stdout are not shown while the script runs. Its newest lines:"


@pytest.fixture
def running(make_job, make_attempt):
    job = make_job(status="running", name="Train the model")
    attempt = make_attempt(job, started_at=job.running_at)
    store(attempt, "".join(f"head {number}\n" for number in range(1, 101)))
    yield job, attempt
    outputlog.delete(attempt.pk)


def tell(attempt, data, gap=3_141_592, stream="stdout"):
    """As the intake does for the newest of a stream."""
    stored = getattr(outputlog.sizes(attempt.pk), stream)
    outputlog.keep_tail(attempt.pk, stream, Tail(stored + gap, data))
    hints.announce(attempt.job_id, "output")


def newest(page):
    return page.locator(".output-viewer .output-newest > *").all_inner_texts()


def test_they_come_below_the_stored_lines_are_replaced_and_go_with_the_end(running, alice, page_of):
    job, attempt = running
    page = open_output(page_of(alice), job)
    page.get_by_text("head 100", exact=True).wait_for()
    assert newest(page) == []
    tell(attempt, b"step 1\n\x1b[31m<b>step 2</b>\x1b[0m\n")
    page.get_by_text(WORDS, exact=True).wait_for()
    assert newest(page) == [WORDS, "step 1", "<b>step 2</b>"]
    assert page.locator(".output-newest .ansi-fg-1").inner_text() == "<b>step 2</b>"
    assert page.locator(".output-newest .line-number").count() == 0
    last = page.locator(".output-rows .line").last.bounding_box()
    mark = page.locator(".output-newest .output-mark").bounding_box()
    assert last["y"] + last["height"] <= mark["y"] + 1
    assert page.get_by_text("<b>step 2</b>").last.is_visible(), "it follows"
    tell(attempt, b"step 3\n", gap=4_000_000)
    page.get_by_text("step 3", exact=True).wait_for()
    assert newest(page)[1:] == ["step 3"]
    assert page.text_content("[data-output-count]") == "100 lines"
    at = outputlog.sizes(attempt.pk).stdout
    store(attempt, b"step 3\n", told=outputlog.Told(0, Hole(at, 4_000_000, "limit")))
    page.locator(".output-rows .output-mark").wait_for()
    page.wait_for_function("() => !document.querySelector('.output-newest').childElementCount")
    assert page.text_content("[data-output-count]") == "101 lines"
    finish(job, 0)
    page.get_by_text("Complete", exact=True).wait_for()
    assert newest(page) == []
    assert page.get_by_text("step 3", exact=True).count() == 1


def test_whoever_reads_further_up_stays_there(running, alice, page_of):
    job, attempt = running
    page = open_output(page_of(alice), job, "#L3")
    page.locator(".line.is-marked").wait_for()
    tell(attempt, b"step 1\n")
    page.locator(".output-newest .line").wait_for(state="attached")
    assert page.locator(".line.is-marked").is_visible()
    assert page.evaluate("document.querySelector('.output-viewer').scrollTop") == 0


def test_of_a_chosen_stream_only_its_own_are_shown(running, alice, page_of):
    job, attempt = running
    tell(attempt, b"out\n")
    tell(attempt, b"err\n", stream="stderr")
    page = open_output(page_of(alice), job)
    page.get_by_text("err", exact=True).wait_for()
    assert len(newest(page)) == 4
    page.click("[data-stream-link=out]")
    assert newest(page) == [WORDS, "out"]
    page.click("[data-stream-link=all]")
    assert len(newest(page)) == 4


def test_without_javascript_they_are_in_the_page(running, alice, page_of):
    job, attempt = running
    tell(attempt, b"step 1\nstep 2\n")
    page = page_of(alice, java_script_enabled=False)
    page.goto(f"/jobs/{job.pk}/")
    assert page.locator(".output-newest > *").all_inner_texts() == [WORDS, "step 1", "step 2"]
