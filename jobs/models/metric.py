"""Numbers that scripts tell about themselves: one row per name, with its curve (docs/metrics.md)."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from jobs.models.attempt import Attempt


class Metric(models.Model):
    """A named number of an attempt and how it went. What is not finite is counted and in none of the values."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="metrics", db_index=False)
    name = models.CharField(max_length=200)
    count = models.PositiveBigIntegerField(default=0, help_text="Values that came, also those thinned out.")
    last = models.FloatField(null=True)
    lowest = models.FloatField(null=True)
    highest = models.FloatField(null=True)
    # The curve: as many points as jobs/metrics/curve.py keeps.
    steps = ArrayField(models.FloatField(), default=list)
    values = ArrayField(models.FloatField(), default=list)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["attempt", "name"], name="metric_name_once")]

    def __str__(self) -> str:
        return self.name


class MetricsTaken(models.Model):
    """How far an attempt's output was read for metrics, what else was found, and what was left out and why."""

    attempt = models.OneToOneField(
        Attempt, on_delete=models.CASCADE, primary_key=True, related_name="metrics_taken"
    )
    read_to = models.PositiveBigIntegerField(default=0, help_text="Bytes of stdout; the end of a line.")
    files_read_at = models.DateTimeField(null=True)
    parameters = models.JSONField(default=dict)
    left_out = models.JSONField(default=dict, help_text="Sentence: how often (jobs/metrics/left_out.py).")

    def __str__(self) -> str:
        return f"metrics of attempt {self.attempt_id}"
