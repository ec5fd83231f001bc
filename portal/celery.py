"""The Celery application of worker and beat."""

import os

from celery import Celery
from celery.signals import after_task_publish, heartbeat_sent
from django.conf import settings

from jobs.heartbeats import beat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("stellwerk")
# The application that was made last is current in its own thread only; web has many.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_configure.connect
def _add_entries(sender: Celery, **_: object) -> None:
    """One static entry per round; one that could not run in time is dropped, the next does its work."""
    every = settings.SWEEP_SECONDS
    sender.add_periodic_task(every, sender.signature("jobs.sweep"), expires=every)
    sender.add_periodic_task(15, sender.signature("jobs.enforce"), expires=15)
    sender.add_periodic_task(600, sender.signature("jobs.tidy"), expires=600)
    sender.add_periodic_task(300, sender.signature("jobs.retain"), expires=300)
    sender.add_periodic_task(20, sender.signature("jobs.weigh"), expires=20)
    sender.add_periodic_task(20, sender.signature("jobs.count_usage"), expires=20)
    sender.add_periodic_task(5, sender.signature("jobs.read_scripts"), expires=5)
    sender.add_periodic_task(3, sender.signature("jobs.run_bulk"), expires=3)
    sender.add_periodic_task(20, sender.signature("jobs.judge_estimates"), expires=20)
    sender.add_periodic_task(30, sender.signature("clusters.health"), expires=30)


@heartbeat_sent.connect
def _worker_lives(**_: object) -> None:
    """Every two seconds, as long as the worker's consumer has its broker."""
    beat("worker")


@after_task_publish.connect
def _beat_lives(sender: object = None, **_: object) -> None:
    """Whoever has sent a sweep; in the beat's own container that is beat."""
    if sender == "jobs.sweep":
        beat("beat")
