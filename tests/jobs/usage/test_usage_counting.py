"""Each job is in the sums once, whatever is killed when; what was deleted stays in them."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from jobs import tasks
from jobs.models import Grain, Job, PastJob, UsageSum
from jobs.reconciler import tidy
from jobs.usage import counting
from jobs.usage.rebuild import differences, rebuild
from tests import cast
from tests.jobs.usage.conftest import GPU, at

HOUR = 3_600_000


def detail():
    return UsageSum.objects.filter(grain="detail")


def test_ended_jobs_are_added_up_and_marked(ran, alice, team):
    ran("2026-02-01 10:00", hours=2)
    ran("2026-02-01 20:00", hours=1, status="failed")
    ran("2026-02-02 10:00", hours=None, status="cancelled")
    assert counting.count_ended() == 3
    first, second = detail().order_by("day")
    assert (first.team, first.owner, first.profile_label) == (team, alice, "Small")
    assert (first.cpu, first.memory, first.gpu) == (3000 * HOUR, 2048 * 3 * HOUR, 0)
    assert (first.succeeded, first.failed, sum(first.waits)) == (1, 1, 2)
    assert (second.cpu, second.cancelled, second.waits) == (0, 1, [])
    assert UsageSum.objects.filter(grain="all").count() == 2
    assert UsageSum.objects.get(grain="team").cpu == UsageSum.objects.get(grain="owner").cpu == 3000 * HOUR


def test_counting_again_adds_nothing(ran):
    ran("2026-02-01 10:00")
    counting.count_ended()
    before = list(UsageSum.objects.order_by("pk").values())
    assert counting.count_ended() == 0
    assert list(UsageSum.objects.order_by("pk").values()) == before


def test_what_has_not_ended_is_not_counted(make_job):
    for status in ("queued", "starting", "running", "finishing"):
        make_job(status=status)
    assert counting.count_ended() == 0
    assert not UsageSum.objects.exists()


def test_later_jobs_are_added_to_the_same_sum(ran):
    for waited in (5, 5000, 5):
        ran("2026-02-01 10:00", waited=waited)
        counting.count_ended()
    row = detail().get()
    assert (row.succeeded, sum(row.waits), row.cpu) == (3, 3, 3000 * HOUR)
    assert differences() == []


def test_gpus_are_told_apart_by_kind_and_a_kind_without_gpus_is_none(ran):
    ran("2026-02-01 10:00", gpu_count=2, gpu_resource=GPU)
    ran("2026-02-01 10:00", gpu_count=0, gpu_resource=GPU)
    counting.count_ended()
    assert dict(detail().values_list("gpu_resource", "gpu")) == {GPU: 2 * HOUR, "": 0}


@pytest.mark.parametrize("dies_in", ["write", "mark"])
def test_a_crash_at_any_point_neither_loses_nor_doubles(ran, monkeypatch, dies_in):
    ran("2026-02-01 10:00")
    real = getattr(counting, dies_in)

    def die(given):
        real(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(counting, dies_in, die)
    with pytest.raises(KeyboardInterrupt):
        counting.count_ended()
    assert not UsageSum.objects.exists()
    assert Job.objects.get().usage_counted_at is None
    monkeypatch.setattr(counting, dies_in, real)
    assert counting.count_ended() == 1
    assert differences() == []


def test_a_backlog_is_counted_in_batches(ran, monkeypatch):
    monkeypatch.setattr(counting, "AT_ONCE", 2)
    for _ in range(5):
        ran("2026-02-01 10:00")
    assert counting.count_ended() == 5
    assert detail().get().succeeded == 5


def test_the_task_counts(ran):
    ran("2026-02-01 10:00")
    tasks.count_usage()
    assert detail().get().succeeded == 1


def test_finding_what_to_count_reads_only_that(ran):
    ran("2026-02-01 10:00")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        with CaptureQueriesContext(
            connection,
        ) as asked:
            counting.count_ended()
        cursor.execute("EXPLAIN " + next(q["sql"] for q in asked if "SKIP LOCKED" in q["sql"]))
        assert "job_uncounted" in str(cursor.fetchall())


def test_a_deleted_job_stays_in_the_sums_counted_before_or_not(ran):
    counted, uncounted = ran("2026-02-01 10:00"), ran("2026-02-02 10:00")
    counting._count(Job.objects.filter(pk=counted.pk))
    Job.objects.update(deleted_at=at("2026-02-03 00:00"))
    tidy.delete_jobs()
    assert not Job.objects.exists()
    assert sorted(PastJob.objects.values_list("pk", flat=True)) == [counted.pk, uncounted.pk]
    assert detail().aggregate(cpu=Sum("cpu"), jobs=Sum("succeeded")) == {"cpu": 2000 * HOUR, "jobs": 2}
    assert differences() == []


def test_a_job_that_is_gone_already_is_let_go_without_a_word(db):
    counting.let_go(4711)
    assert not PastJob.objects.exists()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Havana"])
def test_the_sums_equal_a_naive_count_after_a_random_history(ran, alice, bob, profile, zone, settings):
    settings.TIME_ZONE, chance = zone, random.Random(zone)
    large = cast.new_profile(profile.cluster, name="Large", cpu_millis=8000, gpu_count=2, gpu_resource=GPU)
    for _ in range(60):
        start = at("2026-02-20 00:00") + timedelta(minutes=chance.randrange(60 * 24 * 60))
        chosen = chance.choice([profile, large])
        ran(
            start.strftime("%Y-%m-%d %H:%M"),
            hours=chance.choice([None, 0, 0.5, 7.25, 60]),
            waited=chance.randrange(5000),
            owner=chance.choice([alice, bob]),
            profile=chosen,
            gpu_count=chosen.gpu_count,
            gpu_resource=chosen.gpu_resource,
            status=chance.choice(["succeeded", "failed", "cancelled", "error"]),
        )
        if chance.random() < 0.3:
            counting.count_ended()
        if chance.random() < 0.2:
            Job.objects.filter(pk=chance.choice(Job.objects.values_list("pk"))[0]).update(
                deleted_at=Now() - timedelta(hours=1)
            )
        if chance.random() < 0.1:
            tidy.delete_jobs()
    counting.count_ended()
    assert PastJob.objects.exists()
    assert differences() == []
    assert by_hand() == Counter(
        {(row.day, row.owner_id, row.gpu_resource): row.cpu for row in detail() if row.cpu}
    )


def by_hand():
    """Minute by minute, as nobody would do it."""
    found = Counter()
    columns = ("owner_id", "gpu_resource", "cpu_millis", "running_at", "finishing_at")
    for model in (Job, PastJob):
        for owner, gpu, millis, start, end in model.objects.values_list(*columns):
            minute = start
            while start and minute < end:
                day = minute.astimezone(counting.portal_zone()).date()
                found[day, owner, gpu] += millis * 60_000
                minute += timedelta(minutes=1)
    return found


def test_the_command_tells_and_mends_differences(ran, capsys):
    ran("2026-02-01 10:00")
    counting.count_ended()
    call_command("usage_rebuild")
    assert capsys.readouterr().out == "The sums are what the jobs make.\n"
    detail().update(cpu=5)
    UsageSum.objects.filter(grain="team").delete()
    with pytest.raises(CommandError, match="2 sums are not"):
        call_command("usage_rebuild")
    assert "cpu=5" in capsys.readouterr().err
    call_command("usage_rebuild", write=True)
    call_command("usage_rebuild")


def test_another_time_zone_moves_the_days(ran, settings):
    ran("2026-02-01 23:00", hours=2)
    counting.count_ended()
    settings.TIME_ZONE = "Asia/Tokyo"
    assert differences() != []
    assert rebuild() == len(Grain)
    assert str(detail().get().day) == "2026-02-02"


@pytest.mark.django_db(transaction=True)
def test_two_who_count_at_the_same_time_count_each_job_once(ran):
    import threading

    for number in range(40):
        ran(f"2026-02-{number % 20 + 1:02} 10:00")
    counting.AT_ONCE, before = 7, counting.AT_ONCE

    def count():
        try:
            counting.count_ended()
        finally:
            connection.close()

    try:
        counters = [threading.Thread(target=count) for _ in range(4)]
        for counter in counters:
            counter.start()
        for counter in counters:
            counter.join()
    finally:
        counting.AT_ONCE = before
    counting.count_ended()
    assert detail().aggregate(jobs=Sum("succeeded"))["jobs"] == 40
    with transaction.atomic():
        assert differences() == []
