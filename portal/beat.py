"""The Celery application of beat: what is sent when, and nothing of what it means.

It knows the tasks by their names and loads neither Django's apps nor ours: half the memory of a process that does.
"""

import logging.config
import os

from celery import Celery
from celery.signals import after_task_publish, setup_logging
from django.conf import settings

from jobs.heartbeats import beat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

# Celery's own care for Django would load all apps. In processes of Django portal.celery's application sends.
app = Celery("stellwerk", fixups=[], set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")


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


@after_task_publish.connect
def _beat_lives(sender: object = None, **_: object) -> None:
    """A sweep was sent: beat does its work."""
    if sender == "jobs.sweep":
        beat("beat")


@setup_logging.connect
def _set_up_logging(**_: object) -> None:
    """As Django does it for the others."""
    logging.config.dictConfig(settings.LOGGING)
