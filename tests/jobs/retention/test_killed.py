"""The deletes killed with SIGKILL at each of their named points: nothing is half gone, and the next round ends it."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection

from clusters.failpoints import NAMES
from jobs.models import Artifact, Stored
from jobs.retention.auditor import broken_promises, drifts
from jobs.retention.deleting import delete_by_rules
from tests.jobs.retention.conftest import has_logs

POINTS = sorted(name for name in NAMES if name.startswith("retention."))


@pytest.fixture
def run(servers, tmp_path):
    """`run(point, passes)`: a real process on the tests' database, killed at the pass after so many."""

    def start(point: str, passes: int) -> int:
        (tmp_path / point).write_text(str(passes))
        name = connection.settings_dict["NAME"]
        values = {
            "DATABASE_URL": servers.database_url.replace("/stellwerk?", f"/{name}?"),
            "REDIS_URL": servers.redis_url,
            "STELLWERK_FAILPOINTS": str(tmp_path),
            "STELLWERK_HOME": str(settings.HOME),
            "SECRET_KEY": settings.SECRET_KEY,
            "DJANGO_SETTINGS_MODULE": "tests.site_settings",
        }
        done = subprocess.run(
            [sys.executable, "manage.py", "retention"],
            cwd=settings.BASE_DIR,
            env=os.environ | values,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode == -9) is not (tmp_path / point).exists(), done.stderr
        (tmp_path / point).unlink(missing_ok=True)
        return done.returncode

    return start


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("passes", [1])
@pytest.mark.parametrize("point", POINTS)
def test_wherever_it_is_killed_nothing_is_half_gone(run, ended, rule, point, passes):
    jobs = [ended(31 + days, results={"a": b"1" * 100, "b": b"2" * 100}) for days in range(3)]
    keys = list(Artifact.objects.values_list("key", flat=True))
    for kind in ("logs", "results", "inputs"):
        rule(kind, days=30)
    assert run(point, passes) == -9
    # What is promised is there, all of it; what is not there is said to be gone.
    assert list(broken_promises()) == []
    assert drifts() == []
    assert {key for key in keys if not default_storage.exists(key)}.isdisjoint(
        Artifact.objects.values_list("key", flat=True)
    )
    delete_by_rules()
    assert not any(default_storage.exists(key) for key in keys)
    assert not any(has_logs(job) for job in jobs)
    assert not Stored.objects.filter(gone_at__isnull=False, erased_at=None).exists()
    assert list(broken_promises()) == []
