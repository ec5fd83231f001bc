"""A row of the list of jobs: what it says in each status, and that a text in it stays a text."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from django.utils.html import escape

from clusters.models import Cluster
from jobs.catalogue.queued import SHORT
from jobs.catalogue.situation import Own
from jobs.models import Job
from jobs.search.places import Hit
from portal.templatetags.job_rows import job_row
from portal.templatetags.stellwerk import when
from teams.models import User

EVIL = "<img src=x onerror=alert(1)> & \"both\" 'quotes'"


def make(status="succeeded", **values):
    now = timezone.now()
    job = Job(id=1070, name="night", status=status, profile_label="2 CPU", created_at=now, **values)
    job.owner, job.cluster = User(username="ada"), Cluster(name="lab")
    return job


def test_texts_are_escaped_wherever_they_come_from():
    job = make("queued", tags=[EVIL], pinned_at=timezone.now())
    job.name = job.profile_label = job.owner.first_name = job.cluster.name = EVIL
    job.hits, job.queue_block = [Hit(EVIL, EVIL)], None
    job.told_start = SimpleNamespace(words=EVIL)
    row = job_row(job, EVIL)
    assert "<img" not in row
    assert row.count(escape(EVIL)) == 10


def test_a_job_that_is_over_is_asked_for_no_more():
    row = job_row(make(), "numpy")
    assert "data-live" not in row
    assert 'href="/jobs/1070/" data-job-link>night</a>' in row


@pytest.mark.parametrize("searched", ["", "a b&c"])
def test_a_job_that_goes_on_says_where_to_ask_for_its_row(searched):
    asked = "?text=a%20b%26c" if searched else ""
    assert f'data-live-job="1070" data-live-url="/jobs/1070/row/{asked}"' in job_row(
        make("running"), searched
    )


def test_when_it_started_and_how_long_it_took():
    began = timezone.now() - timedelta(minutes=5)
    over = make(running_at=began, finishing_at=began + timedelta(seconds=61), finished_at=timezone.now())
    assert f'<td class="cell-started">{when(began)}</td>' in job_row(over)
    assert '<td class="cell-took">1 min 1 s</td>' in job_row(over)
    goes_on = job_row(make("running", running_at=began))
    assert '<td class="cell-took"><time data-ticks' in goes_on


def test_what_never_started_says_so_and_what_waits_says_why():
    assert '<span class="quiet">never started</span></td>\n  <td class="cell-took">–</td>' in job_row(
        make("cancelled")
    )
    job = make("queued")
    job.queue_block = {"reason": Own.TEAM_QUOTA, "lane": []}
    job.told_start = SimpleNamespace(words="about 5 min")
    row = job_row(job)
    assert "data-live-ages" in row
    assert f'</time><span class="row-note">{escape(SHORT[Own.TEAM_QUOTA])}</span></span>' in row
    assert 'title="Likely to start in about 5 min">≈ about 5 min</span>' in row
    assert "cancelling" in job_row(make("running", cancel_requested_at=timezone.now()))


def test_what_was_found_is_marked_in_the_name_and_beneath_it():
    job = make()
    job.name_hit = Hit("Name", "night", [re.compile("ni")])
    job.hits = [Hit("main.py, line 3", "a < b", [re.compile("b")])]
    row = job_row(job, "x")
    assert "<mark>ni</mark>ght</a>" in row
    assert (
        '<span class="hit-where">main.py, line 3</span> <span class="hit-text">a &lt; <mark>b</mark></span>'
        in row
    )
