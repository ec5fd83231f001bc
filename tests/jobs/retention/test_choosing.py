"""What a round looks at: the first ones of a list, which are the same whether or not the rest is looked at."""

import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import BundleFile
from jobs.retention import choosing
from jobs.retention.choosing import due, listed, summed
from jobs.retention.deleting import delete_by_rules
from jobs.retention.rules import Rule

CONTENTS = [b"x" * (10 + number) for number in range(8)]


@pytest.fixture
def bundles(ended, charlie, other_team):
    """Fifteen jobs' inputs, oldest first, that share contents; some stay: pinned, running, another team's."""
    chance, made = random.Random(5), []
    for day in range(40, 25, -1):
        files = {f"{number}.py": content for number, content in enumerate(chance.sample(CONTENTS, 2))}
        made.append(ended(day, files=files | {"own.py": b"y" * day}, logs=b"", results={}))
    for content, fields in ((CONTENTS[0], {"status": "running", "finished_at": None}), (CONTENTS[1], {})):
        ended(50, files={"a.py": content}, logs=b"", results={}, **fields)
    ended(60, files={"b.py": CONTENTS[2]}, logs=b"", results={}, owner=charlie, team=other_team)
    return made


def freed_by_hand(chosen, team):
    """What is less with each of them: the content that none of the team's others has any more."""
    left = list(
        BundleFile.objects.filter(bundle__jobs__team=team).values_list("bundle_id", "blob_id", "blob__size")
    )
    for one in chosen:
        mine = {(blob, size) for bundle, blob, size in left if bundle == one.bundle_id}
        left = [row for row in left if row[0] != one.bundle_id]
        others = {blob for _, blob, _ in left}
        yield sum(size for blob, size in mine if blob not in others)


@pytest.mark.parametrize("rule", [Rule(most_bytes=150), Rule(most_bytes=0), Rule(days=30), Rule(35, 200)])
def test_the_first_ones_are_the_same_however_many_are_looked_at(bundles, team, rule, monkeypatch):
    whole = listed(team.pk, "inputs", rule, 1000)
    assert 3 < len(whole) <= 16
    monkeypatch.setattr(choosing, "LOOKS", (1, 4, None))
    for most in range(1, len(whole) + 1):
        assert listed(team.pk, "inputs", rule, most) == whole[:most]
        assert set(ids(due(team.pk, "inputs", rule, most))) <= set(ids(whole))
    middle = whole[2]
    assert listed(team.pk, "inputs", rule, 4, (middle.ended_at, middle.id)) == whole[3:7]
    assert [one.freed for one in whole] == list(freed_by_hand(whole, team))
    total = summed(team.pk, "inputs", rule)
    assert (total.jobs, total.freed) == (len(whole), sum(one.freed for one in whole))


def ids(found):
    return [one.id for one in found]


@pytest.mark.parametrize(("rule", "most"), [(Rule(most_bytes=0), 1), (Rule(days=30), 3)])
def test_the_deletes_look_at_few_while_these_tell_enough(bundles, team, rule, most, monkeypatch):
    monkeypatch.setattr(choosing, "LOOKS", (3, None))
    seen = []

    def run(sql, values):
        seen.append(values["window"])
        return ran(sql, values)

    ran = choosing._run
    monkeypatch.setattr(choosing, "_run", run)
    assert len(due(team.pk, "inputs", rule, most)) == most
    assert seen == [3]
    listed(team.pk, "inputs", rule, most)
    assert seen[1:] == ([3] if rule.days else [3, None])


def test_a_team_that_keeps_within_its_size_is_not_looked_at(bundles, rule, team):
    rule("inputs", most_bytes=10_000)
    rule("results", most_bytes=10_000)
    with CaptureQueriesContext(connection) as captured:
        assert delete_by_rules() == []
    assert not [query for query in captured.captured_queries if "eligible" in query["sql"]]
    rule("inputs", most_bytes=100)
    assert [each.kind for each in delete_by_rules()] == ["inputs"]
