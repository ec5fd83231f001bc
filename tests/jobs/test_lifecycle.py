"""The lifecycle, exhaustively: every status, everything that can be seen, both wishes."""

import itertools

import pytest

from jobs import lifecycle_diagram
from jobs.catalogue import Situation, explain
from jobs.lifecycle import (
    ACTIVE,
    DONE,
    EXITED,
    MOVES,
    OVER,
    TERMINAL,
    Act,
    Facts,
    Sight,
    Status,
    Step,
    Wish,
    next_step,
    sight,
)

ALL = list(itertools.product(Status, Sight, Wish))
ENDS = {
    Sight.DONE_OK: Status.SUCCEEDED,
    Sight.DONE_BAD: Status.FAILED,
    Sight.EXITED_OK: Status.FINISHING,
    Sight.EXITED_BAD: Status.FINISHING,
    Sight.EXITED_STOPPED: Status.FINISHING,
}
# What may be seen next, as the cluster and the runner can report it.
LATER = {
    Sight.NOTHING: set(Sight) - {Sight.NOTHING},
    Sight.UNCONFIRMED: set(Sight) - {Sight.NOTHING, Sight.UNCONFIRMED},
    Sight.PENDING: set(Sight) - {Sight.NOTHING, Sight.UNCONFIRMED, Sight.PENDING},
    Sight.RUNNING: EXITED | DONE | {Sight.LOST, Sight.ORPHANED},
    Sight.ORPHANED: EXITED | DONE | {Sight.LOST, Sight.REFUSED},
    Sight.EXITED_OK: {Sight.DONE_OK},
    Sight.EXITED_BAD: {Sight.DONE_BAD},
    Sight.EXITED_STOPPED: {Sight.DONE_STOPPED},
    **{over: set() for over in OVER},
}


def settle(status: Status, seen: Sight, wish: Wish) -> tuple[Status, Step]:
    """Where a worker gets to while nothing new is seen, and what it does there from then on."""
    for _ in range(8):
        step = next_step(status, seen, wish)
        if step.to is None:
            return status, step
        status = step.to
    raise AssertionError(f"{status} does not settle with {seen}, {wish}")


@pytest.mark.parametrize(("status", "seen", "wish"), ALL)
def test_every_step_is_a_move_that_exists(status, seen, wish):
    step = next_step(status, seen, wish)
    assert step.to is None or step.to in MOVES[status]


@pytest.mark.parametrize(("status", "seen", "wish"), ALL)
def test_a_worker_settles_and_what_is_over_ends(status, seen, wish):
    there, step = settle(status, seen, wish)
    if seen in OVER:
        assert there in TERMINAL
        assert step.act is Act.REMOVE


@pytest.mark.parametrize(("status", "wish"), list(itertools.product(ACTIVE, Wish)))
@pytest.mark.parametrize("seen", ENDS)
def test_a_known_end_of_the_script_beats_every_wish(status, seen, wish):
    assert settle(status, seen, wish)[0] is ENDS[seen]


@pytest.mark.parametrize("status", ACTIVE)
def test_only_a_stop_that_was_wished_is_a_cancellation(status):
    assert settle(status, Sight.DONE_STOPPED, Wish.CANCEL)[0] is Status.CANCELLED
    assert settle(status, Sight.DONE_STOPPED, Wish.RUN)[0] is Status.ERROR


@pytest.mark.parametrize("status", [Status.STARTING, Status.RUNNING])
@pytest.mark.parametrize("seen", [Sight.PENDING, Sight.RUNNING])
def test_a_cancel_stops_and_waits_until_nothing_can_run(status, seen):
    there, step = settle(status, seen, Wish.CANCEL)
    assert there not in TERMINAL
    assert step.act is Act.STOP
    assert settle(there, Sight.LOST, Wish.CANCEL)[0] is Status.CANCELLED


@pytest.mark.parametrize("status", [Status.STARTING, Status.RUNNING])
@pytest.mark.parametrize("wish", Wish)
def test_what_has_lost_its_limits_is_stopped_and_ends_when_nothing_can_run(status, wish):
    assert next_step(status, Sight.ORPHANED, wish) == Step(Act.STOP)
    end = Status.CANCELLED if wish is Wish.CANCEL else Status.ERROR
    assert settle(status, Sight.LOST, wish)[0] is end


def test_a_cancel_before_anything_was_created_ends_at_once():
    assert settle(Status.QUEUED, Sight.NOTHING, Wish.CANCEL)[0] is Status.CANCELLED
    for seen in (Sight.NOTHING, Sight.UNCONFIRMED):
        assert next_step(Status.STARTING, seen, Wish.CANCEL) == Step(Act.STOP, Status.CANCELLED)


def test_nothing_is_created_for_a_cancelled_job():
    acts = {next_step(status, seen, Wish.CANCEL).act for status, seen in itertools.product(Status, Sight)}
    assert not acts & {Act.ADMIT, Act.CREATE}


def test_only_what_was_never_confirmed_is_created():
    creates = {
        (status, seen) for status, seen, wish in ALL if next_step(status, seen, wish).act is Act.CREATE
    }
    assert creates == {(Status.STARTING, Sight.NOTHING), (Status.STARTING, Sight.UNCONFIRMED)}


@pytest.mark.parametrize("status", sorted(TERMINAL))
@pytest.mark.parametrize("wish", Wish)
def test_after_the_end_a_ghost_is_stopped_and_what_is_over_is_removed(status, wish):
    for seen in Sight:
        expected = Act.REMOVE if seen in OVER | {Sight.NOTHING} else Act.STOP
        assert next_step(status, seen, wish) == Step(expected)


def test_every_course_of_a_job_ends_and_never_goes_back():
    ranks = {status: min(list(Status).index(status), 4) for status in Status}
    seen_courses = 0
    begin = [(Status.QUEUED, Sight.NOTHING, Wish.RUN)]
    known = set(begin)
    while begin:
        status, seen, wish = begin.pop()
        there, _ = settle(status, seen, wish)
        assert ranks[there] >= ranks[status]
        if seen in OVER:
            assert there in TERMINAL
        following = {(there, later, wish) for later in LATER[seen]} | {(there, seen, Wish.CANCEL)}
        for course in following - known:
            seen_courses += 1
            known.add(course)
            begin.append(course)
    assert seen_courses > 30


def all_facts():
    flags = list(itertools.product([False, True], repeat=8))
    for exit_code, reason in itertools.product([None, 0, 3], ["", "stopped", "time_limit", "lost"]):
        for created, seen, started, ended, collected, over, absent, orphaned in flags:
            yield Facts(created, seen, started, ended, exit_code, reason, collected, over, absent, orphaned)


def test_a_sight_is_over_exactly_when_nothing_more_can_come():
    for facts in all_facts():
        is_over = facts.is_work_over or facts.is_absent or (facts.has_ended and facts.is_collected)
        assert (sight(facts) in OVER) == is_over, facts


def test_an_outcome_that_was_reported_is_never_lost():
    for facts in all_facts():
        if facts.has_ended:
            assert sight(facts) in EXITED | DONE, facts
            ok = facts.exit_code == 0 and not facts.reason
            assert (sight(facts) in {Sight.EXITED_OK, Sight.DONE_OK}) == ok, facts


def test_without_an_outcome_nothing_looks_like_an_end_of_the_script():
    for facts in all_facts():
        if not facts.has_ended:
            assert sight(facts) not in EXITED | DONE, facts
            if facts.is_started:
                assert sight(facts) in {Sight.RUNNING, Sight.ORPHANED, Sight.LOST}, facts


def test_refused_is_said_only_where_the_script_was_never_started():
    for facts in all_facts():
        if sight(facts) is Sight.REFUSED:
            assert not facts.is_started
            assert not facts.is_absent


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize(
    "reason",
    [
        "",
        "lost",
        "refused",
        "time_limit",
        "signal",
        "no_space",
        "unschedulable",
        "image_pull",
        "never heard of",
    ],
)
@pytest.mark.parametrize("exit_code", [None, 0, 1, 126, 127, -9, -200])
def test_every_state_has_a_sentence(status, reason, exit_code):
    told = explain(
        Situation(status=status, reason=reason, exit_code=exit_code, memory="2 GiB", time_limit="1 h")
    )
    assert told.sentence.endswith(".")
    assert told.advice == "" or told.advice.endswith(".")
    if status in {Status.FAILED, Status.ERROR}:
        assert told.advice


def test_an_unreachable_cluster_changes_what_is_shown_of_open_jobs_only():
    for status in Status:
        told = explain(Situation(status=status, is_unreachable=True, exit_code=1))
        assert ("cannot be reached" in told.sentence) == (status not in TERMINAL)


def test_the_diagram_in_the_documentation_is_fresh():
    written = lifecycle_diagram.DOCUMENT.read_text()
    assert written == lifecycle_diagram.document(), "run: python -m jobs.lifecycle_diagram"
