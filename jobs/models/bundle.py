"""What a job is given: files by path, their content stored once, and the form before it is sent."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models


class Blob(models.Model):
    """Content of uploaded files, stored once. Nothing writes to it after it was made.

    Who wants to refer to it touches it first (`UPDATE … touched_at`, count 1); the tidy task deletes rows that
    nobody touched for a day and nobody refers to, and only then the content.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField()
    key = models.CharField(max_length=200, unique=True, help_text="Name in Django's file storage.")
    touched_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.sha256[:12]


class Bundle(models.Model):
    """A folder of files for a job. It may change while a draft holds it and never after a job was made of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    is_frozen = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.id)


class BundleFile(models.Model):
    """One regular file of a bundle, at a clean relative path (jobs/uploads/paths.py)."""

    bundle = models.ForeignKey(Bundle, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="files")

    class Meta:
        ordering: ClassVar = ["path"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["bundle", "path"], name="bundle_path_once")]

    def __str__(self) -> str:
        return self.path


class Draft(models.Model):
    """A new-job form that was not sent yet: what was typed and uploaded so far. Its id is the job's submit key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    bundle = models.OneToOneField(Bundle, on_delete=models.CASCADE, related_name="draft")
    fields = models.JSONField(default=dict, help_text="Form fields as typed.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "-updated_at"], name="draft_of_owner")]

    def __str__(self) -> str:
        return str(self.id)
