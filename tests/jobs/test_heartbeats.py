"""A process that shows no sign of life any more ends, and says where it hung."""

import subprocess
import sys

from jobs import heartbeats

HANGS = """
import sys, time
from django.conf import settings
settings.configure(HEARTBEATS=sys.argv[1])
from jobs import heartbeats
heartbeats.HANGS_AFTER = 1.0
sys.stderr = object()  # as in a Celery worker
def stuck_in_a_lock():
    time.sleep(60)
for _ in range(4):
    heartbeats.beat("watch")
    time.sleep(0.5)
print("worked longer than it may hang", flush=True)
stuck_in_a_lock()
"""


def test_a_process_that_hangs_ends_with_the_place_in_its_log(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", HANGS, str(tmp_path)], capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 1
    assert done.stdout == "worked longer than it may hang\n"
    assert "in stuck_in_a_lock" in done.stderr
    assert (tmp_path / "watch").exists()


def test_without_a_folder_nothing_is_done(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeats.faulthandler, "dump_traceback_later", lambda *args, **kwargs: 1 / 0)
    settings.HEARTBEATS = ""
    heartbeats.beat("watch")
