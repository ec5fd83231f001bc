"""A pin that comes between the choice and the delete holds: a pinned job loses nothing, whoever is faster."""

import threading
from contextlib import contextmanager

import pytest
from django.db import connection

from jobs.models import Job
from jobs.retention import deleting
from jobs.retention.auditor import broken_promises
from jobs.retention.deleting import delete_by_rules
from jobs.retention.gone import gone_of
from jobs.retention.marking import mark
from jobs.retention.pins import pin
from tests.jobs.retention.conftest import KINDS

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def elsewhere(act):
    """`act` in a transaction of another connection, which is open until the block ends."""
    done, end, failed = threading.Event(), threading.Event(), []

    def run():
        from django.db import transaction

        try:
            with transaction.atomic():
                act()
                done.set()
                assert end.wait(30)
        except BaseException as error:
            failed.append(error)
            done.set()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert done.wait(30)
    try:
        yield
    finally:
        end.set()
        thread.join(30)
    assert failed == []


@pytest.fixture
def before_marking(monkeypatch):
    """`before_marking(act)`: done once, when a round has chosen and nothing is marked yet."""

    def install(act):
        def chosen_then(*given):
            monkeypatch.setattr(deleting, "mark", mark)
            with act():
                return mark(*given)

        monkeypatch.setattr(deleting, "mark", chosen_then)

    return install


@pytest.fixture
def pair(ended):
    """The job that is pinned meanwhile, and one that nobody pins."""
    return ended(40, files={"main.py": b"1"}), ended(35, files={"main.py": b"2"})


def pin_of(job, alice):
    assert pin(Job.objects.get(pk=job.pk), alice)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [{"days": 30}, {"most_bytes": 0}])
def test_a_pin_that_is_written_when_all_is_chosen_holds(pair, rule, alice, before_marking, kind, limit):
    @contextmanager
    def committed():
        with elsewhere(lambda: pin_of(pair[0], alice)):
            pass
        yield

    rule(kind, **limit)
    before_marking(committed)
    (deleted,) = delete_by_rules()
    assert (deleted.kind, deleted.count) == (kind, 1)
    assert [set(gone_of(job)) for job in pair] == [set(), {kind}]
    assert list(broken_promises()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_pin_that_is_not_committed_yet_holds_and_is_not_waited_for(pair, rule, alice, before_marking, kind):
    rule(kind, days=30)
    before_marking(lambda: elsewhere(lambda: pin_of(pair[0], alice)))
    assert [each.count for each in delete_by_rules()] == [1]
    assert [set(gone_of(job)) for job in pair] == [set(), {kind}]
    assert Job.objects.get(pk=pair[0].pk).pinned_at is not None
    assert list(broken_promises()) == []


def test_a_pin_of_one_of_several_jobs_keeps_their_inputs(pair, ended, rule, alice, before_marking):
    """The pinned one is not the one that ended last, and its files are those of another job."""
    first = ended(50, bundle=pair[0].bundle)
    rule("inputs", days=30)
    before_marking(lambda: elsewhere(lambda: pin_of(first, alice)))
    delete_by_rules()
    assert [set(gone_of(job)) for job in (first, *pair)] == [set(), set(), {"inputs"}]


def test_what_a_pin_takes_from_the_rest_of_the_choice_is_chosen_anew(
    ended, rule, alice, before_marking, monkeypatch
):
    """By size three go for what they share. One is pinned meanwhile: the two of later batches stay."""
    monkeypatch.setattr(deleting, "AT_ONCE", 1)
    data = {"data": b"d" * 1000}
    jobs = [ended(days, files=data | {"main.py": b"%d" % days}) for days in (40, 35, 20)]
    rule("inputs", most_bytes=100)
    before_marking(lambda: elsewhere(lambda: pin_of(jobs[0], alice)))
    assert delete_by_rules() == []
    assert [set(gone_of(job)) for job in jobs] == [set()] * 3


def test_what_fits_again_meanwhile_is_not_deleted_by_size(ended, rule, alice, before_marking, monkeypatch):
    """People deleted the large one after the choice: the batches that wait are let be, but for what is too old."""
    monkeypatch.setattr(deleting, "AT_ONCE", 1)
    jobs = [ended(days, logs=b"x" * 100, results={}) for days in (40, 35, 20, 10)]
    large = ended(1, logs=b"x" * 1000, results={})

    @contextmanager
    def smaller():
        yield
        large.attempts.update(stdout_size=0)

    rule("logs", days=30, most_bytes=300)
    before_marking(smaller)
    delete_by_rules()
    large.attempts.update(stdout_size=1000)
    assert [set(gone_of(job)) for job in jobs] == [{"logs"}, {"logs"}, set(), set()]
