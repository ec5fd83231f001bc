"""The Results tab: which files are listed, how they look, what is said about those that are missing."""

import re
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobs.results import MOST_SNIPPETS, MOST_TILE_BYTES
from jobs.views.results import COUNTED, PAGE_FILES
from tests.cast import new_artifact


@pytest.fixture
def job(make_job):
    return make_job(status="succeeded")


@pytest.fixture
def attempt(job, make_attempt):
    return make_attempt(job, started_at=timezone.now(), collected_at=timezone.now())


def page_of(client, job, **query):
    response = client.get(reverse("job_results", args=[job.pk]), query)
    assert response.status_code == 200
    return response.content.decode()


def many(attempt, count):
    """`part-00000.txt` and so on, one content for all."""
    first = new_artifact(attempt, "part-00000.txt", b"line\n")
    fields = {"attempt": attempt, "size": 5, "sha256": "", "key": first.key, "is_listed": True}
    rest = [type(first)(path=f"part-{number:05}.txt", **fields) for number in range(1, count)]
    type(first).objects.bulk_create(rest)


def names(html):
    return re.findall(r'class="result-name"[^>]* title="([^"]*)"', html)


def link(html, rel):
    found = re.search(rf'rel="{rel}" href="([^"]*)"', html)
    return found[1] if found else None


def test_the_owner_a_colleague_and_an_admin_see_the_files_with_their_sizes(
    alice, bob, dana, client_of, job, attempt
):
    new_artifact(attempt, "results/metrics.json", b'{"rmse": 0.5}')
    for user in (alice, bob, dana):
        html = page_of(client_of(user), job)
        assert "metrics.json" in html
        assert "13 B" in html
        assert "1 file" in html


def test_a_stranger_gets_404_and_nobody_without_a_session_gets_in(charlie, client_of, client, job, attempt):
    new_artifact(attempt, "secret-name.txt")
    address = reverse("job_results", args=[job.pk])
    assert client_of(charlie).get(address).status_code == 404
    assert client.get(address).status_code == 302


def test_only_listed_files_of_the_newest_attempt_are_shown(alice, client_of, job, attempt, make_attempt):
    new_artifact(attempt, "of-the-first-try.txt")
    newest = make_attempt(job, started_at=timezone.now(), collected_at=timezone.now())
    new_artifact(newest, "complete.txt")
    new_artifact(newest, "still-arriving.txt", is_listed=False)
    html = page_of(client_of(alice), job)
    assert "complete.txt" in html
    assert "still-arriving.txt" not in html
    assert "of-the-first-try.txt" not in html


def test_pictures_are_pictures_tables_are_tables_and_text_is_a_few_lines(alice, client_of, job, attempt):
    plot = new_artifact(attempt, "plot.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    new_artifact(attempt, "table.csv", b"speed,dist\n4,2\n7,22\n")
    new_artifact(attempt, "notes.txt", b"a first line\n")
    html = page_of(client_of(alice), job)
    assert f'<img src="{reverse("artifact_raw", args=[job.pk, plot.pk])}"' in html
    assert '<th scope="col" class="num">speed</th>' in html
    assert "a first line" in html


def test_a_picture_too_large_for_a_tile_is_an_icon(alice, client_of, job, attempt):
    plot = new_artifact(attempt, "huge.png", size=MOST_TILE_BYTES + 1)
    html = page_of(client_of(alice), job)
    assert reverse("artifact_raw", args=[job.pk, plot.pk]) not in html
    assert "result-icon" in html


def test_names_and_cells_are_escaped(alice, client_of, job, attempt):
    new_artifact(attempt, "<img src=x onerror=alert(1)>.csv", b"<script>alert(1)</script>,b\n1,2\n")
    new_artifact(attempt, "\u202egnp.exe\n")
    html = page_of(client_of(alice), job)
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;.csv" in html
    assert "\u202e" not in html
    assert r"\u202egnp.exe\x0a" in html


def test_five_thousand_files_cost_a_bounded_page(
    alice, client_of, job, attempt, django_assert_max_num_queries
):
    many(attempt, 5000)
    opened = []

    def counted(key, data, *rest):
        opened.append(key)
        return "snippet"

    client = client_of(alice)
    with patch("jobs.results.snippet_of", counted), django_assert_max_num_queries(12):
        html = page_of(client, job)
    assert len(re.findall('class="result"', html)) == PAGE_FILES
    assert len(opened) == MOST_SNIPPETS
    assert f"{PAGE_FILES} of 1,000+ files" in html


def test_every_file_is_on_one_page_forwards_and_backwards(alice, client_of, job, attempt):
    many(attempt, 250)
    new_artifact(attempt, "part-00119.txt", is_listed=False)
    client, address, pages = client_of(alice), reverse("job_results", args=[job.pk]), []
    rest = ""
    while rest is not None:
        html = client.get(address + rest).content.decode()
        pages.append(names(html))
        rest = link(html, "next")
    assert [len(page) for page in pages] == [PAGE_FILES, PAGE_FILES, 10]
    assert sum(pages, []) == [f"part-{number:05}.txt" for number in range(250)]
    assert "10 of 250 files" in html
    for page in pages[-2::-1]:
        html = client.get(address + link(html, "prev")).content.decode()
        assert names(html) == page
    assert link(html, "prev") is None
    assert link(html, "next")


def test_no_page_of_files_counts_all_or_passes_over_any(alice, client_of, job, attempt):
    many(attempt, 1100)
    client = client_of(alice)
    files = list(attempt.artifacts.order_by("path"))
    for query in ({}, {"after": files[500].pk}, {"before": files[900].pk}, {"page": 4}):
        with CaptureQueriesContext(connection) as asked:
            assert "of 1,000+ files" in page_of(client, job, **query)
        statements = [query["sql"] for query in asked if "jobs_artifact" in query["sql"]]
        assert not [sql for sql in statements if "OFFSET" in sql]
        counts = [sql for sql in statements if "COUNT(" in sql]
        assert len(counts) == 1
        assert f"LIMIT {COUNTED + 1})" in counts[0]


@pytest.mark.parametrize(("files", "told"), [(1, "1 file<"), (120, "120 files<"), (121, "120 of 121 files<")])
def test_the_number_of_files_is_said(alice, client_of, job, attempt, files, told):
    many(attempt, files)
    assert f">{told}" in page_of(client_of(alice), job)


@pytest.mark.parametrize(
    "query",
    [{"page": 2}, {"page": "<b>"}, {"after": "x"}, {"after": "9" * 40}, {"before": -1}, {"after": 999_999}],
)
def test_an_old_address_and_one_that_makes_no_sense_give_the_first_page(
    alice, client_of, job, attempt, query
):
    many(attempt, 130)
    html = page_of(client_of(alice), job, **query)
    assert names(html)[0] == "part-00000.txt"
    assert len(names(html)) == PAGE_FILES
    assert link(html, "prev") is None


def test_a_page_beside_files_that_are_gone_or_anothers_is_the_first(
    alice, client_of, job, attempt, make_job, make_attempt
):
    many(attempt, 130)
    client, files = client_of(alice), list(attempt.artifacts.order_by("path"))
    strange = new_artifact(make_attempt(make_job(status="succeeded")), "part-00050.txt")
    for query in ({"after": strange.pk}, {"after": files[-1].pk}, {"before": files[50].pk}):
        html = page_of(client, job, **query)
        assert names(html) == [file.path for file in files[:PAGE_FILES]], query


def test_the_pages_of_files_lead_on_across_the_ends_of_a_page(alice, client_of, job, attempt):
    many(attempt, 130)
    client, files = client_of(alice), list(attempt.artifacts.order_by("path"))
    for number in (PAGE_FILES - 1, PAGE_FILES):
        html = client.get(reverse("artifact_detail", args=[job.pk, files[number].pk])).content.decode()
        for rel, beside in (("prev", files[number - 1]), ("next", files[number + 1])):
            assert link(html, rel) == reverse("artifact_detail", args=[job.pk, beside.pk])


def test_a_vanished_content_leaves_the_page_whole(alice, client_of, job, attempt):
    new_artifact(attempt, "gone.txt", key="results/not/there")
    assert "gone.txt" in page_of(client_of(alice), job)


def test_an_unfinished_job_says_that_nothing_is_there_yet_and_stays_live(alice, client_of, make_job):
    job = make_job(status="running")
    html = page_of(client_of(alice), job)
    assert "No files yet" in html
    assert f'data-live-url="{reverse("job_results", args=[job.pk])}"' in html


def test_a_finished_job_without_files_says_what_to_do(alice, client_of, job):
    html = page_of(client_of(alice), job)
    assert "This job left no files" in html
    assert 'id="job-results" aria-label="Results" data-live' not in html
    assert reverse("job_results_zip", args=[job.pk]) not in html


def test_results_that_never_arrived_are_flagged(alice, client_of, job, make_attempt):
    make_attempt(job, started_at=timezone.now(), collected_at=None)
    assert "The results are incomplete" in page_of(client_of(alice), job)


def test_complete_results_are_not_flagged(alice, client_of, job, attempt):
    assert "incomplete" not in page_of(client_of(alice), job)


def test_a_script_that_never_started_has_nothing_incomplete(alice, client_of, make_job, make_attempt):
    job = make_job(status="error")
    make_attempt(job)
    assert "incomplete" not in page_of(client_of(alice), job)


def test_cut_output_is_a_flag_and_skipped_files_are_listed_with_why(alice, client_of, job, make_attempt):
    skipped = [
        {"path": "stdout.log", "why": "12 bytes were left out"},
        {"path": "results/<b>link", "why": "it is a symbolic link"},
    ]
    make_attempt(job, started_at=timezone.now(), collected_at=timezone.now(), skipped=skipped)
    html = page_of(client_of(alice), job)
    assert "The output is not complete: 12 bytes were left out. The tab Output shows where." in html
    assert "1 file left out" in html
    assert "<code>results/&lt;b&gt;link</code> it is a symbolic link" in html


@pytest.mark.parametrize(
    ("skipped", "told"),
    [
        ([], "plots/*.png"),
        ([{"path": "plots/a.png", "why": "left out by the rule “plots/*.png”"}], ""),
        ([{"path": "…", "why": "and 7 more"}], ""),
    ],
)
def test_a_rule_that_left_nothing_out_is_named_where_that_is_known(
    alice, client_of, make_job, make_attempt, settings, skipped, told
):
    rules = {"exclude": [*settings.RESULT_EXCLUDE, "plots/*.png"], "total_bytes": 5}
    job = make_job(status="succeeded", result_rules=rules)
    make_attempt(job, started_at=timezone.now(), collected_at=timezone.now(), skipped=skipped)
    html = page_of(client_of(alice), job)
    assert (
        (f"Nothing was left out by <code>{told}</code>" in html)
        if told
        else ("Nothing was left out" not in html)
    )


def test_results_that_came_too_late_are_named_and_the_outcome_is_said_to_stay(
    alice, client_of, job, make_attempt
):
    late = "the portal did not take it in time (HTTP 507: The portal's disk is full)"
    skipped = [{"path": f"results/{number}.csv", "why": late} for number in range(5)]
    make_attempt(job, started_at=timezone.now(), collected_at=timezone.now(), skipped=skipped)
    html = page_of(client_of(alice), job)
    assert "results/0.csv, results/1.csv, results/2.csv and 2 more did not arrive" in html
    assert "How the script ended is not touched by it." in html


def test_while_the_disk_is_full_the_page_says_that_the_results_follow(
    alice, client_of, make_job, make_attempt, settings
):
    job = make_job(status="finishing")
    make_attempt(job, started_at=timezone.now(), ended_at=timezone.now())
    assert "The results follow" not in page_of(client_of(alice), job)
    settings.STORAGE_RESERVE_BYTES = 1 << 60
    assert "The results follow: the portal&#x27;s disk is full." in page_of(client_of(alice), job)
