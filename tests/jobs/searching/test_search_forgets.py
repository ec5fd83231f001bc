"""Inputs that a rule deleted are not found any more; their jobs are, by what is left of them."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from jobs.models import BundleFile, SearchEntry, Stored
from jobs.retention.deleting import delete_by_rules
from jobs.retention.rules import Rule, set_rules
from jobs.retention.sums import note_ends
from jobs.search import pending
from tests.jobs.searching.test_job_search import SCRIPT

FILES = {"secretplan/train.py": SCRIPT, "x.csv": b"1\n"}


@pytest.fixture
def found(client_of, alice):
    def search(text, user=None):
        pending.read_pending()
        page = client_of(user or alice).get("/?" + urlencode({"text": text}))
        assert page.status_code == 200
        return [job.name for job in page.context["jobs"]]

    return search


@pytest.fixture
def old(make_job):
    """A job that ended long ago."""
    end = timezone.now() - timedelta(days=90)
    job = make_job(
        name="Train.model 1.5",
        tags=["paper"],
        arguments=["--fold", "seven"],
        files=FILES,
        status="succeeded",
        finished_at=end,
    )
    note_ends()
    return job


def delete_inputs(team):
    set_rules(team, {"inputs": Rule(30, None)}, is_allowance=True)
    assert sum(each.count for each in delete_by_rules(team.pk)) == 1


GONE = (
    "pandas",
    "secretplan",
    "train.py",
    "file:train.py",
    "read_csv",
    '"import pandas"',
    "file:py",
    "x.csv",
)
STAY = ("train", "mod", "1", "paper", "tag:paper", "seven", "fold", '"Train.model"')


@pytest.mark.parametrize("is_read", [True, False])
def test_files_and_scripts_are_not_found_and_the_job_is(found, old, team, is_read):
    if is_read:
        assert all(found(text) == [old.name] for text in (*GONE, *STAY))
    delete_inputs(team)
    assert {text: found(text) for text in GONE} == dict.fromkeys(GONE, [])
    assert {text: found(text) for text in STAY} == dict.fromkeys(STAY, [old.name])
    words = "".join(SearchEntry.objects.values_list("words", flat=True))
    assert "pandas" not in words
    assert "secretplan" not in words


def test_another_teams_job_with_the_same_files_is_found_as_before(
    found, old, team, make_job, charlie, other_team
):
    theirs = make_job(name="theirs", owner=charlie, bundle=old.bundle)
    assert found("pandas", charlie) == ["theirs"]
    delete_inputs(team)
    assert found("pandas") == []
    assert found("pandas", charlie) == found("secretplan", charlie) == [theirs.name]
    assert BundleFile.objects.filter(bundle=old.bundle).exists()
    assert Stored.objects.filter(bundle=old.bundle, gone_at=None).exists()


def test_other_words_of_the_same_files_leave_every_entry(found, old, team, make_job):
    """The same script ran with several arguments: each has an entry of its own."""
    end = old.finished_at
    for fold in ("eight", "nine"):
        make_job(name=fold, arguments=[fold], bundle=old.bundle, status="succeeded", finished_at=end)
    note_ends()
    assert len(found("pandas")) == 3
    set_rules(team, {"inputs": Rule(30, None)}, is_allowance=True)
    delete_by_rules(team.pk)
    assert found("pandas") == []
    assert found("nine") == ["nine"]
