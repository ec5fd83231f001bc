"""Stored files on their way out: by nginx or by Django, with headers that keep them from doing harm."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import Http404
from django.test import RequestFactory

from jobs.sending import safe_filename, send_stored

GET = RequestFactory().get("/")


@pytest.fixture
def key():
    name = default_storage.save("sending/a b#é?.bin", ContentFile(b"content"))
    yield name
    default_storage.delete(name)


def test_django_sends_the_content(key, settings):
    settings.SEND_FILES_BY_ACCEL = False
    response = send_stored(GET, key, "a.bin")
    assert b"".join(response) == b"content"
    assert response["Content-Length"] == "7"


def test_nginx_is_told_where_the_content_lies(key, settings):
    settings.SEND_FILES_BY_ACCEL = True
    response = send_stored(GET, key, "a.bin", "text/plain")
    assert response["X-Accel-Redirect"].startswith("/_files/sending/a%20b")
    assert "?" not in response["X-Accel-Redirect"]
    assert "#" not in response["X-Accel-Redirect"]
    assert response.content == b""
    assert response["Content-Type"] == "text/plain"


@pytest.mark.parametrize("accel", [True, False])
def test_the_headers_keep_content_from_doing_harm(key, settings, accel):
    settings.SEND_FILES_BY_ACCEL = accel
    response = send_stored(GET, key, "page.html", "text/html")
    assert response["Content-Security-Policy"] == "sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == 'attachment; filename="page.html"'
    assert response["Cache-Control"] == "private, no-cache"


def test_a_page_may_show_it_with_a_policy_of_its_own(key):
    response = send_stored(
        GET, key, "plot.svg", "image/svg+xml", as_attachment=False, policy="default-src 'none'"
    )
    assert response["Content-Disposition"] == 'inline; filename="plot.svg"'
    assert response["Content-Security-Policy"] == "default-src 'none'"


@pytest.mark.parametrize("accel", [True, False])
def test_what_is_not_stored_is_not_there(settings, accel):
    settings.SEND_FILES_BY_ACCEL = accel
    with pytest.raises(Http404):
        send_stored(GET, "sending/never", "a.bin")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plain.txt", "plain.txt"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a"b\\c.txt', "a_b_c.txt"),
        ("line\r\nSet-Cookie: x=1", "lineSet-Cookie_ x=1"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("résumé – 表.csv", "résumé – 表.csv"),
        ("...", "file"),
        ("", "file"),
    ],
)
def test_names_are_made_safe(name, safe):
    assert safe_filename(name) == safe


def test_a_long_name_keeps_its_ending():
    name = safe_filename("x" * 300 + ".parquet")
    assert len(name) == 150
    assert name.endswith("x.parquet")


def test_a_name_outside_ascii_travels_encoded(key):
    disposition = send_stored(GET, key, "résumé.csv")["Content-Disposition"]
    assert disposition == "attachment; filename*=utf-8''r%C3%A9sum%C3%A9.csv"
