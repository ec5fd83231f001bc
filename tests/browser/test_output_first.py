"""A job's output before the page's script runs, in a real browser: its end is there with the first picture."""

import pytest
from playwright.sync_api import expect

from tests.jobs.output_writer import store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
VIEWER = "**/js/output/viewer*.js"


@pytest.fixture
def job(make_job):
    return make_job(status="running")


@pytest.fixture
def attempt(job, make_attempt):
    return make_attempt(job, started_at=job.running_at)


def first_picture(page, job, rest=""):
    """The page without the script that shows its lines later."""
    page.route(VIEWER, lambda route: route.abort())
    page.goto(f"/jobs/{job.pk}/{rest}")
    return page


def is_in_box(page, text):
    """Within the box of the output; on a phone that is larger than what the window has for it."""
    box = page.locator(".output-static").bounding_box()
    line = page.locator(".output-static .line-text").get_by_text(text, exact=True).bounding_box()
    top, bottom = line["y"], line["y"] + line["height"]
    return box["y"] <= top + 1 and bottom <= box["y"] + box["height"] + 1


@pytest.mark.parametrize("width", [360, 1280])
def test_a_long_output_begins_at_its_end(job, attempt, alice, page_of, width):
    store(attempt, "".join(f"line {number}\n" for number in range(1, 501)))
    page = first_picture(page_of(alice, width=width), job)
    assert is_in_box(page, "line 500")
    if width == 1280:
        assert page.get_by_text("line 500", exact=True).bounding_box()["y"] < 900
    page.locator(".output-static .line-text").get_by_text("line 450", exact=True).scroll_into_view_if_needed()
    assert is_in_box(page, "line 450")


def test_a_short_one_begins_at_the_top(job, attempt, alice, page_of):
    store(attempt, "first\nsecond\n")
    page = first_picture(page_of(alice), job)
    box, first, second = (
        page.locator(where).bounding_box()
        for where in (".output-static", ".output-static .line >> nth=0", ".output-static .line >> nth=1")
    )
    assert first["y"] - box["y"] < 5
    assert second["y"] > first["y"]


def test_a_link_to_a_line_leads_there(job, attempt, alice, page_of):
    store(attempt, "".join(f"line {number}\n" for number in range(1, 501)))
    page = first_picture(page_of(alice), job, "#L400")
    assert is_in_box(page, "line 400")


def test_nothing_moves_when_the_script_takes_over(job, attempt, alice, page_of):
    store(attempt, "".join(f"line {number}\n" for number in range(1, 501)))
    places = []
    for page in (first_picture(page_of(alice), job), page_of(alice)):
        page.goto(f"/jobs/{job.pk}/")
        line = page.locator("#output .line-text").get_by_text("line 500", exact=True)
        if places:
            expect(page.locator(".output-static")).to_have_count(0)
        line.wait_for()
        page.wait_for_timeout(200)
        foot = page.locator(".output-foot").bounding_box()
        places.append((foot["y"], line.bounding_box()["x"], line.bounding_box()["y"]))
    before, after = places
    assert before == pytest.approx(after, abs=2)


def test_without_scripts_the_page_is_as_long_as_its_lines(job, attempt, alice, page_of):
    store(attempt, "".join(f"line {number}\n" for number in range(1, 101)))
    page = page_of(alice, java_script_enabled=False)
    page.goto(f"/jobs/{job.pk}/")
    assert page.locator(".output-static").bounding_box()["height"] > 100 * 16
