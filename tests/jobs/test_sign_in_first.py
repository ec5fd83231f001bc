"""Who was signed out meanwhile and sends a form: comes back to its page, and is told that nothing was done."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse


@pytest.mark.parametrize(
    ("name", "came_from", "lands_on"),
    [
        ("job_cancel", "/jobs/{pk}/?stream=stdout", "/jobs/{pk}/?stream=stdout"),
        ("job_run_again", "/jobs/{pk}/", "/jobs/{pk}/"),
        ("job_run_with_changes", "https://elsewhere.example/x", "/"),
        ("job_delete", "", "/"),
    ],
)
def test_who_was_signed_out_comes_back_to_the_page_and_is_told(db, make_job, name, came_from, lands_on):
    job = make_job()
    visitor, page = Client(), came_from.format(pk=job.pk)
    referer = f"http://testserver{page}" if page.startswith("/") else page
    answer = visitor.post(reverse(name, args=[job.pk]), headers={"referer": referer})
    target = parse_qs(urlsplit(answer.url).query)["next"]
    assert target == [lands_on.format(pk=job.pk)]
    assert "nothing was done" in visitor.get(answer.url).content.decode()
    job.refresh_from_db()
    assert job.cancel_requested_at is None


def test_a_script_that_saves_while_signed_out_leaves_no_message(db):
    visitor = Client()
    answer = visitor.post(
        reverse("draft_edit", args=[uuid4()]), {"action": "save"}, headers={"sec-fetch-mode": "cors"}
    )
    assert "nothing was done" not in visitor.get(answer.url).content.decode()
