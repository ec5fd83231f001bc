"""The page of one result file: its preview, its frame, the way to the next one."""

import json

import pytest
from django.urls import reverse

from tests.cast import new_artifact


@pytest.fixture
def attempt(make_job, make_attempt):
    return make_attempt(make_job(status="succeeded"))


def address(artifact, view="artifact_detail"):
    return reverse(view, args=[artifact.attempt.job_id, artifact.pk])


@pytest.fixture
def shown(alice, client_of):
    def page(artifact):
        response = client_of(alice).get(address(artifact))
        assert response.status_code == 200
        return response.content.decode()

    return page


def test_the_owner_a_colleague_and_an_admin_see_it(alice, bob, dana, client_of, attempt):
    artifact = new_artifact(attempt, "results/notes.txt", b"the words\n")
    for user in (alice, bob, dana):
        assert "the words" in client_of(user).get(address(artifact)).content.decode()


def test_a_stranger_gets_404_and_nobody_without_a_session_gets_in(charlie, client_of, client, attempt):
    artifact = new_artifact(attempt, "a.txt")
    assert client_of(charlie).get(address(artifact)).status_code == 404
    assert client.get(address(artifact)).status_code == 302


def test_the_file_of_another_job_or_an_unlisted_one_is_not_found(alice, client_of, make_job, attempt):
    artifact = new_artifact(attempt, "a.txt")
    other = make_job(status="succeeded")
    client = client_of(alice)
    assert client.get(reverse("artifact_detail", args=[other.pk, artifact.pk])).status_code == 404
    assert client.get(address(new_artifact(attempt, "b.txt", is_listed=False))).status_code == 404


def test_html_is_framed_in_a_sandbox_without_our_origin(shown, attempt):
    artifact = new_artifact(attempt, "a.html", b"<script>alert(1)</script>")
    html = shown(artifact)
    assert f'src="{address(artifact, "artifact_raw")}"' in html
    assert 'sandbox="allow-scripts"' in html
    assert "alert(1)" not in html


def test_a_report_that_loads_files_from_elsewhere_has_a_word_about_it(shown, attempt):
    whole = new_artifact(attempt, "a.html", b"<h1>Words</h1>")
    broken = new_artifact(attempt, "b.html", b'<script src="https://cdn.example.org/x.js"></script>')
    sentence = (
        "This report loads files from elsewhere, which is not allowed here: download it to see all of it."
    )
    assert sentence in shown(broken)
    assert "<iframe" in shown(broken)
    assert sentence not in shown(whole)


def test_a_report_whose_content_is_gone_is_said_to_be(shown, attempt):
    html = shown(new_artifact(attempt, "a.html", key="results/not/there"))
    assert "This file is not stored any more" in html
    assert "<iframe" not in html


def test_a_pdf_is_framed_and_an_svg_is_only_ever_a_picture(shown, attempt):
    pdf, svg = new_artifact(attempt, "a.pdf", b"%PDF"), new_artifact(attempt, "a.svg", b"<svg id='theirs'/>")
    assert f'<iframe class="artifact-frame" src="{address(pdf, "artifact_raw")}"' in shown(pdf)
    assert f'<img class="artifact-image" src="{address(svg, "artifact_raw")}"' in shown(svg)
    assert "theirs" not in shown(svg)


def test_previous_and_next_follow_the_paths_and_pass_over_unlisted_files(shown, attempt):
    first, hidden, last = (new_artifact(attempt, f"{name}.txt", is_listed=name != "b") for name in "abc")
    assert f'rel="next" href="{address(last)}"' in shown(first)
    assert 'rel="prev"' not in shown(first)
    assert f'rel="prev" href="{address(first)}"' in shown(last)
    assert address(hidden) not in shown(first) + shown(last)


def test_a_report_shows_the_plot_beside_it(shown, attempt):
    plot = new_artifact(attempt, "results/plot.svg", b"<svg/>")
    report = new_artifact(attempt, "results/report.md", b"![the plot](plot.svg) [other](plot.svg)")
    html = shown(report)
    assert f'<img src="{address(plot, "artifact_raw")}" alt="the plot">' in html
    assert f'href="{address(plot)}"' in html


def test_a_picture_of_another_job_is_never_meant(shown, attempt, make_job, make_attempt):
    new_artifact(make_attempt(make_job(status="succeeded")), "plot.svg", b"<svg/>")
    assert "<img" not in shown(new_artifact(attempt, "report.md", b"![p](plot.svg)")).replace(
        '<img alt="p">', ""
    )


def test_a_table_says_how_much_of_it_is_shown(shown, attempt):
    html = shown(new_artifact(attempt, "a.csv", b"n\n" + b"1\n" * 900))
    assert "first 500 of 900 rows, 1 column" in html
    assert "only the beginning is shown" not in html  # said once


def test_a_notebook_is_rendered(shown, attempt):
    cells = [{"cell_type": "markdown", "source": "# Analysis"}]
    page = shown(new_artifact(attempt, "a.ipynb", json.dumps({"cells": cells}).encode()))
    assert "<h2>Analysis</h2>" in page
    assert page.count("<h1") == 1, "the page's own"


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("model.pkl", b"\x80\x04", "No preview for this file"),
        ("data.txt", b"\x00\x01", "No preview for this file"),
        ("empty.csv", b"", "This file is empty"),
    ],
)
def test_what_cannot_be_shown_says_so(shown, attempt, path, content, words):
    assert words in shown(new_artifact(attempt, path, content))


def test_a_vanished_content_is_said_and_not_an_error(shown, attempt):
    assert "This file is not stored any more" in shown(
        new_artifact(attempt, "a.txt", key="results/not/there")
    )


def test_a_name_with_html_is_text_everywhere(shown, attempt):
    html = shown(new_artifact(attempt, '"><script>alert(1)</script>.txt'.replace("/", "\u2215")))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
