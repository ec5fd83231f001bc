"""A JSON result as a tree in a real browser: by keyboard, in both themes, on a phone, and with all that is hostile."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from tests.cast import new_artifact

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
REPORT = """{
 "model": "gradient boosting", "rows": 48213, "rate": 0.10, "seed": 12345678901234567890123,
 "params": {"depth": 6, "rounds": 400, "early": true, "notes": null, "depth": 8},
 "folds": [{"loss": 0.3127, "best": [311, 2.50]}, {"loss": 0.3301, "best": []}],
 "text": "LONG", "<img src=x onerror=alert(1)>": "<script>alert(1)</script>", "history": LIST
}"""


@pytest.fixture
def report(make_job, make_attempt):
    job = make_job(status="succeeded", name="boost orders")
    attempt = make_attempt(job, started_at=timezone.now(), collected_at=timezone.now())
    text = REPORT.replace("LONG", "lorem ipsum " * 60).replace("LIST", json.dumps(list(range(200))))
    return new_artifact(attempt, "results/report.json", text.encode())


def address(artifact) -> str:
    return f"/jobs/{artifact.attempt.job_id}/results/{artifact.pk}/"


def test_it_is_opened_and_closed_by_keyboard(report, alice, page_of):
    page = page_of(alice)
    page.goto(address(report))
    history = page.locator("summary", has_text="history")
    item = page.locator("details", has=history).last.get_by_text("199", exact=True).last
    expect(item).to_be_hidden()
    history.focus()
    page.keyboard.press("Enter")
    expect(item).to_be_visible()
    page.keyboard.press(" ")
    expect(item).to_be_hidden()


def test_without_scripts_it_works_as_well(report, alice, page_of):
    page = page_of(alice, java_script_enabled=False)
    page.goto(address(report))
    folds = page.locator("summary", has_text="folds")
    expect(page.get_by_text("0.3301", exact=True)).to_be_visible()
    folds.click()
    expect(page.get_by_text("0.3301", exact=True)).to_be_hidden()


@pytest.mark.parametrize("colour", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_and_nothing_leaves_the_window(report, alice, page_of, width, colour):
    page = page_of(alice, width=width, colour=colour)
    page.goto(address(report), wait_until="networkidle")
    page.locator("summary", has_text="history").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tree = page.locator(".artifact-body")
    assert tree.evaluate("body => body.scrollWidth <= body.clientWidth + 1")


def test_ten_thousand_levels_are_a_page_like_any_other(report, alice, page_of):
    deep = new_artifact(report.attempt, "results/deep.json", b"[" * 10_000 + b"]" * 10_000)
    page = page_of(alice, width=360)
    page.goto(address(deep), wait_until="networkidle")
    expect(page.get_by_text("nested deeper than 50 levels")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
