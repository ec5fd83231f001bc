"""The job: what is wished (written by views) and what is known (written by workers)."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import connection, models, transaction
from django.db.models.functions import Now
from django.urls import reverse

from clusters.models import Cluster, Image, Profile
from jobs.lifecycle import ACTIVE, MOVES, TERMINAL, Status, Wish
from jobs.models.bundle import Bundle
from jobs.models.queue import LANE_FIELDS
from jobs.models.shown import JobShown
from teams.models import Team

# The kind of a JobEvent that mirrors what a cluster noted (a Kubernetes event).
TOLD = "cluster_event"
PHASE_TIMES = {Status.STARTING: "starting_at", Status.RUNNING: "running_at", Status.FINISHING: "finishing_at"}


class Priority(models.IntegerChoices):
    """Which of a team's waiting jobs start first."""

    LOW = 0, "Low"
    NORMAL = 1, "Normal"
    HIGH = 2, "High"


# Jobs that are the same in all of these wait in one lane: where the first has no room, none behind it has.
LANE = tuple(name.removesuffix("_id") for name in LANE_FIELDS)
QUEUED = models.Q(status=Status.QUEUED, cancel_requested_at=None, deleted_at=None)
RAN = models.Q(running_at__isnull=False, finished_at__isnull=False)


class Job(JobShown, models.Model):
    """A script that runs once. What was asked is a snapshot: later edits of an image or profile do not reach it."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="jobs")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs")
    submit_key = models.UUIDField(default=uuid.uuid4, editable=False)
    made_from_id = models.BigIntegerField(
        null=True, blank=True, help_text="The job it was made from, which may be deleted since."
    )

    name = models.CharField(max_length=120)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    bundle = models.ForeignKey(Bundle, on_delete=models.PROTECT, related_name="jobs")
    entry = models.CharField(max_length=255, help_text="Path of the script in the bundle.")
    arguments = ArrayField(models.TextField(), default=list, blank=True)
    environment = models.JSONField(default=dict, blank=True)
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="jobs")
    image = models.ForeignKey(Image, on_delete=models.SET_NULL, null=True, related_name="+")
    profile = models.ForeignKey(Profile, on_delete=models.SET_NULL, null=True, related_name="+")
    image_label = models.CharField(max_length=80)
    image_reference = models.CharField(max_length=300)
    profile_label = models.CharField(max_length=60)
    command = ArrayField(models.TextField(), help_text="The exact argument list that runs.")
    cpu_millis = models.PositiveIntegerField()
    memory_bytes = models.PositiveBigIntegerField()
    disk_bytes = models.PositiveBigIntegerField()
    max_processes = models.PositiveIntegerField()
    gpu_count = models.PositiveSmallIntegerField(default=0)
    gpu_resource = models.CharField(max_length=100, blank=True)
    node_labels = models.JSONField(default=dict, blank=True)
    tolerations = models.JSONField(default=list, blank=True)
    pull_secret = models.CharField(max_length=63, blank=True)
    time_limit_seconds = models.PositiveIntegerField()
    priority = models.PositiveSmallIntegerField(
        default=Priority.NORMAL,
        db_default=Priority.NORMAL,
        choices=Priority.choices,
        help_text="Within its team, which job starts first.",
    )

    is_preemptible = models.BooleanField(
        default=False,
        db_default=False,
        help_text="May be stopped and started anew when a team needs back what this one borrowed.",
    )

    result_rules = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="Which files are kept, and how much: jobs/result_rules.py.",
    )

    # Wishes: views write them, once.
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    cancel_reason = models.CharField(
        max_length=20,
        default="",
        db_default="",
        blank=True,
        help_text="Why the portal itself asked for the stop.",
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    pinned_at = models.DateTimeField(
        null=True, blank=True, help_text="Since then no rule deletes anything of it."
    )
    pinned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )

    # Facts: `move_to` writes them.
    status = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in Status], default=Status.QUEUED
    )
    reason = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True, help_text="What the cluster or the driver said, word for word.")
    exit_code = models.IntegerField(null=True, blank=True)
    starting_at = models.DateTimeField(null=True, blank=True)
    running_at = models.DateTimeField(null=True, blank=True)
    finishing_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    # When what it used was added to the sums, in the same transaction (jobs/usage/counting.py); null: not yet.
    usage_counted_at = models.DateTimeField(null=True, editable=False)

    # When a worker looks at the job again; null: never. Anyone may bring it forward.
    next_look_at = models.DateTimeField(null=True, blank=True, db_default=Now())

    class Meta:
        constraints: ClassVar = [
            # A double click, a re-sent form and two tabs give one job (faults 2 and 3).
            models.UniqueConstraint(fields=["owner", "submit_key"], name="job_submit_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=[s.value for s in Status]), name="job_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=[s.value for s in ACTIVE], finished_at__isnull=True)
                | models.Q(status__in=sorted(s.value for s in TERMINAL), finished_at__isnull=False),
                name="job_finished_has_time",
            ),
        ]
        indexes: ClassVar = [
            # History pages walk these backwards by keyset; deleted jobs are in none of them. The included columns let
            # a walk check times and count statuses without reading the jobs themselves (jobs/history/pages.py).
            *(
                models.Index(
                    fields=fields, include=include, name=name, condition=models.Q(deleted_at__isnull=True)
                )
                for name, fields, include in [
                    ("job_by_id", ["-id"], ["created_at", "status"]),
                    ("job_by_status", ["status", "-id"], ["created_at"]),
                    ("job_by_team", ["team", "-id"], ["created_at", "status"]),
                    ("job_by_team_status", ["team", "status", "-id"], ["created_at"]),
                    ("job_by_owner", ["owner", "-id"], ["created_at", "status", "team"]),
                    ("job_by_owner_status", ["owner", "status", "-id"], ["created_at", "team"]),
                    ("job_by_cluster", ["cluster", "-id"], ["created_at", "status"]),
                    ("job_by_team_cluster", ["team", "cluster", "-id"], ["created_at", "status"]),
                    ("job_by_created", ["-created_at", "-id"], []),
                ]
            ),
            # The sweep: only jobs that somebody has to look at are in it.
            models.Index(
                fields=["cluster", "next_look_at"],
                name="job_due",
                condition=models.Q(next_look_at__isnull=False),
            ),
            # A team's queue, lane by lane (jobs/admission/lanes.py).
            models.Index(fields=["team", *LANE, "id"], name="job_queue", condition=QUEUED),
            models.Index(fields=["team", "-priority", "id"], name="job_queue_order", condition=QUEUED),
            # Ended and not in the sums yet: a few seconds' worth of jobs. And those whose script runs now.
            models.Index(
                fields=["finished_at"],
                name="job_uncounted",
                condition=models.Q(finished_at__isnull=False, usage_counted_at__isnull=True),
            ),
            models.Index(
                fields=["team"],
                name="job_in_use",
                condition=models.Q(running_at__isnull=False, finished_at__isnull=True),
            ),
            models.Index(fields=["id"], name="job_to_restart", condition=models.Q(cancel_reason="preempted")),
            models.Index(
                fields=["deleted_at"], name="job_deleted", condition=models.Q(deleted_at__isnull=False)
            ),
            # The history's filter, and what rules leave alone: few jobs.
            models.Index(
                fields=["-id"],
                include=["team", "owner", "cluster", "status", "created_at"],
                name="job_pinned",
                condition=models.Q(pinned_at__isnull=False, deleted_at__isnull=True),
            ),
            # The newest runs of similar jobs (jobs/forecast/similar.py), read in these indexes alone. Not by id: an
            # index that has ids in order would look as good to the planner, and be a walk for a rare profile.
            *(
                models.Index(
                    fields=[*fields, "-finished_at"],
                    include=["running_at", "finishing_at"],
                    name=name,
                    condition=RAN,
                )
                for name, fields in [
                    ("job_ran_script", ["owner", "name", "entry"]),
                    ("job_ran_owner", ["owner", "profile_label"]),
                    ("job_ran_team", ["team", "profile_label"]),
                    ("job_ran_profile", ["profile_label"]),
                ]
            ),
            GinIndex(fields=["tags"], name="job_by_tag"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"

    def get_absolute_url(self) -> str:
        """The job's page."""
        return reverse("job_detail", args=[self.pk])

    @property
    def wish(self) -> Wish:
        """What the people want of it now."""
        return Wish.CANCEL if self.cancel_requested_at or self.deleted_at else Wish.RUN

    def move_to(
        self,
        status: Status,
        *,
        reason: str = "",
        detail: str = "",
        exit_code: int | None = None,
        sentence: str = "",
        **times: datetime | None,
    ) -> bool:
        """Write a status: guarded by the old one, with its event, in one transaction.

        `times` are phase times (`running_at` …) that are known better than "now"; None is not known.
        False: somebody else moved the job first and nothing was written. ValueError: the lifecycle has no such move.
        """
        move = Move(self, status, reason, detail, exit_code, sentence, times)
        return bool(Job.move_all([move]))

    @classmethod
    def move_all(cls, moves: "Sequence[Move]") -> set[int]:
        """The moves of several jobs in two statements and one transaction; the ids of those that were moved.

        Each is guarded by its own job's old status, as in `move_to`, which is one such move.
        """
        for move in moves:
            if move.to not in MOVES[Status(move.job.status)]:
                raise ValueError(f"no move from {move.job.status} to {move.to}")
        if not moves:
            return set()
        with transaction.atomic():
            with connection.cursor() as cursor:
                columns = [list(column) for column in zip(*(move.row for move in moves), strict=True)]
                cursor.execute(MOVE, [columns[0], *columns])
                moved = {row[0] for row in cursor.fetchall()}
            JobEvent.objects.bulk_create(
                JobEvent(
                    job_id=move.job.pk, kind=move.to, sentence=move.sentence, data={"reason": move.reason}
                )
                for move in moves
                if move.job.pk in moved
            )
        for move in moves:
            if move.job.pk in moved:
                move.note()
        return moved


# The rows are locked in one order first: two batches with the same jobs wait, and never for each other.
MOVE = """
WITH held AS MATERIALIZED (
    SELECT id, status FROM jobs_job WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
)
UPDATE jobs_job SET
    status = move.status, reason = move.reason, detail = move.detail, exit_code = move.exit_code,
    starting_at = CASE move.phase WHEN 'starting_at' THEN statement_timestamp() ELSE jobs_job.starting_at END,
    running_at = coalesce(
        move.running_at,
        CASE move.phase WHEN 'running_at' THEN statement_timestamp() ELSE jobs_job.running_at END),
    finishing_at = coalesce(
        move.finishing_at,
        CASE move.phase WHEN 'finishing_at' THEN statement_timestamp() ELSE jobs_job.finishing_at END),
    finished_at = CASE move.phase WHEN 'finished_at' THEN statement_timestamp() ELSE jobs_job.finished_at END
FROM held, unnest(
    %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::text[],
    %s::timestamptz[], %s::timestamptz[]
) AS move (id, old, status, reason, detail, exit_code, phase, running_at, finishing_at)
WHERE jobs_job.id = held.id AND held.id = move.id AND held.status = move.old
RETURNING jobs_job.id
"""


@dataclass(frozen=True)
class Move:
    """A job's way to another status. `times` are phase times known better than "now"; None is not known."""

    job: Job
    to: Status
    reason: str = ""
    detail: str = ""
    exit_code: int | None = None
    sentence: str = ""
    times: Mapping[str, datetime | None] = field(default_factory=dict)

    @property
    def row(self) -> tuple[object, ...]:
        """As MOVE takes it."""
        phase = PHASE_TIMES.get(self.to, "finished_at")
        known = (self.times.get("running_at"), self.times.get("finishing_at"))
        facts = (str(self.to), str(self.reason), self.detail, self.exit_code)
        return (self.job.pk, str(self.job.status), *facts, phase, *known)

    def note(self) -> None:
        """Write into the object what the database has now; its times stay there."""
        self.job.status, self.job.reason, self.job.detail = self.to, self.reason, self.detail
        self.job.exit_code = self.exit_code


class JobEvent(models.Model):
    """One thing that happened to a job; never changed, except where it mirrors what a cluster counts on."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(db_default=Now(), editable=False)
    kind = models.CharField(max_length=40)
    sentence = models.TextField(blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} of job {self.job_id}"
