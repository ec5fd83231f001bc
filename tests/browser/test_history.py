"""The history in a real browser: filters, keyboard, live rows and counts, bulk cancel, accessibility."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from jobs import hints
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.search import pending
from tests.browser.axe import serious

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def jobs(make_job, alice, bob):
    made = [
        make_job(name="clean data", status="succeeded", tags=["orders"]),
        make_job(name="score", owner=bob, status="failed"),
        make_job(name="nightly", status="queued"),
        make_job(name="train model", status="running", tags=["paper"]),
    ]
    pending.read_pending()
    return {job.name: job for job in made}


def names(page):
    return page.locator("[data-job-link]").all_inner_texts()


def test_filters_are_links_with_addresses_and_the_search_keeps_them(page_of, jobs, alice):
    page = page_of(alice)
    page.goto("/")
    assert names(page) == ["train model", "nightly", "score", "clean data"]
    page.get_by_role("link", name="Active").click()
    expect(page).to_have_url("/?status=active", ignore_case=False)
    assert names(page) == ["train model", "nightly"]
    page.locator("summary", has_text="Tag").click()
    page.get_by_role("link", name="paper", exact=True).click()
    expect(page).to_have_url("/?status=active&tag=paper")
    page.locator("[data-search]").fill("TRAIN")
    page.keyboard.press("Enter")
    page.wait_for_url("**/*text=TRAIN*")
    assert names(page) == ["train model"]
    assert "status=active" in page.url
    assert "tag=paper" in page.url
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("[data-job-link]")).to_have_count(4)


def test_the_keyboard_moves_selects_searches_and_opens(page_of, jobs, alice):
    page = page_of(alice)
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="nightly")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("[data-bulk-count]")).to_have_text("1 selected")
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="train model")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("jjx")  # typed, not obeyed
    expect(page.locator("[data-search]")).to_have_value("jjx")
    page.keyboard.press("Tab")
    page.get_by_role("link", name="train model").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{jobs['train model'].pk}/")


def test_a_row_and_the_counts_change_without_a_reload(page_of, jobs, alice):
    page = page_of(alice)
    page.goto("/")
    page.evaluate("window.stayed = true")
    job = jobs["nightly"]
    row = page.locator(f"#job-{job.pk}")
    expect(row).to_contain_text("Queued")
    page.wait_for_timeout(500)
    Job.objects.get(pk=job.pk).move_to(Status.CANCELLED)
    hints.announce(job.pk, "status")
    expect(row).to_contain_text("Cancelled", timeout=20_000)
    expect(page.locator(".count-cancelled strong")).to_have_text("1", timeout=20_000)
    assert page.evaluate("window.stayed")
    assert row.get_attribute("data-live-job") is None


@pytest.mark.parametrize("more", [0, 3])
def test_what_gets_old_by_itself_is_renewed_while_a_job_waits(page_of, jobs, make_job, alice, more):
    for number in range(more):
        make_job(name=f"waiting {number}", status="queued")
    page = page_of(alice)
    page.clock.install()
    # What is fetched when the stream opens comes before the change.
    own = f"/jobs/{jobs['nightly'].pk}/row" if not more else "/"
    with page.expect_response(
        lambda said: "x-live" in said.request.headers and own in said.url[-len(own) - 1 :]
    ):
        page.goto("/")
    page.wait_for_timeout(200)
    Job.objects.filter(pk=jobs["nightly"].pk).update(name="by night")
    row = page.locator(f"#job-{jobs['nightly'].pk}")
    page.clock.run_for(25_000)
    expect(row).to_contain_text("nightly")
    page.clock.run_for(6_000)
    expect(row).to_contain_text("by night")


def test_an_answer_that_took_long_takes_nothing_back(page_of, jobs, make_job, alice):
    waiting = [make_job(name=f"waiting {number}", status="queued") for number in range(3)]
    held = []
    page = page_of(alice)
    page.route(lambda url: url.endswith("/"), lambda route: _hold(route, held))
    page.goto("/")
    while not held:  # the whole list, as it is before the change
        page.wait_for_timeout(50)
    job = waiting[0]
    Job.objects.get(pk=job.pk).move_to(Status.CANCELLED)
    hints.announce(job.pk, "status")
    row = page.locator(f"#job-{job.pk}")
    expect(row).to_contain_text("Cancelled", timeout=20_000)
    for route, answer in held:
        route.fulfill(response=answer)
    expect(row).to_contain_text("Cancelled")
    page.wait_for_timeout(1000)
    expect(row).to_contain_text("Cancelled")


def _hold(route, held):
    if "x-live" in route.request.headers and not held:
        held.append((route, route.fetch()))
    else:
        route.continue_()


def test_bulk_cancel_asks_and_does_it(page_of, jobs, alice):
    page = page_of(alice)
    page.goto("/?status=active")
    page.get_by_label("Select all jobs on this page").check()
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 2 jobs?")
    page.get_by_role("button", name="Cancel 2 jobs").click()
    expect(page.locator("#messages")).to_contain_text("2 jobs are being cancelled.")
    assert page.url.endswith("/?status=active")
    assert Job.objects.exclude(cancel_requested_at=None).count() == 2


def test_a_search_marks_what_it_found_and_is_kept_under_a_name(page_of, jobs, alice):
    page = page_of(alice)
    page.goto("/")
    page.locator("[data-search]").fill("hello -nightly -score -clean")
    page.keyboard.press("Enter")
    page.wait_for_url("**/*text=hello*")
    expect(page.locator(".hits")).to_have_text("main.py, line 1 print('hello')")
    expect(page.locator(".hits mark")).to_have_text("hello")
    assert not Axe().run(page).response["violations"]
    page.locator("summary", has_text="Save these filters").click()
    page.get_by_label("Name", exact=True).fill("Greetings")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/")
    page.get_by_role("link", name="Greetings").click()
    assert names(page) == ["train model"]


def test_all_that_match_are_one_tick_where_there_are_more_pages(page_of, jobs, alice, make_job):
    for _ in range(50):
        make_job(status="succeeded")
    page = page_of(alice)
    page.goto("/?time=today")
    page.locator('input[name="job"]').first.check()
    page.get_by_label("all that match").check()
    expect(page.locator("[data-bulk-count]")).to_have_text("All that match")
    page.get_by_role("button", name="Tags…").click()
    expect(page.get_by_role("heading", name="Change tags of 53 jobs?")).to_be_visible()
    page.get_by_label("Add these tags").fill("paper")
    page.get_by_role("button", name="Change tags of 53 jobs").click()
    expect(page.get_by_text("52 jobs have other tags now.")).to_be_visible()


def test_without_javascript_filters_and_bulk_work(page_of, jobs, alice):
    page = page_of(alice, java_script_enabled=False)
    page.goto("/")
    page.locator("summary", has_text="When").click()
    page.get_by_role("link", name="Today").click()
    expect(page.locator("[data-job-link]")).to_have_count(4)
    page.get_by_label("Select nightly").check()
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel 1 job").click()
    expect(page.locator("#messages")).to_contain_text("1 job is being cancelled.")


PAGES = (
    "/",
    "/?status=error",
    "/jobs/{id}/details/",
    "/jobs/{id}/delete/",
    "/accounts/password/change/",
    "/jobs/0/",
)


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious_and_nothing_overflows(page_of, jobs, alice, colour):
    for width in (360, 1280, 2560):
        page = page_of(alice, width=width, colour=colour)
        for path in PAGES:
            page.goto(path.format(id=jobs["train model"].pk))
            assert serious(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
