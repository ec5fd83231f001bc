"""The Metrics tab: numbers, curves, what was left out."""

import json
import re

import pytest

from jobs.models import Metric, MetricsTaken
from tests.jobs.intake_caller import Runner


@pytest.fixture
def page(client_of, alice):
    return lambda job, more="": client_of(alice).get(f"/jobs/{job.pk}/metrics/{more}").content.decode()


def told(make_job, make_attempt, output: bytes, status="running"):
    job = make_job(status=status)
    Runner(make_attempt(job, claimed_by="pod-1")).output(output)
    return job


def test_a_running_job_shows_numbers_and_curves_and_asks_again(make_job, make_attempt, page):
    output = b"".join(b"::stellwerk-metric loss=%d step=%d\n" % (100 - step, step) for step in range(10))
    job = told(make_job, make_attempt, output + b"::stellwerk-metric accuracy=0.75\n")
    shown = page(job)
    assert "data-live-job" in shown
    assert re.search(r'>loss</th><td class="num metric-last">91</td><td class="num">91</td>', shown)
    assert re.search(r'>accuracy</th><td class="num metric-last">0.75</td>', shown)
    data = json.loads(re.search(r'<script id="curve-1" type="application/json">(.*?)</script>', shown)[1])
    assert data["lines"][0]["values"] == [float(100 - step) for step in range(10)]
    assert "curve-2" not in shown, "one value is no curve"


def test_without_javascript_points_are_in_a_table(make_job, make_attempt, page):
    shown = page(told(make_job, make_attempt, b"::stellwerk-metric a=0.5\n::stellwerk-metric a=0.25\n"))
    assert '<td class="num">1</td><td class="num">0.25</td>' in shown


def test_what_was_left_out_is_said(make_job, make_attempt, page):
    job = told(make_job, make_attempt, b"::stellwerk-metric loss=nan\n" * 3)
    assert "“loss” was not a finite number (NaN, infinite or too large): 3 times." in page(job)


def test_names_cannot_act_in_the_page(make_job, make_attempt, page):
    job = make_job(status="succeeded")
    attempt = make_attempt(job)
    name = "</script><script>alert(1)</script>"
    Metric.objects.create(attempt=attempt, name=name, count=2, last=1, steps=[0, 1], values=[0, 1])
    MetricsTaken.objects.create(attempt=attempt, parameters={"<b>": "<i>"}, left_out={"<u>": 1})
    shown = page(job)
    for word in ("<script>alert", "<b>", "<i>", "<u>"):
        assert word not in shown


def test_a_job_without_metrics_says_how_to_tell_some(make_job, page):
    assert "::stellwerk-metric loss=0.31" in page(make_job(status="succeeded"))


def test_curves_come_a_page_at_a_time(make_job, make_attempt, page):
    line = b"::stellwerk-metric " + b" ".join(b"m%02d=1" % number for number in range(15)) + b"\n"
    job = told(make_job, make_attempt, line * 2)
    assert page(job).count("data-curve-canvas") == 12
    assert page(job, "?page=2").count("data-curve-canvas") == 3
    assert "data-curve-canvas" not in page(job, "?page=9")


def test_it_asks_the_database_the_same_however_many_there_are(
    make_job, make_attempt, client_of, alice, django_assert_max_num_queries
):
    job = make_job(status="succeeded")
    attempt = make_attempt(job)
    Metric.objects.bulk_create(
        Metric(attempt=attempt, name=f"m{number}", count=2, last=1, steps=[0, 1], values=[0, 1])
        for number in range(100)
    )
    client = client_of(alice)
    with django_assert_max_num_queries(14):
        client.get(f"/jobs/{job.pk}/metrics/")
