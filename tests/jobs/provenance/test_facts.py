"""What jobs are compared by: a hidden value is told apart, and nothing else of it is known."""

import pytest

from jobs.provenance.facts import Fact, facts_of
from jobs.provenance.secrets import HIDDEN

pytestmark = pytest.mark.django_db


def told(job, parameters=None) -> dict[str, Fact]:
    return {fact.label: fact for fact in facts_of(job, None, parameters or {})}


def test_a_hidden_number_is_none(make_job):
    job = make_job(
        arguments=["--token", "777123", "--lr", "0.1"], environment={"PIN": "48151623", "MAX_TOKENS": "512"}
    )
    facts = told(job, {"db_password": "4711", "epochs": "3"})
    for label in ("--token", "variable PIN", "parameter db_password"):
        assert (facts[label].text, facts[label].number) == (HIDDEN, None)
    assert facts["--lr"].number == 0.1
    assert facts["variable MAX_TOKENS"].number == 512
    assert facts["parameter epochs"].number == 3


def test_hidden_values_are_still_told_apart(make_job):
    one, same, other = (
        told(make_job(arguments=["--token", value, "--token", value, f"db.password={value}"]))
        for value in ("a1", "a1", "b2")
    )
    for label in ("--token", "arguments"):
        assert one[label].told_apart_by == same[label].told_apart_by != other[label].told_apart_by
        assert one[label].text == other[label].text


def test_what_is_no_row_of_its_own_is_shown_without_its_secrets(make_job):
    arguments = [
        "train",
        "--token",
        "a1",
        "--token",
        "b2",
        "--token=c3",
        "db.password=d4",
        "lr=0.1",
        "my file",
    ]
    facts = told(make_job(arguments=arguments))
    assert facts["--token"].text == HIDDEN
    shown = "train --token (hidden) --token=(hidden) db.password=(hidden) lr=0.1 'my file'"
    assert facts["arguments"].text == shown


def test_an_option_without_a_value_is_given(make_job):
    facts = told(make_job(arguments=["--use-auth-token", "--name=", "--fast"]))
    assert [facts[name].text for name in ("--use-auth-token", "--name", "--fast")] == ["given", "", "given"]


def test_a_profile_is_all_its_sizes_and_its_nodes(make_job):
    usual = told(make_job())["Profile"].text
    assert usual == "Small: 1 core, 2 GiB memory, 5 GiB disk, 512 processes"
    for changed in ({"disk_bytes": 1 << 30}, {"max_processes": 7}, {"memory_bytes": 1 << 20}):
        assert told(make_job(**changed))["Profile"].text != usual
    assert "Nodes" not in told(make_job())
    job = make_job(node_labels={"gpu": "a100"}, tolerations=[{"key": "spot"}])
    assert told(job)["Nodes"].text == "gpu=a100, tolerates spot"
