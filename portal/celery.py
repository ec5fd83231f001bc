"""The Celery application of the worker, and of whoever sends it something. Beat's: portal/beat.py."""

import os

from celery import Celery
from celery.signals import heartbeat_sent

from jobs.heartbeats import beat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("stellwerk")
# The application that was made last is current in its own thread only; web has many.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@heartbeat_sent.connect
def _worker_lives(**_: object) -> None:
    """Every two seconds, as long as the worker's consumer has its broker."""
    beat("worker")
