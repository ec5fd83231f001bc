"""`/metrics`: what operators watch, read from the database when it is asked for, in Prometheus' text format;
`/live/metrics`: what the live process has open.

Only for who shows the token of the setting METRICS_TOKEN; without a token there is no such page.
"""

import secrets
from collections.abc import Iterator

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from jobs.admission.auditor import drifts
from jobs.live.board import board
from jobs.retention.sums import bytes_of_all


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Raises Http404 without the token."""
    return _answer(request, _Collector())


async def live_metrics(request: HttpRequest) -> HttpResponse:
    """What the live process that answers has open. Raises Http404 without the token."""
    return _answer(request, _LiveCollector())


def _answer(request: HttpRequest, collector: Collector) -> HttpResponse:
    wanted = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not wanted or not secrets.compare_digest(given.encode(), wanted.encode()):
        raise Http404("There is no such page.")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    answer = HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    answer["Cache-Control"] = "no-store"
    return answer


class _LiveCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        """All of it is in the process's memory."""
        now = board()
        streams = GaugeMetricFamily("stellwerk_live_streams", "Open event streams.", labels=["kind"])
        for kind, count in now.streams().items():
            streams.add_metric([kind], count)
        yield streams
        yield GaugeMetricFamily(
            "stellwerk_live_feeds", "Outputs that are read once for all who watch them.", value=len(now.feeds)
        )
        reads = CounterMetricFamily(
            "stellwerk_live_reads",
            "Pieces of output read from the store: by feeds for all viewers, or for one viewer that is behind.",
            labels=["by"],
        )
        reads.add_metric(["feed"], now.feeds.reads.shared)
        reads.add_metric(["viewer"], now.feeds.reads.own)
        yield reads


class _Collector(Collector):
    def collect(self) -> Iterator[Metric]:
        """A few statements over small indexes; the ledger's comparison over what is reserved now."""
        yield GaugeMetricFamily(
            "stellwerk_quota_drifted_accounts",
            "Accounts of the quota ledger that are not the sum of the open reservations; more than 0 is a defect.",
            value=len(drifts()),
        )
        jobs = GaugeMetricFamily("stellwerk_jobs_active", "Jobs that have not ended.", labels=["status"])
        with connection.cursor() as cursor:
            cursor.execute(ACTIVE)
            for status, count in cursor.fetchall():
                jobs.add_metric([status], count)
            yield jobs
            cursor.execute(WAIT)
            yield GaugeMetricFamily(
                "stellwerk_queue_oldest_due_seconds",
                "For how long a queue has been due that nobody has looked at; more than some seconds: no worker acts.",
                value=cursor.fetchone()[0],
            )
        yield from _stored()


def _stored() -> Iterator[Metric]:
    kept = GaugeMetricFamily("stellwerk_stored_bytes", "Bytes that are kept of jobs.", labels=["kind"])
    deleted = CounterMetricFamily(
        "stellwerk_retention_deleted_bytes", "Bytes that rules have deleted since ever.", labels=["kind"]
    )
    for kind, (now, gone) in bytes_of_all().items():
        kept.add_metric([kind], now)
        deleted.add_metric([kind], gone)
    yield kept
    yield deleted


ACTIVE = """
SELECT status, count(*) FROM jobs_job
WHERE status IN ('queued', 'starting', 'running', 'finishing') AND deleted_at IS NULL GROUP BY 1
"""
WAIT = """
SELECT coalesce(extract(epoch FROM statement_timestamp() - min(due_at)), 0)::float8 FROM jobs_teamqueue
WHERE due_at <= statement_timestamp()
"""
