"""The content for pictures and frames: types by name, an origin of its own, no way to the network."""

import pytest
from django.urls import reverse

from tests.cast import new_artifact


@pytest.fixture
def attempt(make_job, make_attempt):
    return make_attempt(make_job(status="succeeded"))


def address(artifact):
    return reverse("artifact_raw", args=[artifact.attempt.job_id, artifact.pk])


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("a.png", "image/png"),
        ("a.JPG", "image/jpeg"),
        ("a.gif", "image/gif"),
        ("a.webp", "image/webp"),
        ("a.svg", "image/svg+xml"),
        ("a.pdf", "application/pdf"),
        ("a.html", "text/html"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.csv", "text/plain; charset=utf-8"),
        ("a.py", "text/plain; charset=utf-8"),
        ("a.xml", "text/plain; charset=utf-8"),
        ("a.xhtml", "application/octet-stream"),
        ("a.svgz", "application/octet-stream"),
        ("a.swf", "application/octet-stream"),
        ("a.pkl", "application/octet-stream"),
        ("html", "application/octet-stream"),
        ("a.png.exe", "application/octet-stream"),
    ],
)
def test_the_type_comes_from_a_short_list_whatever_the_content_is(
    alice, client_of, attempt, path, content_type
):
    response = client_of(alice).get(address(new_artifact(attempt, path, b"<html><script>alert(1)</script>")))
    response.close()
    assert response["Content-Type"] == content_type
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert response["Content-Disposition"].startswith("inline")


def directives(response):
    parts = (part.split() for part in response["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("path", ["a.png", "a.svg", "a.txt", "a.csv", "a.json", "a.bin"])
def test_what_does_not_move_gets_no_rights_at_all(alice, client_of, attempt, path):
    response = client_of(alice).get(address(new_artifact(attempt, path)))
    response.close()
    policy = directives(response)
    assert policy["sandbox"] == []
    assert policy["default-src"] == ["'none'"]
    assert "script-src" not in policy


def test_html_may_run_its_own_script_in_an_origin_of_its_own_without_a_network(alice, client_of, attempt):
    response = client_of(alice).get(address(new_artifact(attempt, "a.html")))
    response.close()
    policy = directives(response)
    assert policy["sandbox"] == ["allow-scripts"]
    assert policy["default-src"] == policy["connect-src"] == policy["form-action"] == ["'none'"]
    sources = {value for name, values in policy.items() if name.endswith("-src") for value in values}
    assert sources == {"'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}


def test_a_pdf_is_not_sandboxed_but_its_page_may_run_and_load_nothing(alice, client_of, attempt):
    response = client_of(alice).get(address(new_artifact(attempt, "a.pdf", b"%PDF-1.4")))
    response.close()
    policy = directives(response)
    assert "sandbox" not in policy
    assert policy["default-src"] == ["'none'"]
    assert "script-src" not in policy


def test_html_opened_alone_in_a_tab_is_led_to_its_framed_page(alice, client_of, attempt):
    artifact = new_artifact(attempt, "a.html")
    response = client_of(alice).get(address(artifact), headers={"Sec-Fetch-Dest": "document"})
    assert response.status_code == 302
    assert response["Location"] == reverse("artifact_detail", args=[artifact.attempt.job_id, artifact.pk])


def test_a_picture_may_be_opened_alone(alice, client_of, attempt):
    artifact = new_artifact(attempt, "a.png")
    response = client_of(alice).get(address(artifact), headers={"Sec-Fetch-Dest": "document"})
    response.close()
    assert response.status_code == 200


def test_a_stranger_gets_404_and_nobody_without_a_session_gets_in(charlie, client_of, client, attempt):
    artifact = new_artifact(attempt, "a.png")
    assert client_of(charlie).get(address(artifact)).status_code == 404
    assert client.get(address(artifact)).status_code == 302


def test_the_file_of_another_job_is_not_found_under_this_one(
    alice, client_of, make_job, make_attempt, attempt
):
    other = make_job(status="succeeded")
    artifact = new_artifact(attempt, "a.png")
    assert client_of(alice).get(reverse("artifact_raw", args=[other.pk, artifact.pk])).status_code == 404


def test_a_deleted_jobs_files_are_gone(alice, client_of, attempt):
    artifact = new_artifact(attempt, "a.png")
    type(attempt.job).objects.filter(pk=attempt.job_id).update(deleted_at="2026-01-01T00:00Z")
    assert client_of(alice).get(address(artifact)).status_code == 404
