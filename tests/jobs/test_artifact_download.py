"""Saving one result file: always an attachment of bytes, under a name that every system can keep."""

import pytest
from django.urls import reverse

from tests.cast import new_artifact


@pytest.fixture
def attempt(make_job, make_attempt):
    return make_attempt(make_job(status="succeeded"))


def address(artifact, job=None):
    return reverse("artifact_download", args=[job.pk if job else artifact.attempt.job_id, artifact.pk])


def test_the_content_comes_as_an_attachment_that_no_browser_opens(alice, bob, dana, client_of, attempt):
    artifact = new_artifact(attempt, "results/report.html", b"<script>alert(1)</script>")
    for user in (alice, bob, dana):
        response = client_of(user).get(address(artifact))
        assert response.status_code == 200
        assert b"".join(response.streaming_content) == b"<script>alert(1)</script>"
        assert response["Content-Type"] == "application/octet-stream"
        assert response["Content-Disposition"] == 'attachment; filename="report.html"'
        assert response["Content-Security-Policy"] == "sandbox"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "private" in response["Cache-Control"]


def test_a_stranger_gets_404_and_nobody_without_a_session_gets_in(charlie, client_of, client, attempt):
    artifact = new_artifact(attempt, "a.txt")
    assert client_of(charlie).get(address(artifact)).status_code == 404
    assert client.get(address(artifact)).status_code == 302


def test_the_file_of_another_job_is_not_found_under_this_one(
    alice, charlie, client_of, make_job, make_attempt
):
    mine = make_job(status="succeeded")
    foreign = make_attempt(make_job(owner=charlie, status="succeeded"))
    artifact = new_artifact(foreign, "a.txt")
    assert client_of(alice).get(address(artifact, mine)).status_code == 404
    assert client_of(alice).get(address(artifact)).status_code == 404


def test_a_file_that_is_not_listed_is_not_found(alice, client_of, attempt):
    artifact = new_artifact(attempt, "a.txt", is_listed=False)
    assert client_of(alice).get(address(artifact)).status_code == 404


def test_a_file_that_is_not_stored_any_more_is_404(alice, client_of, attempt):
    artifact = new_artifact(attempt, "a.txt", key="results/not/there")
    assert client_of(alice).get(address(artifact)).status_code == 404


def test_a_post_is_refused(alice, client_of, attempt):
    assert client_of(alice).post(address(new_artifact(attempt, "a.txt"))).status_code == 405


@pytest.mark.parametrize(
    ("path", "disposition"),
    [
        ('a"b.txt', 'attachment; filename="a_b.txt"'),
        ("a\r\nSet-Cookie: x=1.txt", 'attachment; filename="aSet-Cookie_ x=1.txt"'),
        ("\u202egnp.exe", 'attachment; filename="gnp.exe"'),
        ("größe.csv", "attachment; filename*=utf-8''gr%C3%B6%C3%9Fe.csv"),
        ("a;b=c.txt", 'attachment; filename="a;b=c.txt"'),
        ("x/..", 'attachment; filename="file"'),
        ("n" * 255 + ".parquet", f'attachment; filename="{"n" * 142}.parquet"'),
    ],
)
def test_hostile_names_make_a_harmless_header(alice, client_of, attempt, path, disposition):
    response = client_of(alice).get(address(new_artifact(attempt, path)))
    response.close()
    assert response["Content-Disposition"] == disposition
    assert "Set-Cookie" not in response.headers


def test_nginx_is_told_where_the_content_is(alice, client_of, attempt, settings):
    settings.SEND_FILES_BY_ACCEL = True
    artifact = new_artifact(attempt, "a.txt")
    response = client_of(alice).get(address(artifact))
    assert response["X-Accel-Redirect"] == f"/_files/{artifact.key}"
    assert response.content == b""
