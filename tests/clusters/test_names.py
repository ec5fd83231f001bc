"""What can be a reference, an address, a namespace."""

import pytest

from clusters.names import Misnamed, check_namespace, check_portal_url, check_reference, is_loopback

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    "text",
    [
        "python",
        "python:3.12-slim",
        "rocker/r-ver:4.4",
        "registry.example.org/team/image",
        "localhost:5000/a/b_c__d:1.0",
        f"ghcr.io/a/b@{DIGEST}",
        f"a:1@{DIGEST}",
    ],
)
def test_image_references(text):
    assert check_reference(text) == text


@pytest.mark.parametrize(
    "text", ["Python", "a b", "https://a/b", "a:", "a@sha256:12", "a//b", "-a", "a:tag:tag", "a\nb"]
)
def test_no_image_references(text):
    with pytest.raises(Misnamed):
        check_reference(text)


@pytest.mark.parametrize("text", ["A", "a_b", "-a", "a-", "a" * 64, "kube-system", "a.b", "ä"])
def test_no_namespaces(text):
    with pytest.raises(Misnamed):
        check_namespace(text)


@pytest.mark.parametrize(
    "text",
    ["portal", "ftp://portal", "http://", "http://a/path", "http://me@a", "http://a:99999", "http://a?x"],
)
def test_no_addresses_of_a_portal(text):
    with pytest.raises(Misnamed):
        check_portal_url(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:8000", True),
        ("http://0.0.0.0:8000", True),
        ("http://10.0.0.5", False),
        ("https://stellwerk.example.org", False),
    ],
)
def test_addresses_at_which_a_pod_finds_itself(url, expected):
    assert is_loopback(url) is expected
