"""One row of the list, rendered alone while its job can still change."""

import re
from datetime import timedelta

from django.utils import timezone


def test_a_row_is_one_element_with_its_id(make_job, client_of, alice):
    job = make_job(name="train", status="running", tags=["paper"])
    page = client_of(alice).get(f"/jobs/{job.pk}/row/").content.decode().strip()
    assert page.startswith(f'<tr id="job-{job.pk}"')
    assert page.endswith("</tr>")
    assert "train" in page
    assert "paper" in page


def test_a_row_is_live_until_its_job_is_finished(make_job, client_of, alice):
    client = client_of(alice)
    running, done = make_job(status="running"), make_job(status="succeeded")
    assert f'data-live-job="{running.pk}"' in client.get(f"/jobs/{running.pk}/row/").content.decode()
    assert "data-live-job" not in client.get(f"/jobs/{done.pk}/row/").content.decode()


def test_a_row_says_that_it_is_being_cancelled(make_job, client_of, alice):
    job = make_job(status="running", cancel_requested_at=timezone.now())
    assert "cancelling" in client_of(alice).get(f"/jobs/{job.pk}/row/").content.decode()


def test_a_job_that_waits_says_for_how_long(make_job, client_of, alice):
    page = client_of(alice).get(
        f"/jobs/{make_job(created_at=timezone.now() - timedelta(seconds=39)).pk}/row/"
    )
    said = " ".join(re.sub(r"<[^>]+>", "", page.content.decode()).split())
    assert re.search(r"waits for (39|4\d) s", said)


def test_only_a_job_that_started_took_a_time(make_job, client_of, alice):
    def took(**fields):
        page = (
            client_of(alice).get(f"/jobs/{make_job(status='cancelled', **fields).pk}/row/").content.decode()
        )
        return re.search(r'<td class="cell-took">(.*?)</td>', page)[1]

    begun = timezone.now()
    later = begun + timedelta(seconds=90)
    assert took(running_at=begun, finishing_at=later, finished_at=later) == "1 min 30 s"
    assert took(running_at=None, finishing_at=None, finished_at=later) == "–"


def test_a_stranger_gets_no_row_and_a_colleague_a_box_to_compare_it(make_job, client_of, bob, charlie):
    job = make_job()
    assert client_of(charlie).get(f"/jobs/{job.pk}/row/").status_code == 404
    page = client_of(bob).get(f"/jobs/{job.pk}/row/").content.decode()
    assert 'type="checkbox"' in page


def test_a_deleted_job_has_no_row(make_job, client_of, alice):
    job = make_job(deleted_at=timezone.now())
    assert client_of(alice).get(f"/jobs/{job.pk}/row/").status_code == 404
