"""Searching the history: what is found, by whom, and where it says that it was found."""

from urllib.parse import urlencode

import pytest
from django.core.files.storage import default_storage

from jobs.history import pages, searching
from jobs.models import ScriptText, SearchEntry, SearchShelf
from jobs.reconciler.tidy import delete_job
from jobs.search import pending
from teams.models import Membership

SCRIPT = b"import pandas as pd\n\nlearning_rate = 0.1\ndf = pd.read_csv('Rain.csv')\n"


@pytest.fixture
def found(client_of, alice):
    """`found("rain -wind")`: the names on that page, as Alice sees it, when all scripts are read."""

    def search(text, user=None, **filters):
        pending.read_pending()
        page = client_of(user or alice).get("/?" + urlencode({"text": text} | filters))
        assert page.status_code == 200
        return [job.name for job in page.context["jobs"]]

    return search


@pytest.fixture
def jobs(make_job, alice, bob):
    make_job(
        name="Train model", tags=["paper", "two words"], files={"train.py": SCRIPT, "data/x.csv": b"secret\n"}
    )
    make_job(
        name="evaluate", owner=bob, arguments=["--fold", "seven=7"], files={"evaluate.R": b"library(dplyr)\n"}
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("RAIN mod", ["Train model"]),
        ("tr", ["Train model"]),
        ("pape", ["Train model"]),
        ("read_csv", ["Train model"]),
        ("rate", ["Train model"]),
        ("pandas dplyr", []),
        ("dply", ["evaluate"]),
        ("plyr", []),
        ("seven", ["evaluate"]),
        ("train.py", ["Train model"]),
        ("secret", []),
        ("-pandas", ["evaluate"]),
        ("-paper -dplyr", []),
        ('"import pandas"', ["Train model"]),
        ('"pandas import"', []),
        ("read_csv('rain", ["Train model"]),
        ('-"import pandas"', ["evaluate"]),
        ("tag:paper", ["Train model"]),
        ("tag:pape", []),
        ('tag:"two words"', ["Train model"]),
        ("-tag:paper", ["evaluate"]),
        ("file:.csv", ["Train model"]),
        ("file:evalu", ["evaluate"]),
        ("-file:.csv", ["evaluate"]),
        ("owner:bob", ["evaluate"]),
        ("owner:BAUER", ["evaluate"]),
        ("-owner:bob", ["Train model"]),
        ("owner:nobody", []),
        ("owner:bob pandas", []),
        ("%", []),
        ("--fold seven", []),
    ],
)
def test_what_a_search_finds(jobs, found, text, names):
    assert found(text) == names


def test_a_search_goes_with_the_other_filters(jobs, make_job, found, alice, bob):
    make_job(name="Train again", status="failed", files={"train.py": SCRIPT})
    assert found("pandas") == ["Train again", "Train model"]
    assert found("pandas", status="failed") == ["Train again"]
    assert found("pandas", tag="paper") == ["Train model"]
    assert found("pandas", owner=bob.pk) == []


@pytest.mark.parametrize("text", ["pandas", '"pandas as"', "-dplyr", "owner:charlie"])
def test_nobody_finds_another_teams_jobs(make_job, found, charlie, bob, other_team, text, dana):
    make_job(name="hidden", owner=charlie, team=other_team, files={"a.py": SCRIPT})
    assert found(text) == []
    assert found(text, user=dana) == ["hidden"]
    Membership.objects.create(user=bob, team=other_team)
    assert found(text, user=bob) == ["hidden"]


def test_another_teams_words_are_not_even_looked_up(make_job, charlie, other_team, team):
    make_job(owner=charlie, team=other_team)
    make_job()
    pending.read_pending()
    keys = [str(words) for words in SearchEntry.objects.order_by("pk").values_list("words", flat=True)]
    assert [[f"'{team.pk}." in words, f"'{other_team.pk}." in words] for words in keys].count(
        [True, False]
    ) == 1
    assert sorted(SearchShelf.objects.values_list("team", "entries")) == [
        (0, 2),
        (team.pk, 1),
        (other_team.pk, 1),
    ]


def test_each_hit_says_where_it_is_with_the_match_marked(make_job, client_of, alice):
    make_job(name="Train model", tags=["paper"], arguments=["--fold"], files={"go/train.py": SCRIPT})
    pending.read_pending()
    page = client_of(alice).get("/?" + urlencode({"text": 'model paper fold go/ "pd.read_csv("'}))
    hits = page.context["jobs"][0].hits
    assert [hit.where for hit in hits] == ["Tag", "Argument", "File"]
    assert page.content.decode().count("Train <mark>model</mark>") == 1  # in the name itself
    page = client_of(alice).get("/?text=read_csv").content.decode()
    assert '<span class="hit-where">go/train.py, line 4</span>' in page
    assert "df = pd.<mark>read_csv</mark>(&#x27;Rain.csv&#x27;)" in page


def test_a_row_that_changes_keeps_its_hits(make_job, client_of, alice):
    job = make_job(status="running", files={"train.py": SCRIPT})
    pending.read_pending()
    page = client_of(alice).get("/?text=pandas").content.decode()
    assert f'data-live-url="/jobs/{job.pk}/row/?text=pandas"' in page
    assert "<mark>pandas</mark>" in client_of(alice).get(f"/jobs/{job.pk}/row/?text=pandas").content.decode()


def test_a_misspelt_search_is_told_and_nothing_is_lost(make_job, client_of, alice):
    make_job(name="here", status="failed")
    page = client_of(alice).get('/?status=failed&text="open')
    assert "never closed" in page.content.decode()
    assert 'value="&quot;open"' in page.content.decode()
    assert ("status", "failed") in page.context["filters"].hidden
    assert page.context["jobs"] == []
    assert client_of(alice).get('/jobs/export.csv?text="open').status_code == 400


def test_what_many_jobs_have_is_found_page_by_page(make_job, client_of, alice, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    monkeypatch.setattr(searching, "JOBS", 3)
    ids = [make_job(name="needle").pk for _ in range(5)][::-1]
    pending.read_pending()
    page, listed = client_of(alice).get("/?text=needle").context, []
    while True:
        listed += [job.pk for job in page["jobs"]]
        if not page["next_url"]:
            break
        page = client_of(alice).get(page["next_url"]).context
    assert listed == ids


def test_a_frequent_word_among_old_jobs_is_reached_by_looking_further_back(
    make_job, client_of, alice, monkeypatch
):
    monkeypatch.setattr(searching, "JOBS", 3)
    monkeypatch.setattr(searching, "WALKED", 2)
    old = [make_job(name="needle").pk for _ in range(4)][::-1]
    for _ in range(3):
        make_job(name="hay")
    pending.read_pending()
    page = client_of(alice).get("/?text=needle")
    assert "Look further back" in page.content.decode()
    jump = client_of(alice).get(page.context["known_url"])
    assert jump.context["jobs"][0].pk in old
    assert page.context["filters"].counts[0].count == "3+"
    listed = []
    while page.context["next_url"]:
        page = client_of(alice).get(page.context["next_url"])
        listed += [job.pk for job in page.context["jobs"]]
    assert listed == old


def test_words_are_found_on_every_shelf(make_job, found, monkeypatch):
    monkeypatch.setattr(pending, "SHELF", 2)
    for number in range(5):
        make_job(name=f"needle {number}")
    assert found("needle") == [f"needle {number}" for number in (4, 3, 2, 1, 0)]
    assert SearchShelf.objects.filter(team=0).count() == 3


def test_a_script_that_ran_twice_is_read_once(make_job, found):
    first = make_job(name="same", files={"train.py": SCRIPT})
    make_job(name="same", bundle=first.bundle)
    assert found("pandas") == ["same", "same"]
    assert SearchEntry.objects.count() == 1
    assert ScriptText.objects.count() == 1


def test_only_the_beginning_of_files_that_are_text_is_read(make_job, found, monkeypatch):
    monkeypatch.setattr(pending, "MOST_BYTES", 10)
    make_job(name="long", files={"a.py": "early ääääää late".encode()})
    make_job(name="binary", files={"b.bin": b"needle\0\xff"})
    assert found("early") == ["long"]
    assert found("late") == []
    assert found("needle") == []


def test_a_script_whose_content_is_gone_does_not_stop_the_others(make_job, found):
    job = make_job(name="broken", files={"lost.py": b"needle lost"})
    default_storage.delete(job.bundle.files.get().blob.key)
    make_job(name="whole", files={"a.py": b"needle"})
    assert found("needle") == ["whole"]
    assert found("file:lost.py") == ["broken"]


def test_a_deleted_job_takes_its_words_along(make_job, found):
    job = make_job(status="succeeded", files={"a.py": b"needle"})
    assert found("needle") == [job.name]
    delete_job(job)
    assert not SearchEntry.objects.exists()
    assert found("needle") == []
