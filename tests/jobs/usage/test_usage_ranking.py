"""Who used most in a span of months, read from as few sums as make it up."""

import random
from datetime import date

import pytest
from django.db import connection
from django.db.models import Q, Sum

from clusters.models import Cluster
from jobs.migrations._usage_spans_sql import FILL, FILLED
from jobs.models import Grain, UsageSum
from jobs.usage import counting, ranking
from jobs.usage.asked import month_after
from jobs.usage.ranking import SPANS, cover, most_active
from jobs.usage.rebuild import differences


@pytest.mark.parametrize("of", SPANS)
def test_a_span_is_covered_once_and_by_few_sums(of):
    spanned = dict(SPANS[of][1])
    for first in (month_after(date(2024, 1, 1), number) for number in range(12)):
        for count in range(1, 25):
            covered = cover(of, first, month_after(first, count))
            months = [
                month_after(day, number)
                for grain, days in covered.items()
                for day in days
                for number in range(spanned[grain])
            ]
            assert sorted(months) == [month_after(first, number) for number in range(count)]
            assert sum(map(len, covered.values())) <= 11
    year, _, month = spanned
    assert cover(of, date(2025, 12, 1), date(2027, 1, 1)) == {
        month: [date(2025, 12, 1)],
        year: [date(2026, 1, 1)],
    }


@pytest.fixture
def used(ran, team, other_team, alice, bob):
    """Two years of jobs of two people in two teams, counted."""
    rng = random.Random(11)
    for _ in range(60):
        moment = f"{rng.choice((2024, 2025))}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02} 10:00"
        ran(
            moment,
            hours=rng.randint(1, 9),
            owner=rng.choice((alice, bob)),
            team=rng.choice((team, other_team)),
        )
    counting.count_ended()


def _by_months(of, first, end, passes, most):
    rows = UsageSum.objects.filter(passes, grain=of, day__gte=first, day__lt=end)
    column = SPANS[of][0]
    summed = rows.values(column).annotate(c=Sum("cpu"), g=Sum("gpu")).order_by("-c", "-g", column)
    return list(summed.values_list(column, flat=True)[:most])


@pytest.mark.parametrize("of", SPANS)
def test_it_ranks_as_the_months_do(used, of):
    for number in range(24):
        first = month_after(date(2024, 1, 1), number)
        for count in (1, 2, 3, 7, 12, 24 - number):
            for most in (1, 5):
                span = (of, first, month_after(first, count), Q(), most)
                assert most_active(*span) == _by_months(*span)


def test_it_keeps_to_the_filter(used, bob, other_team):
    span = (date(2024, 1, 1), date(2026, 1, 1))
    assert most_active(Grain.OWNER, *span, Q(owner__username__icontains="bob"), 5) == [bob.pk]
    assert most_active(Grain.TEAM, *span, Q(team__name=other_team.name), 5) == [other_team.pk]
    for of in SPANS:
        assert most_active(of, *span, Q(cluster=Cluster.objects.get().pk + 1), 5) == []
        assert most_active(of, *span, Q(pk__in=[]), 5) == []


def test_the_rest_of_this_year_is_no_reason_to_read_months(used, monkeypatch):
    asked = []
    real = ranking.cover
    monkeypatch.setattr(ranking, "cover", lambda *span: asked.append(span) or real(*span))
    monkeypatch.setattr(ranking, "this_month", lambda: date(2025, 11, 1))
    of, first, end = Grain.OWNER, date(2024, 12, 1), date(2025, 12, 1)
    assert most_active(of, first, end, Q(), 5) == _by_months(of, first, date(2026, 1, 1), Q(), 5)
    monkeypatch.setattr(ranking, "this_month", lambda: date(2026, 2, 1))
    assert most_active(of, first, end, Q(), 5) == _by_months(of, first, end, Q(), 5)
    assert asked == [(of, first, date(2026, 1, 1)), (of, first, end)]


def test_the_migration_fills_what_counting_would_have_made(used, ran):
    ran("2025-05-05 10:00", hours=None, status="cancelled")
    counting.count_ended()
    spans = UsageSum.objects.filter(grain__in=[span["grain"] for span in FILLED])
    assert spans.count() > 4
    spans.delete()
    assert differences() != []
    with connection.cursor() as cursor:
        for span in FILLED:
            cursor.execute(FILL.format(**span))
    assert differences() == []
