"""All pictures of a job, large: by path, a page at a time, by keyset."""

import re

import pytest
from django.urls import reverse

from jobs import gallery
from jobs.models import Artifact
from tests.cast import new_artifact


@pytest.fixture
def job(make_job):
    return make_job(status="succeeded")


@pytest.fixture
def attempt(job, make_attempt):
    return make_attempt(job)


@pytest.fixture
def page(alice, client_of, job):
    """`page("?after=7")`: the gallery as Alice sees it."""
    client = client_of(alice)
    return lambda rest="": client.get(reverse("job_gallery", args=[job.pk]) + rest).content.decode()


def many(attempt, count: int) -> None:
    Artifact.objects.bulk_create(
        Artifact(
            attempt=attempt, path=f"plots/p{n:05}.png", size=9, sha256="0" * 64, key=f"k{n}", is_listed=True
        )
        for n in range(count)
    )


def names(html: str) -> list[str]:
    return re.findall(r'data-name="([^"]*)"', html)


def link(html: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]*)"', html)
    return found[1] if found else ""


def test_pictures_of_every_kind_are_there_and_nothing_else(attempt, page):
    for path in (
        "a.png",
        "b.JPG",
        "c.jpeg",
        "d.gif",
        "e.webp",
        "f.svg",
        "g.pdf",
        "h.csv",
        "png",
        "i.png.gz",
        "j.html",
    ):
        new_artifact(attempt, path)
    html = page()
    assert names(html) == ["a.png", "b.JPG", "c.jpeg", "d.gif", "e.webp", "f.svg"]
    assert "7 pictures" in html
    assert html.count('loading="lazy"') == 6
    assert not link(html, "next")
    assert "h.csv" not in html


def test_a_pdf_is_a_card_that_leads_to_its_page_and_is_not_loaded(attempt, page, job, alice, client_of):
    """What R draws where nobody says otherwise."""
    plots = new_artifact(attempt, "Rplots.pdf", b"%PDF")
    html = page()
    there = reverse("artifact_detail", args=[job.pk, plots.pk])
    assert f'<a class="gallery-document" href="{there}"' in html
    assert "1 picture<" in html
    assert names(html) == [], "the viewer passes over it"
    assert reverse("artifact_raw", args=[job.pk, plots.pk]) not in html
    results = client_of(alice).get(reverse("job_results", args=[job.pk])).content.decode()
    assert reverse("job_gallery", args=[job.pk]) in results


def test_pdfs_and_pictures_are_in_the_order_of_their_paths(attempt, page):
    for path in ("b.pdf", "a.png", "c.PDF", "d.svg"):
        new_artifact(attempt, path)
    assert re.findall(r'class="result-name"[^>]* title="([^"]*)"', page()) == [
        "a.png",
        "b.pdf",
        "c.PDF",
        "d.svg",
    ]


def test_what_is_not_listed_or_of_another_job_is_not_there(attempt, page, make_job, make_attempt):
    new_artifact(attempt, "late.png", is_listed=False)
    new_artifact(make_attempt(make_job(status="succeeded")), "other.png")
    assert names(page()) == []
    assert "No pictures" in page()


def test_every_picture_is_on_one_page_forwards_and_backwards(attempt, page):
    many(attempt, 120)
    html, forwards = page(), []
    for _ in range(3):
        forwards.append(names(html))
        last, html = html, page(link(html, "next")) if link(html, "next") else html
    assert [len(found) for found in forwards] == [48, 48, 24]
    assert sum(forwards, []) == [f"plots/p{n:05}.png" for n in range(120)]
    back = page(link(last, "prev"))
    assert names(back) == forwards[1]
    assert names(page(link(back, "prev"))) == forwards[0]
    assert not link(page(link(back, "prev")), "prev")
    assert link(page(link(back, "prev")), "next")


@pytest.mark.parametrize(
    "rest", ["?after=x", "?after=999999999", "?before=-1", "?after=1e9", "?before=", "?after=" + "9" * 40]
)
def test_a_cursor_that_is_no_picture_gives_the_first_page(attempt, page, rest):
    new_artifact(attempt, "a.png")
    assert names(page(rest)) == ["a.png"]


def test_a_page_of_ten_thousand_takes_as_many_queries_and_counts_nothing(
    attempt, page, django_assert_max_num_queries, django_assert_num_queries
):
    new_artifact(attempt, "a.png")
    page()
    with django_assert_max_num_queries(30) as few:
        page()
    many(attempt, 10_000)
    with django_assert_num_queries(len(few.captured_queries)) as queries:
        html = page()
    assert len(names(html)) == gallery.PAGE_PICTURES
    assert not any("COUNT(" in query["sql"].upper() for query in queries.captured_queries)
    assert not any("OFFSET" in query["sql"].upper() for query in queries.captured_queries)


def test_a_large_picture_is_loaded_only_when_it_is_opened(attempt, page):
    new_artifact(attempt, "large.png", size=20 * 1024 * 1024)
    html = page()
    assert "20 MiB" in html or "20.0 MiB" in html
    assert 'loading="lazy"' not in html


def test_hostile_names_are_text(attempt, page):
    new_artifact(attempt, '"><script>1</script>.png')
    new_artifact(attempt, "a\u202egnp.png")
    html = page()
    assert "<script>1" not in html
    assert "\u202e" not in html


def test_results_lead_to_the_gallery_only_where_there_are_pictures(attempt, alice, client_of, job):
    url, there = reverse("job_results", args=[job.pk]), reverse("job_gallery", args=[job.pk])
    new_artifact(attempt, "a.csv")
    assert there not in client_of(alice).get(url).content.decode()
    new_artifact(attempt, "a.png")
    assert there in client_of(alice).get(url).content.decode()


def test_a_stranger_gets_404(attempt, charlie, client_of, job):
    assert client_of(charlie).get(reverse("job_gallery", args=[job.pk])).status_code == 404
