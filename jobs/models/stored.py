"""How many bytes are kept for whom, and what of it was deleted by a rule (docs/retention.md).

The database writes the amounts by itself (triggers of the migration 0013_retention), in the transaction of the change:
whoever stores or removes something need not think of them, and they are right at every instant.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Coalesce, Now

from jobs.models.bundle import Blob, Bundle
from jobs.models.job import Job
from teams.models import Team


class Kind(models.TextChoices):
    """What is kept of a job."""

    LOGS = "logs", "Output"
    RESULTS = "results", "Results"
    INPUTS = "inputs", "Input files"


class Stored(models.Model):
    """What is kept of one kind: the logs or the results of a job, or the inputs of all jobs of a team with one bundle.

    `gone_at` is the promise that nothing of it will be read any more; only then are bytes removed, and `erased_at`
    says that they are. Rows go with their jobs.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    # The triggers remove rows whose job is gone: nothing that deletes jobs has to know of this table.
    job = models.ForeignKey(
        Job,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="stored",
        db_constraint=False,
        db_index=False,
    )
    bundle = models.ForeignKey(
        Bundle, on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    jobs = models.PositiveIntegerField(default=1, help_text="So many jobs need it.")
    bytes = models.BigIntegerField(default=0)
    ended_at = models.DateTimeField(
        null=True, help_text="When the last of its jobs ended; null: not known yet."
    )

    gone_at = models.DateTimeField(null=True)
    gone_bytes = models.BigIntegerField(default=0)
    gone_files = models.PositiveIntegerField(default=0)
    rule = models.CharField(max_length=160, blank=True, help_text="In words: by which rule it went.")
    listing = models.JSONField(default=list, help_text="The files that went: path, size, sha256.")
    keys = models.JSONField(default=list, help_text="What is still to be removed from the storage.")
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["job", "kind"], name="stored_of_job", condition=models.Q(job__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["bundle", "team"], name="stored_of_bundle", condition=models.Q(bundle__isnull=False)
            ),
            models.CheckConstraint(
                condition=models.Q(kind=Kind.INPUTS, job=None, bundle__isnull=False)
                | models.Q(kind__in=[Kind.LOGS, Kind.RESULTS], job__isnull=False, bundle=None),
                name="stored_kind_fits",
            ),
        ]
        indexes: ClassVar = [
            # What rules choose from, oldest end first; a preview sums it up in this index alone.
            models.Index(
                fields=["team", "kind", "ended_at", "id"],
                include=["bytes", "job", "bundle", "jobs"],
                name="stored_by_end",
                condition=models.Q(gone_at=None, ended_at__isnull=False, bytes__gt=0),
            ),
            models.Index(
                fields=["id"], name="stored_open", condition=models.Q(gone_at=None, ended_at__isnull=True)
            ),
            models.Index(
                fields=["id"],
                name="stored_to_erase",
                condition=models.Q(gone_at__isnull=False, erased_at__isnull=True),
            ),
            models.Index(
                fields=["team", "-gone_at"], name="stored_gone", condition=models.Q(gone_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.job_id or self.bundle_id}"


class StoredBlob(models.Model):
    """Content that jobs of a team were given, once however many files have it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    blob = models.ForeignKey(
        Blob, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    size = models.BigIntegerField()
    uses = models.BigIntegerField(help_text="Files of the team's bundles that have this content.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "blob"], name="stored_blob_once"),
        ]

    def __str__(self) -> str:
        return f"blob {self.blob_id} of team {self.team_id}"


class StoredSum(models.Model):
    """A team's bytes of a kind, but for the changes that are not added yet (`StoredChange`)."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    bytes = models.BigIntegerField(default=0)
    deleted = models.BigIntegerField(default=0, help_text="Bytes that rules have deleted since ever.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "kind"], name="stored_sum_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of team {self.team_id}"


class StoredChange(models.Model):
    """One change of a sum. Those who write one never wait for each other; a task adds them up."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    kind = models.CharField(max_length=7)
    bytes = models.BigIntegerField(default=0, db_default=0)
    deleted = models.BigIntegerField(default=0, db_default=0)

    def __str__(self) -> str:
        return f"{self.bytes:+} {self.kind} of team {self.team_id}"


class RetentionRule(models.Model):
    """How long, and how much of, a kind is kept: of the portal (no team), what an admin allows a team, or its own."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    is_allowance = models.BooleanField(help_text="Set by admins: in place of the portal's, for this team.")
    days = models.PositiveIntegerField(null=True, help_text="After the end; null: for ever.")
    most_bytes = models.BigIntegerField(null=True, help_text="Of the team together; null: no limit.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                Coalesce("team", models.Value(0, models.BigIntegerField())),
                "kind",
                "is_allowance",
                name="retention_rule_once",
            ),
            models.CheckConstraint(
                condition=models.Q(team__isnull=False) | models.Q(is_allowance=True),
                name="retention_portal_allows",
            ),
            models.CheckConstraint(
                condition=models.Q(days=None) | models.Q(days__gte=1), name="retention_a_day_at_least"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.days} days, {self.most_bytes} bytes"


class Download(models.Model):
    """Somebody reads many files of a job one after the other: what it began with stays until it ends."""

    job_id = models.BigIntegerField(db_index=True)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    until = models.DateTimeField(
        help_text="Moved on while it goes on; what a killed process left ends by itself."
    )
    began_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"download of the {self.kind} of job {self.job_id}"
