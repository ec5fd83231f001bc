"""When a waiting job was said to start, and whether that was right."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from jobs.models.job import Job
from teams.models import Team


class StartEstimate(models.Model):
    """The first range that was given for a job. Written by the worker alone (jobs/forecast/judging.py)."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="start_estimate")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    cause = models.CharField(max_length=40, blank=True, help_text="What it waited for, as in the catalogue.")
    made_at = models.DateTimeField(db_default=Now())
    early = models.DateTimeField()
    late = models.DateTimeField()
    started_at = models.DateTimeField(null=True, help_text="When it left the queue.")
    is_right = models.BooleanField(null=True, help_text="Null: the job still waits.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(early__lte=models.F("late")), name="estimate_is_a_range"
            ),
            models.CheckConstraint(
                condition=models.Q(is_right=None) | models.Q(started_at__isnull=False),
                name="estimate_judged_by_a_start",
            ),
        ]
        indexes: ClassVar = [
            # What is to be judged: no more than what waits.
            models.Index(fields=["job"], name="estimate_unjudged", condition=models.Q(is_right__isnull=True)),
            models.Index(fields=["made_at"], name="estimate_by_time"),
        ]

    def __str__(self) -> str:
        return f"estimate of job {self.job_id}"
