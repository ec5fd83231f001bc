"""What people keep for the history: named filters, and actions on many jobs that go on in the background."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from teams.models import Team


class SavedFilter(models.Model):
    """A name for an address of the history. Nothing but the address says what is shown."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters"
    )
    team = models.ForeignKey(
        Team, on_delete=models.SET_NULL, null=True, related_name="+", help_text="Whose members see it, too."
    )
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, help_text="Of the address, without the question mark.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_filter_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class DefaultView(models.Model):
    """The saved filter with which a person's history opens."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="default_view"
    )
    saved = models.ForeignKey(SavedFilter, on_delete=models.CASCADE, related_name="default_of")

    def __str__(self) -> str:
        return f"default view of {self.user_id}"


class BulkRun(models.Model):
    """An action on all jobs that match a filter, a page after the other; a crash goes on where it was."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=10)
    options = models.JSONField(default=dict, help_text="Tags to add and to take away.")
    query = models.CharField(max_length=1000)
    origin = models.JSONField(default=dict, help_text="From where it was asked for, for the audit log.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Jobs below this id are still to be looked at; at first those that were there when it was confirmed.
    before = models.BigIntegerField()
    seen = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    left_alone = models.JSONField(default=dict, help_text="Number of jobs by the reason.")
    # Until then one worker has it.
    claimed_until = models.DateTimeField(null=True)
    stop_asked_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], name="bulk_unfinished", condition=models.Q(finished_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.owner_id}"

    def get_absolute_url(self) -> str:
        """Its progress."""
        return reverse("bulk_progress", args=[self.pk])
