"""The output of a job that has none, in a real browser."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from jobs import hints
from jobs.models import Job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_open_page_of_a_job_that_is_cancelled_while_it_waits_says_that_it_never_ran(
    make_job, alice, page_of
):
    job = make_job(status="queued")
    page = page_of(alice)
    page.goto(f"/jobs/{job.pk}/")
    page.get_by_text("Nothing yet.").wait_for()
    Job.objects.filter(pk=job.pk).update(
        status="cancelled", finished_at=timezone.now(), next_look_at=None, cancel_requested_at=timezone.now()
    )
    hints.announce(job.pk, "status")
    page.get_by_text("This job never ran: it was cancelled before its script started.").wait_for()
    assert page.get_by_text("Nothing yet.").count() == 0
    expect(page.locator("[data-live-job]")).to_have_count(0)  # the header comes by a fetch of its own


def test_where_nothing_was_written_no_button_leads_to_its_end(make_job, make_attempt, alice, page_of):
    job = make_job(status="succeeded")
    make_attempt(job)
    page = page_of(alice)
    page.goto(f"/jobs/{job.pk}/")
    page.get_by_role("button", name="Wrap").wait_for()
    expect(page.get_by_role("button", name="To the end")).to_have_count(0)
