"""Every reason has a sentence with its names and amounts, and an advice; the page that lists them is fresh."""

import re

import pytest

from clusters.causes import BETTER_THAN_STOPPED, INTERRUPTIONS, PATIENT, End, Wait
from jobs import reasons_page
from jobs.catalogue import Own, Situation, explain
from jobs.catalogue.ends import ERRORS, FAILURES, STOPPED
from jobs.catalogue.queued import QUEUED
from jobs.catalogue.waits import WAITS
from jobs.lifecycle import Status

# Codes, classes, and words of programmers that people should not have to read.
TECHNICAL = re.compile(r"\b(Err\w+|BackOff|pod_\w+|None|null|exception|traceback|\w+_\w+)\b|\{|\}|!")


def test_every_reason_has_an_entry_where_it_can_be_said():
    assert set(WAITS) >= set(Wait)
    assert set(ERRORS) >= set(End)
    assert set(Own) <= {*WAITS, *QUEUED, *FAILURES, *ERRORS, *STOPPED}
    assert not set(Wait) & set(End), "one word, one meaning"


def test_no_entry_is_for_a_reason_that_nobody_says():
    assert {*WAITS, *QUEUED, *FAILURES, *ERRORS, *STOPPED} <= {*Wait, *End, *Own}


def test_words_fit_their_columns():
    assert max(len(word) for word in (*Wait, *End, *Own)) <= 40


@pytest.mark.parametrize(
    ("status", "entries"),
    [(Status.STARTING, WAITS), (Status.QUEUED, QUEUED), (Status.FAILED, FAILURES), (Status.ERROR, ERRORS)],
)
@pytest.mark.parametrize("facts", ["known", "unknown"])
def test_people_read_whole_sentences_and_what_to_do(status, entries, facts):
    for reason in entries:
        known = reasons_page.FACTS.get(reason, {}) if facts == "known" else {}
        now = Situation(
            status=status, reason=reason, exit_code=1, memory="16 GiB", time_limit="2 h", facts=known
        )
        told = explain(now)
        for text in (told.sentence, told.advice):
            assert text.endswith("."), (reason, text)
            assert text[0].isupper() or text.startswith(("the cluster", "the script")), (reason, text)
            assert not TECHNICAL.search(text), (reason, text)
            assert "  " not in text, (reason, text)
        for name in ("asked", "limit", "missing", "name", "node", "since"):
            if name in known:
                assert known[name] in told.sentence, (reason, told.sentence)


def test_each_entry_is_told_apart_from_the_others():
    told = {explain(Situation(status=Status.STARTING, reason=reason)).sentence for reason in Wait}
    assert len(told) == len(Wait)
    told = {explain(Situation(status=Status.ERROR, reason=reason, disk="5 GiB")).sentence for reason in End}
    assert len(told) == len(End)


def test_the_clusters_words_follow_where_they_matter_and_are_cut():
    told = explain(
        Situation(status=Status.STARTING, reason="admission", detail="only prod\n images " + "x" * 900)
    )
    assert "It says: only prod images xxx" in told.sentence
    assert len(told.sentence) < 600
    assert told.sentence.endswith(" ….")


@pytest.mark.parametrize("reason", [reason for reason in Wait if reason.startswith("image_")])
def test_of_images_the_clusters_words_are_in_details_and_the_sentence_stays_short(reason):
    words = 'Back-off pulling image "x:1": rpc error: code = NotFound desc = failed to pull and unpack image'
    told = explain(Situation(status=Status.STARTING, reason=reason, detail=words))
    assert "rpc error" not in told.sentence + told.advice
    assert told.advice.endswith(" What the cluster said is in Details.")
    assert "Details" not in explain(Situation(status=Status.STARTING, reason=reason)).advice


def test_what_fits_no_node_is_not_promised_to_start():
    facts = {"kind": "resource", "noun": "memory", "asked": "64 GiB", "largest": "16 GiB", "is_never": True}
    told = explain(Situation(status=Status.STARTING, reason="unschedulable", facts=facts))
    assert "64 GiB" in told.sentence
    assert "16 GiB" in told.sentence
    assert "cannot start like this" in told.advice
    grows = explain(Situation(status=Status.STARTING, reason="unschedulable", facts=facts, adds_nodes=True))
    assert "may add a node" in grows.advice


def test_an_interruption_is_nothing_that_the_script_did():
    assert not INTERRUPTIONS & (set(FAILURES) - {End.STOPPED})
    assert End.STOPPED not in BETTER_THAN_STOPPED
    assert set(Wait) >= PATIENT


def test_the_page_in_the_documentation_is_fresh():
    assert reasons_page.DOCUMENT.read_text() == reasons_page.document(), "run: python -m jobs.reasons_page"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("exit_code", "last lines"),
        ("signal", "last lines"),
        *(
            (str(reason), "is kept")
            for reason in (End.NODE_LOST, End.LOST, End.DELETED, End.DRAINED, End.PREEMPTED)
        ),
    ],
)
def test_output_is_spoken_of_only_where_there_is_some(reason, words):
    status = Status.FAILED if reason in FAILURES else Status.ERROR
    told = {
        has: explain(Situation(status=status, reason=reason, exit_code=-9, has_output=has))
        for has in (True, False)
    }
    assert words in told[True].advice
    assert words not in told[False].advice
    assert told[True].asks_for_changes == told[False].asks_for_changes
    assert told[False].advice.endswith(".")


def test_who_cancelled_a_job_whose_output_is_gone_is_not_told_that_it_is_kept():
    for has in (True, False):
        told = explain(Situation(status=Status.CANCELLED, exit_code=-15, has_output=has))
        assert told.sentence.startswith("Cancelled while it ran")
        assert ("output so far is kept" in told.sentence) == has
