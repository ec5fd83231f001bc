"""“Go to” below the output: places that are there, and those that are not."""

import pytest

from tests.browser.output_page import open_output
from tests.jobs.output_writer import finish, store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(make_job, make_attempt, alice, page_of):
    """The end of an output of 1,000 lines, with line 700 in the address."""
    job = make_job(status="running", name="Train the model")
    store(make_attempt(job, started_at=job.running_at), "".join(f"line {n}\n" for n in range(1, 1001)))
    finish(job)
    page = open_output(page_of(alice), job, "?line=700#L700")
    page.get_by_text("line 700", exact=True).wait_for()
    return page


def go(page, wish):
    page.get_by_label("Go to").fill(wish)
    page.get_by_role("button", name="Go", exact=True).click()


def test_the_end_is_gone_to_though_the_address_names_a_line(page):
    go(page, "end")
    page.wait_for_url(lambda url: "#" not in url)
    page.locator("[data-output-viewer]").get_by_text("line 1000", exact=True).wait_for()


def test_a_line_that_is_not_there_is_said_and_the_end_is_shown(page):
    go(page, "99,999")
    page.get_by_text("There is no line 99,999: the output ends before it.").wait_for()
    page.locator("[data-output-viewer]").get_by_text("line 1000", exact=True).wait_for()


def test_what_is_no_place_is_refused_where_it_was_typed_and_a_place_is_gone_to(page):
    address = page.url
    for wish in ("nowhere", "-5", "12 lines"):
        go(page, wish)
        assert page.get_by_label("Go to").evaluate("input => input.validity.patternMismatch"), wish
        assert page.url == address
    for wish in ("300", "L300", "line 300", "30 %"):
        go(page, wish)
        page.wait_for_url("**?line=3*")
        page.locator("[data-output-viewer]").get_by_text("line 300", exact=True).wait_for()
        go(page, "start")
        page.wait_for_url("**?line=1#L1")


def test_after_the_end_a_button_leads_to_the_end_and_nothing_is_followed(page):
    button = page.get_by_role("button", name="To the end")
    page.get_by_text("Complete", exact=True).wait_for()
    assert button.get_attribute("aria-pressed") is None
    assert page.get_by_role("button", name="Follow").count() == 0
    for _ in range(2):
        page.locator("[data-output-viewer]").evaluate("log => log.scrollTo(0, 0)")
        page.locator("[data-output-viewer]").get_by_text("line 1", exact=True).wait_for()
        button.click()
        page.locator("[data-output-viewer]").get_by_text("line 1000", exact=True).wait_for()
