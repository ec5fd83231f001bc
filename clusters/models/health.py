"""How a cluster is: the short check of every few minutes, and the doctor's whole visits."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from clusters.models.cluster import Cluster


class ClusterHealth(models.Model):
    """What the last short check found. Written by the worker."""

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="health")
    level = models.CharField(max_length=10, blank=True, help_text="pass, warn, fail; empty: never checked.")
    sentence = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True)
    latency_ms = models.FloatField(null=True, help_text="Of one small request, in milliseconds.")
    version = models.CharField(max_length=40, blank=True, help_text="The API server's, such as v1.36.0.")
    capacity = models.JSONField(
        default=dict,
        help_text="Nodes with what they have and what is free; see clusters/kubernetes/capacity.py.",
    )

    def __str__(self) -> str:
        return f"{self.cluster}: {self.level or 'unknown'}"


class DoctorRun(models.Model):
    """One visit of the doctor: asked for by a person, done by a worker, line by line."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="visits")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    lines = models.JSONField(default=list, help_text="As clusters/doctor/lines.py writes them.")
    nonce = models.CharField(max_length=64, blank=True, help_text="Makes the test pod's token.")
    called_back_at = models.DateTimeField(
        null=True, help_text="The test pod reached the portal. By the intake."
    )
    called_back = models.JSONField(default=dict, help_text="What the test pod told.")

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"visit {self.pk} to {self.cluster}"

    @property
    def token(self) -> str:
        """The test pod's secret, for one call of the intake; made from the key like an attempt's, stored nowhere."""
        digest = salted_hmac("stellwerk.visit", f"{self.pk}:{self.nonce}", algorithm="sha256").hexdigest()
        return f"swd_{self.pk}_{digest}"
