"""The output as a file: byte for byte, never shown as a page."""

import pytest
from django.urls import reverse

from jobs.output import outputlog

pytestmark = pytest.mark.django_db
BYTES = b"a\xff\x00b\r\nlast"


@pytest.fixture
def job(make_job, make_attempt):
    job = make_job(status="running", name='Évaluer "tout" / Q4\n')
    attempt = make_attempt(job)
    outputlog.append(attempt.pk, "stdout", 0, BYTES)
    yield job
    outputlog.delete(attempt.pk)


def get(client, job, stream="stdout"):
    return client.get(reverse("job_output_download", args=[job.pk, stream]))


def test_the_bytes_are_those_that_were_written(client_of, alice, job):
    assert b"".join(get(client_of(alice), job).streaming_content) == BYTES


def test_nginx_sends_them_where_it_stands_in_front(client_of, alice, job, settings):
    settings.SEND_FILES_BY_ACCEL = True
    response = get(client_of(alice), job)
    assert response["X-Accel-Redirect"] == f"/_files/output/{job.attempts.get().pk}/stdout.log"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_it_is_plain_text_to_be_saved(client_of, alice, job, stream):
    response = get(client_of(alice), job, stream)
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox"
    name = f"%C3%89valuer-_tout_-_-Q4-{job.pk}-{stream}.log"
    assert response["Content-Disposition"] == f"attachment; filename*=utf-8''{name}"


def test_a_stream_that_nothing_was_written_to_is_an_empty_file(client_of, alice, job, make_job):
    assert get(client_of(alice), job, "stderr").content == b""
    assert get(client_of(alice), make_job(), "stdout").content == b""


def test_there_are_only_two_streams(client_of, alice, job):
    assert get(client_of(alice), job, "order").status_code == 404


def test_colleagues_may_have_it_strangers_get_404(client_of, bob, charlie, job):
    assert get(client_of(bob), job).status_code == 200
    assert get(client_of(charlie), job).status_code == 404


def test_nobody_gets_it_without_signing_in(client, job):
    assert get(client, job).status_code == 302
