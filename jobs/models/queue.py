"""A team's queue: when somebody looks at it again, and what the last look found."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from jobs.lifecycle import Status
from teams.models import Team

LANE_FIELDS = (
    *("cluster_id", "owner_id", "priority", "cpu_millis", "memory_bytes", "gpu_resource", "gpu_count"),
)


def lane_key(job: object) -> list[int | str]:
    """The lane in which a job waits, as `blocked` names it."""
    return [getattr(job, name) for name in LANE_FIELDS]


class TeamQueue(models.Model):
    """Written by admission alone, except for `due_at`, which everybody may bring forward (jobs/admission/queues.py)."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="queue")
    due_at = models.DateTimeField(null=True, help_text="Null: nothing waits, or only a release can help.")
    looked_at = models.DateTimeField(null=True)
    blocked = models.JSONField(
        default=list,
        help_text="The lanes that wait, with the causes; as jobs/admission/blocks.py writes them.",
    )
    waits_for_clusters = ArrayField(
        models.BigIntegerField(), default=list, help_text="Clusters that are full, or that do not answer."
    )
    is_owed = models.BooleanField(
        default=False, help_text="What is within its own limits waits for quota that others borrowed."
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="team_queue_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"queue of {self.team_id}"

    def block_of(self, job: object) -> dict[str, Any] | None:
        """Why the job's lane waits; None where nobody has looked at it yet."""
        key = lane_key(job)
        return next((row for row in self.blocked if row["lane"] == key), None)

    @classmethod
    def tell(cls, jobs: Iterable[Any], blocked: Mapping[int, list[dict[str, Any]]]) -> None:
        """Set `queue_block` of all that wait, from the `blocked` of their teams' queues."""
        queues = {team_id: cls(blocked=rows) for team_id, rows in blocked.items()}
        for job in jobs:
            if job.status == Status.QUEUED:
                queue = queues.get(job.team_id)
                job.queue_block = queue.block_of(job) if queue else None
