"""What a file is, by its name."""

import pytest

from jobs.previews.kinds import content_type_of, kind_of, language_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("plot.PNG", "image"),
        ("a/b.svg", "image"),
        ("a.csv", "table"),
        ("a.tsv", "table"),
        ("metrics.json", "json"),
        ("log.ndjson", "json"),
        ("README.md", "markdown"),
        ("a.ipynb", "notebook"),
        ("a.htm", "html"),
        ("a.pdf", "pdf"),
        ("train.R", "code"),
        ("Makefile", "code"),
        ("notes.txt", "text"),
        ("a.tar.gz", "archive"),
        ("model.pkl", "binary"),
        ("LICENSE", "file"),
        (".bashrc", "file"),
        ("a.html/plain", "file"),
        ("", "file"),
    ],
)
def test_the_kind_is_told_by_the_name(path, kind):
    assert kind_of(path) == kind


def test_an_unknown_name_has_no_language():
    assert language_of("a.unknown") == ""


@pytest.mark.parametrize(
    "path", ["a.xhtml", "a.shtml", "a.mht", "a.xsl", "a.svgz", "a.hta", "a", "a.html.bak"]
)
def test_what_a_browser_might_execute_has_no_executable_type(path):
    assert content_type_of(path) == "application/octet-stream"
