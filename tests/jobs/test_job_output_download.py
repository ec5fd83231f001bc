"""The output as a file: byte for byte, never shown as a page."""

import os

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs.models import Download, Job
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


def get(client, job, stream="stdout", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(reverse("job_output_download", args=[job.pk, stream]), headers=headers)


def append(job, stream, data, at):
    outputlog.append(job.attempts.get().pk, stream, at, data)


def finish(job):
    Job.objects.filter(pk=job.pk).update(status="succeeded", finished_at=timezone.now())


def test_the_bytes_are_those_that_were_written(client_of, alice, job):
    assert b"".join(get(client_of(alice), job).streaming_content) == BYTES


def test_nginx_sends_them_where_it_stands_in_front_and_nothing_is_added(client_of, alice, job, settings):
    settings.SEND_FILES_BY_ACCEL = True
    running = get(client_of(alice), job)
    assert running.getvalue() == BYTES
    finish(job)
    response = get(client_of(alice), job)
    assert response["X-Accel-Redirect"] == f"/_files/output/{job.attempts.get().pk}/stdout.log"
    # Who began while it ran goes on with what it was then; nginx does not know what that was.
    went_on = get(client_of(alice), job, range="bytes=3-", if_range=running["ETag"])
    assert (went_on.status_code, went_on.getvalue()) == (206, BYTES[3:])


def test_both_streams_come_merged_line_by_line(client_of, alice, job):
    append(job, "stderr", b"warning\n", 0)
    append(job, "stdout", b" of all\n", len(BYTES))
    response = get(client_of(alice), job, "merged")
    assert response.getvalue() == BYTES + b" of all\nwarning\n"
    assert response["Content-Disposition"].endswith(f"{job.pk}-merged.log")
    assert not Download.objects.exists()


@pytest.mark.parametrize("stream", ["stdout", "merged"])
def test_who_was_cut_goes_on_with_the_same_while_the_script_writes_on(client_of, alice, job, stream):
    first = get(client_of(alice), job, stream)
    whole, tag = first.getvalue(), first["ETag"]
    append(job, "stdout", b" and more\n", len(BYTES))
    went_on = get(client_of(alice), job, stream, range="bytes=4-", if_range=tag)
    assert (went_on.status_code, went_on.getvalue()) == (206, whole[4:])
    assert went_on["Content-Range"] == f"bytes 4-{len(whole) - 1}/{len(whole)}"
    assert went_on["ETag"] == tag
    # Without a tag, and with one that was never given, it is what is there now.
    now = get(client_of(alice), job, stream)
    assert now["ETag"] != tag
    assert now.getvalue() == BYTES + b" and more\n"
    weak = get(client_of(alice), job, stream, range="bytes=4-", if_range=f"W/{tag}")
    assert (weak.status_code, weak.getvalue()) == (200, BYTES + b" and more\n")


@pytest.mark.parametrize("stream", ["stdout", "merged"])
def test_head_tells_what_get_would_send(client_of, alice, job, stream):
    got = get(client_of(alice), job, stream)
    head = client_of(alice).head(reverse("job_output_download", args=[job.pk, stream]))
    assert head.content == b""
    for name in ("Content-Length", "ETag", "Accept-Ranges", "Content-Type", "Content-Disposition"):
        assert head[name] == got[name], name
    assert int(head["Content-Length"]) == len(got.getvalue())


@pytest.mark.parametrize("stream", ["stdout", "merged"])
def test_a_date_is_told_once_its_second_is_over(client_of, alice, job, stream):
    assert not get(client_of(alice), job, stream).has_header("Last-Modified")
    folder = outputlog.folder_of(job.attempts.get().pk)
    for path in folder.iterdir():
        os.utime(path, (784111777, 784111777))
    date = get(client_of(alice), job, stream)["Last-Modified"]
    assert date == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert get(client_of(alice), job, stream, range="bytes=4-", if_range=date).status_code == 206
    append(job, "stdout", b" and more\n", len(BYTES))
    assert get(client_of(alice), job, stream, range="bytes=4-", if_range=date).status_code == 200


def test_the_page_offers_all_three(client_of, alice, job):
    page = client_of(alice).get(reverse("job_detail", args=[job.pk])).content.decode()
    for stream in ("merged", "stdout", "stderr"):
        assert f'href="{reverse("job_output_download", args=[job.pk, stream])}"' in page


@pytest.mark.parametrize("stream", ["stdout", "stderr", "merged"])
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


def test_there_is_nothing_else(client_of, alice, job):
    assert get(client_of(alice), job, "order").status_code == 404


def test_colleagues_may_have_it_strangers_get_404(client_of, bob, charlie, job):
    assert get(client_of(bob), job).status_code == 200
    assert get(client_of(charlie), job).status_code == 404


def test_nobody_gets_it_without_signing_in(client, job):
    assert get(client, job).status_code == 302
