"""Inputs by size: what shares its content with something that stays is not deleted for nothing."""

import random

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs.models import Job, Stored
from jobs.retention import choosing
from jobs.retention.choosing import summed
from jobs.retention.deleting import delete_by_rules
from jobs.retention.pins import pin
from jobs.retention.preview import words_of
from jobs.retention.rules import Rule
from jobs.retention.sums import totals_of
from tests.jobs.retention.test_choosing import freed_by_hand

DATA = b"d" * 1000


@pytest.fixture
def sent(ended):
    """`sent(days, content, …)`: a job that ended so long ago, with a script of its own of eight bytes and all that."""

    def make(days: float, *contents: bytes, script: bytes | None = None, **fields) -> Job:
        files = {f"{number}.dat": content for number, content in enumerate(contents)}
        own = {"main.py": b"%8d" % (days * 1000)} if script is None else {"main.py": script}
        return ended(days, files=own | files, logs=b"", results={}, **fields)

    return make


@pytest.fixture
def pinned(sent, alice):
    def make(days: float, *contents: bytes, **fields) -> Job:
        job = sent(days, *contents, **fields)
        pin(job, alice)
        return job

    return make


def kept(jobs):
    return [job.bundle.files.exists() for job in jobs]


def bytes_of(team):
    return totals_of([team.pk])[team.pk]["inputs"]


def test_scripts_are_not_deleted_for_data_that_a_pinned_job_has(sent, pinned, rule, team):
    jobs = [sent(days, DATA) for days in (9, 8, 7, 6, 5)]
    pinned(20, DATA, script=b"p")
    rule("inputs", most_bytes=500)
    before = bytes_of(team)
    assert delete_by_rules() == []
    assert (kept(jobs), bytes_of(team)) == ([True] * 5, before)


@pytest.mark.parametrize(
    ("days", "fields"),
    [
        (20, {"status": "running", "finished_at": None}),
        (0.01, {}),
        (20, {"status": "cancelled", "cancel_reason": "preempted"}),
        (20, {"deleted_at": timezone.now()}),
    ],
)
def test_nor_for_data_of_any_other_job_that_has_to_stay(sent, rule, days, fields):
    jobs = [sent(day, DATA) for day in (9, 8, 7)]
    sent(days, DATA, **fields)
    rule("inputs", most_bytes=500)
    assert delete_by_rules() == []
    assert kept(jobs) == [True] * 3


def test_what_only_old_jobs_share_goes_with_the_last_of_them(sent, rule, team):
    jobs = [sent(days, DATA) for days in (9, 8, 7, 6, 5)]
    young = sent(2, b"y" * 50)
    rule("inputs", most_bytes=500)
    (deleted,) = delete_by_rules()
    assert (deleted.count, deleted.bytes) == (5, 1040)
    assert (kept(jobs), kept([young]), bytes_of(team)) == ([False] * 5, [True], 58)


def test_data_that_a_younger_job_keeps_costs_no_older_job_its_script(sent, rule, team):
    """Only the data in the middle has to go: the walk never comes to the youngest, and so not to what it has."""
    old, middle, young = sent(9, DATA), sent(8, b"m" * 300), sent(2, DATA)
    rule("inputs", most_bytes=bytes_of(team) - 100)
    (deleted,) = delete_by_rules()
    assert (deleted.count, kept([old, middle, young])) == (1, [True, False, True])
    # And when that is not enough, the three go together.
    rule("inputs", most_bytes=100)
    assert [each.count for each in delete_by_rules()] == [2]
    assert bytes_of(team) == 0


def test_content_that_hangs_on_what_something_else_keeps_stays_with_it(sent, pinned, rule):
    """The first job keeps what it has for its data, so the second one's script would go for nothing."""
    jobs = [sent(9, DATA, b"e" * 90), sent(8, b"e" * 90)]
    pinned(20, DATA)
    rule("inputs", most_bytes=500)
    assert delete_by_rules() == []
    assert kept(jobs) == [True, True]


def test_what_can_go_goes_though_it_is_not_enough_and_the_dry_run_says_so(sent, pinned, rule, team):
    jobs = [sent(9, DATA), sent(8, b"o" * 300), sent(7, DATA, b"o" * 300), sent(6, DATA, b"q" * 400)]
    pinned(20, DATA)
    rule("inputs", most_bytes=500)
    found = summed(team.pk, "inputs", Rule(most_bytes=500))
    words = words_of("inputs", found)
    (deleted,) = delete_by_rules()
    assert kept(jobs) == [True, False, False, False]
    assert (deleted.count, deleted.bytes) == (found.jobs, found.freed) == (3, 724)
    assert found.over == bytes_of(team) - 500 == 516
    assert words.endswith(
        " 516 B of the input files stay above the size: pinned jobs, or jobs that have not ended or ended less"
        " than an hour ago, hold them."
    )


@pytest.mark.parametrize("kind", ["logs", "results", "inputs"])
def test_the_page_says_when_nothing_can_make_it_fit(client_of, manager, ended, team, alice, kind):
    pin(ended(9, logs=b"x" * 1000, results={"a": b"x" * 1000}, files={"main.py": b"x" * 1000}), alice)
    asked = {"action": "preview", f"own-{kind}-size": "500 B"}
    response = client_of(manager).get(reverse("team_retention", args=[team.slug]), asked)
    told = {each.kind: each.sentence for each in response.context["preview"].sums}
    assert told[kind].startswith("nothing would go. 500 B of the ")
    assert "stay above the size: pinned jobs, " in response.content.decode()
    assert {told[other] for other in told if other != kind} == {"nothing would go."}


def test_by_age_all_go_whatever_it_frees(sent, pinned, rule, team):
    jobs = [sent(days, DATA) for days in (40, 35, 20)]
    pinned(50, DATA)
    rule("inputs", days=30)
    (deleted,) = delete_by_rules()
    assert (deleted.count, deleted.bytes, kept(jobs)) == (2, 16, [False, False, True])
    rule("inputs", days=15, most_bytes=500)
    assert [each.bytes for each in delete_by_rules()] == [8]


def test_what_goes_by_age_makes_room_for_the_size(sent, rule, team):
    """The two old ones go by age, and with the data that they share enough is free: the third one stays."""
    jobs = [sent(40, DATA), sent(35, DATA), sent(20, b"z" * 100)]
    rule("inputs", days=30, most_bytes=200)
    (deleted,) = delete_by_rules()
    assert (deleted.count, kept(jobs)) == (2, [False, False, True])


@pytest.fixture
def random_jobs(ended, sent, pinned):
    """Contents of which some are held, in bundles that one or two jobs have."""

    def make(chance: random.Random) -> None:
        contents = [bytes([65 + number]) * chance.choice([20, 100, 400]) for number in range(9)]
        made = [
            sent(40 - number, *chance.sample(contents, chance.randint(0, 3)), script=b"%d" % number)
            for number in range(14)
        ]
        for job in chance.sample(made, 3):
            ended(chance.randint(2, 60), bundle=job.bundle, logs=b"", results={})
        pinned(50, contents[0])
        sent(50, contents[1], status="running", finished_at=None)

    return make


@pytest.mark.parametrize("seed", range(6))
def test_deletes_in_small_looks_end_where_the_dry_run_said(random_jobs, rule, team, monkeypatch, seed):
    chance = random.Random(seed)
    random_jobs(chance)
    size = Rule(chance.choice([None, 38]), int(bytes_of(team) * chance.choice([0.4, 0.7, 0.9])))
    whole = choosing.listed(team.pk, "inputs", size, 1000)
    assert [one.freed for one in whole] == list(freed_by_hand(whole, team))
    promised = summed(team.pk, "inputs", size)
    assert promised.freed == sum(one.freed for one in whole)
    monkeypatch.setattr(choosing, "LOOKS", (2, 5, None))
    monkeypatch.setattr("jobs.retention.deleting.AT_ONCE", 2)
    assert choosing.listed(team.pk, "inputs", size, 1000) == whole
    for most in range(1, len(whole) + 1):
        assert {one.id for one in choosing.due(team.pk, "inputs", size, most)} <= {one.id for one in whole}
    rule("inputs", days=size.days, most_bytes=size.most_bytes)
    delete_by_rules()
    assert set(Stored.objects.exclude(gone_at=None).values_list("pk", flat=True)) == {one.id for one in whole}
    assert max(0, bytes_of(team) - size.most_bytes) == promised.over


@pytest.mark.parametrize("seed", range(6))
def test_nothing_goes_by_size_of_which_nearly_all_stays(random_jobs, team, seed):
    """By hand: with all that is chosen at least a tenth of the content of each goes."""
    chance = random.Random(seed)
    random_jobs(chance)
    found = choosing.listed(team.pk, "inputs", Rule(most_bytes=bytes_of(team) // 2), 1000)
    chosen = {one.bundle_id for one in found}
    stored = Stored.objects.filter(kind="inputs")
    whole = dict(stored.values_list("bundle_id", "bytes"))
    sizes = dict(stored.values_list("bundle__files__blob", "bundle__files__size"))
    holders = {}
    for bundle, blob in stored.values_list("bundle_id", "bundle__files__blob"):
        holders.setdefault(blob, set()).add(bundle)
    assert 3 < len(found) < len(whole)
    for one in found:
        goes = [blob for blob, those in holders.items() if one.bundle_id in those and those <= chosen]
        assert sum(sizes[blob] for blob in goes) * choosing.WORTH >= whole[one.bundle_id]
