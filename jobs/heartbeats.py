"""Signs of life for health checks: a file whose age says how long ago a process did its work."""

from pathlib import Path

from django.conf import settings


def beat(name: str) -> None:
    """Touch the file `name` in the folder STELLWERK_HEARTBEATS; nothing where none is set or it cannot be written."""
    if not settings.HEARTBEATS:
        return
    try:
        (Path(settings.HEARTBEATS) / name).touch()
    except OSError:
        # A full disk is the health check's to tell: the file grows old.
        return
