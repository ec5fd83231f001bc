"""Signs of life: a file whose age says how long ago a process did its work, and an end for one that hangs."""

import faulthandler
from pathlib import Path

from django.conf import settings

# Later than whoever looks at the files from outside (portal/up/programs.py, portal/container/health.py).
HANGS_AFTER = 120.0
STDERR = 2


def beat(name: str) -> None:
    """Touch the file `name` in the folder STELLWERK_HEARTBEATS; nothing where none is set or it cannot be written.

    A process that does not come here again within HANGS_AFTER seconds writes to its log where it hangs, and ends:
    whoever keeps it running (a container's restart policy, too) starts another.
    """
    if not settings.HEARTBEATS:
        return
    # By its number: Celery puts something that is no file in the place of sys.stderr.
    faulthandler.dump_traceback_later(HANGS_AFTER, exit=True, file=STDERR)
    try:
        (Path(settings.HEARTBEATS) / name).touch()
    except OSError:
        # A full disk is the health check's to tell: the file grows old.
        return
