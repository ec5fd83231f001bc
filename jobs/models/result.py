"""What a job leaves behind besides its output."""

import posixpath
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from jobs.models.attempt import Attempt


class Artifact(models.Model):
    """One result file. Listed only when a manifest named it (`is_listed`).

    Beside what is listed of a path there may be a newer content of it that no manifest has named yet.
    """

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="artifacts")
    path = models.CharField(max_length=1024)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    key = models.CharField(max_length=200, help_text="Name in Django's file storage.")
    is_listed = models.BooleanField(default=False)
    stored_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar = ["path"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "path", "is_listed"], name="artifact_once_listed")
        ]
        indexes: ClassVar = [
            # What no manifest has named yet: few of all.
            models.Index(fields=["attempt"], name="artifact_unlisted", condition=models.Q(is_listed=False))
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """The path's last part."""
        return posixpath.basename(self.path)
