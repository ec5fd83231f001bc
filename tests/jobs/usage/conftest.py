"""Jobs with a past, for the usage report."""

from datetime import UTC, datetime, timedelta

import pytest

GPU = "nvidia.com/gpu"


def at(text):
    """ "2026-02-01 12:30" in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def ran(make_job):
    """`ran("2026-02-01 12:00", hours=2, waited=60, **fields)`: a job whose script ran then, or never (hours=None)."""

    def make(start, hours=1.0, waited=60, **fields):
        begun = at(start)
        ended = begun + timedelta(hours=hours or 0)
        times = {"created_at": begun - timedelta(seconds=waited), "starting_at": begun, "finished_at": ended}
        times["running_at"], times["finishing_at"] = (begun, ended) if hours is not None else (None, None)
        return make_job(**{"status": "succeeded"} | times | fields)

    return make
