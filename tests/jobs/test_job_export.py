"""The history as a file: what is in it, for whom, and that it may be long."""

import csv
import re
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.history import export
from jobs.history.filters import Filters
from jobs.models import Job
from tests import cast


@pytest.fixture
def exported(client_of, alice):
    """`exported("?status=failed")`: the rows of that file as dictionaries, as Alice gets it."""

    def read(query="", user=None):
        response = client_of(user or alice).get("/jobs/export.csv" + query)
        assert response.status_code == 200
        text = response.getvalue().decode("utf-8-sig")
        return list(csv.DictReader(StringIO(text, newline="")))

    return read


def test_a_stranger_is_led_to_the_sign_in_page(client, db):
    assert client.get("/jobs/export.csv")["Location"].startswith("/accounts/login/")


def test_a_row_has_what_people_ask_of_a_job(make_job, exported):
    at = [datetime(2026, 2, 1, 12, minute, tzinfo=UTC) for minute in (0, 1, 2, 32, 33)]
    job = make_job(
        name="train", status="failed", reason="exit_code", exit_code=-9, tags=["paper", "draft"],
        created_at=at[0], starting_at=at[1], running_at=at[2], finishing_at=at[3], finished_at=at[4],
        cpu_millis=1500, gpu_count=2, gpu_resource="nvidia.com/gpu", command=["python3", "a b.py"],
    )  # fmt: skip
    assert exported() == [{
        "id": str(job.pk), "name": "train", "status": "failed", "reason": "exit_code", "team": "Data science",
        "owner": "Alice Ames", "user name": "alice", "cluster": "This machine", "image": "Python 3",
        "profile": "Small", "cores": "1.5", "memory GiB": "2", "gpus": "2", "gpu type": "nvidia.com/gpu",
        "created": "2026-02-01T12:00:00Z", "started": "2026-02-01T12:02:00Z", "ended": "2026-02-01T12:33:00Z",
        "waited s": "120.0", "took s": "1800.0", "exit code": "-9", "tags": "paper, draft",
        "command": "python3 'a b.py'",
    }]  # fmt: skip


def test_what_did_not_happen_is_an_empty_cell(make_job, exported):
    make_job(status="queued")
    row = exported()[0]
    assert [row[name] for name in ("started", "ended", "waited s", "took s", "exit code", "gpu type")] == [
        ""
    ] * 6


def test_nobody_gets_another_teams_jobs(make_job, exported, charlie, dana, other_team):
    make_job(name="hers")
    make_job(name="his", owner=charlie)
    make_job(name="gone", deleted_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert [row["name"] for row in exported()] == ["hers"]
    assert [row["name"] for row in exported(user=charlie)] == ["his"]
    assert [row["name"] for row in exported(user=dana)] == ["his", "hers"]
    assert exported(f"?team={other_team.pk}") == []
    assert exported(f"?owner={charlie.pk}") == []


def test_the_filters_are_those_of_the_list(make_job, exported, client_of, alice, bob, cluster, team):
    other = cast.new_cluster("other", "Other")
    image, profile = cast.new_image(other), cast.new_profile(other)
    for number, status in enumerate(["queued", "running", "succeeded", "failed", "error"] * 2):
        fields = {"image": image, "profile": profile} if number % 3 == 0 else {}
        make_job(
            name=f"100% {number}" if number % 4 == 0 else f"job {number}",
            owner=bob if number % 2 else alice,
            status=status,
            tags=["paper"] if number > 5 else [],
            created_at=datetime(2026, 2, number + 1, tzinfo=UTC),
            **fields,
        )
    queries = [
        "", "?status=active", "?status=failed", f"?owner={bob.pk}", f"?cluster={other.pk}&status=queued",
        "?tag=paper", "?text=100%25", "?start=2026-02-03&end=2026-02-05", "?time=7d", f"?team={team.pk}", "?tag=no",
    ]  # fmt: skip
    for query in queries:
        listed = client_of(alice).get("/" + query).context.get("jobs", [])
        assert [row["name"] for row in exported(query)] == [job.name for job in listed], query


def test_the_button_keeps_the_filters(make_job, client_of, alice):
    make_job(status="failed")
    page = client_of(alice).get("/?status=failed&text=job").content.decode()
    assert 'href="/jobs/export.csv?status=failed&amp;text=job"' in page


def test_no_cell_is_a_formula(make_job, exported, alice):
    alice.first_name = "@Alice"
    alice.save()
    make_job(name='=HYPERLINK("http://evil.example")', tags=["+1"], command=["-x", "=1+1"], image_label="＝1")
    for name, cell in exported()[0].items():
        assert not re.match(r"\s*[=+\-@＝]", cell), name


def test_it_is_read_in_chunks_however_long_it_is(make_job, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 3)
    bundle = cast.new_bundle()
    for _ in range(8):
        make_job(bundle=bundle)
    with CaptureQueriesContext(connection) as asked:
        rows = export.export_rows(None, Filters())
        assert len(asked) == 0
        first = [next(rows) for _ in range(3)]
        assert len(asked) == 2
        assert len([*first, *rows]) == 8
        assert len(asked) == 6
    ids = [query["sql"] for query in asked][::2]
    assert all("LIMIT 4" in sql for sql in ids)
    assert not [query for query in asked if "OFFSET" in query["sql"]]


def test_jobs_that_are_made_meanwhile_do_not_move_it(make_job, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 2)
    made = [make_job().pk for _ in range(5)]
    rows = export.export_rows(None, Filters())
    seen = [next(rows)[0]]
    make_job()
    Job.objects.filter(pk=made[1]).update(status="running")
    assert [*seen, *(row[0] for row in rows)] == made[::-1]
