"""One try to run a job on a cluster, and everything that was reported about it."""

import secrets
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from clusters.causes import BETTER_THAN_STOPPED, End
from jobs.lifecycle import Facts, Sight, sight
from jobs.models.job import Job


def new_nonce() -> str:
    """Makes a token unguessable together with the secret key."""
    return secrets.token_hex(16)


RESERVED = models.Q(reserved_at__isnull=False, released_at__isnull=True)
# The cluster proved that nothing of it can still run.
PROVEN_OVER = models.Q(seen_state="ended") | models.Q(is_absent=True) | models.Q(removed_at__isnull=False)


class Attempt(models.Model):
    """A deterministic name at the cluster, never reused; facts only ever get more."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=63, unique=True, help_text="Name of the work at the cluster.")
    space = models.CharField(max_length=63, blank=True, help_text="The namespace in which its work is.")
    nonce = models.CharField(max_length=32, default=new_nonce, editable=False)
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    # Written by the worker.
    created_at = models.DateTimeField(null=True, help_text="The cluster confirmed the create.")
    stop_sent_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True, help_text="Nothing of it is left at the cluster.")
    create_failures = models.PositiveSmallIntegerField(default=0)

    # Written by admission, together with the ledger (teams/quota/ledger.py).
    reserved_at = models.DateTimeField(null=True, help_text="Its job's amounts are charged to its team.")
    released_at = models.DateTimeField(null=True, help_text="And given back: nothing of it can still run.")

    # Written by watch.
    seen_state = models.CharField(max_length=10, blank=True)
    seen_at = models.DateTimeField(null=True)
    seen_exit_code = models.IntegerField(null=True)
    seen_reason = models.CharField(max_length=40, blank=True)
    seen_message = models.TextField(blank=True)
    image_digest = models.CharField(
        max_length=71,
        blank=True,
        db_default="",
        help_text="sha256:… of the image that ran, as the cluster told.",
    )
    absent_since = models.DateTimeField(null=True)
    is_absent = models.BooleanField(default=False, help_text="Two reads apart in time did not find it.")

    # Written by the intake, on the runner's word.
    claimed_by = models.CharField(max_length=80, blank=True, help_text="The pod that may start the script.")
    claimed_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    signal = models.PositiveSmallIntegerField(null=True)
    end_reason = models.CharField(max_length=40, blank=True)
    end_message = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="Why the command did not start, as a shell would say it.",
    )
    stdout_size = models.PositiveBigIntegerField(default=0)
    stderr_size = models.PositiveBigIntegerField(default=0)
    kept_at = models.DateTimeField(null=True, help_text="Results so far were listed while the script ran.")
    collected_at = models.DateTimeField(null=True)
    skipped = models.JSONField(default=list, help_text="Result files that were not taken: path and why.")
    versions = models.JSONField(
        default=dict, db_default={}, help_text="What the runner saw of the interpreter and its packages."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["name"], name="attempt_open", condition=models.Q(removed_at__isnull=True)),
            models.Index(fields=["job"], name="attempt_reserved", condition=RESERVED),
            models.Index(
                fields=["job"],
                name="attempt_unschedulable",
                condition=RESERVED & models.Q(seen_reason="unschedulable"),
            ),
            # What is over and still charged: nearly always nothing.
            models.Index(fields=["id"], name="attempt_to_release", condition=RESERVED & PROVEN_OVER),
            # Whether a digest was ever seen here (jobs/provenance/pinning.py).
            models.Index(
                fields=["image_digest"], name="attempt_digest", condition=~models.Q(image_digest="")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def token(self) -> str:
        """The runner's secret, made anew from the key each time: a lost create can be repeated, nothing is stored."""
        digest = salted_hmac("stellwerk.attempt", f"{self.pk}:{self.nonce}", algorithm="sha256").hexdigest()
        return f"swa_{self.pk}_{digest}"

    @property
    def facts(self) -> Facts:
        """The reports, as the lifecycle reads them."""
        known = self.ended_at is not None
        is_over = self.seen_state == "ended"
        # An exit code is told of scripts only, so this one ran, even where the portal was down all the while.
        cluster_knows = is_over and self.seen_exit_code is not None
        return Facts(
            is_created=self.created_at is not None or self.claimed_at is not None,
            is_seen=bool(self.seen_state),
            is_started=self.started_at is not None or cluster_knows,
            has_ended=known or cluster_knows,
            exit_code=self.exit_code if known else self.seen_exit_code,
            reason=self._end_reason if known else self.seen_reason,
            is_collected=self.collected_at is not None,
            is_work_over=is_over,
            is_absent=self.is_absent,
            is_orphaned=self.seen_reason == End.DELETED and self.created_at is not None and not is_over,
        )

    @property
    def _end_reason(self) -> str:
        """The runner's word, unless it was told to stop and the cluster knows why."""
        knows_better = self.end_reason == End.STOPPED and self.seen_reason in BETTER_THAN_STOPPED
        return self.seen_reason if knows_better and self.stop_sent_at is None else self.end_reason

    @property
    def sight(self) -> Sight:
        """What is known of the work now."""
        return sight(self.facts)
