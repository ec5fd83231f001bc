"""Whoever leaves a queue lets those behind it be looked at: at once, not with the next round."""

import pytest

from jobs import wishes
from jobs.models import Job
from tests.jobs.admission.conftest import due_teams, nothing_due, why


@pytest.mark.parametrize("leave", [wishes.cancel, wishes.delete])
def test_what_waited_behind_a_job_is_looked_at_when_it_leaves(make_job, team, alice, limit, admit, leave):
    limit("cpu_millis", 4000)
    first = make_job(cpu_millis=2000)
    admit()
    large = make_job(cpu_millis=4000)
    Job.objects.filter(pk=large.pk).update(created_at="2026-01-01T00:00Z")
    small = make_job(cpu_millis=1000)
    assert admit() == []
    assert why(small) == "its_turn"
    nothing_due()
    assert leave(Job.objects.get(pk=large.pk), alice)
    assert due_teams() == [team.pk]
    assert admit() == [small.pk]
    assert first.pk


def test_a_running_job_that_is_cancelled_wakes_nobody_yet(make_job, team, alice, admit):
    job = make_job()
    admit()
    nothing_due()
    assert wishes.cancel(Job.objects.get(pk=job.pk), alice)
    assert due_teams() == []
