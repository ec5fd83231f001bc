"""What pages ask a job: named answers, so that templates hold no logic."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from clusters.causes import Wait
from jobs.catalogue import Explanation, Situation, explain, signal_name
from jobs.catalogue.queued import SHORT
from jobs.lifecycle import TERMINAL, Status
from jobs.models.queue import TeamQueue
from jobs.result_rules import rules_of
from jobs.waiting import Asked, facts_for, facts_of_queue
from teams.wording import readable_bytes, readable_seconds

# What is said of these depends on whether there is output.
UNHAPPY = TERMINAL - {Status.SUCCEEDED}


@dataclass(frozen=True)
class Phase:
    """One field of the phase strip. Times are aware, durations in seconds.

    `state`: done, now, todo, skipped; or failed, cancelled, error: the phase in which that came about.
    """

    name: str
    label: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long it took, or takes by now; None when it never began."""
        if self.started_at is None:
            return None
        return ((self.ended_at or timezone.now()) - self.started_at).total_seconds()


class JobShown:
    """Mixin of Job: read-only answers about one loaded job."""

    # Where a search found it (jobs/history/found.py); empty on pages that do not search.
    hits: Sequence[Any] = ()
    name_hit: Any = None

    if TYPE_CHECKING:
        id: int
        status: str
        reason: str
        detail: str
        exit_code: int | None
        entry: str
        command: list[str]
        image_label: str
        cpu_millis: int
        memory_bytes: int
        disk_bytes: int
        gpu_count: int
        gpu_resource: str
        node_labels: dict[str, str]
        tolerations: list[dict[str, str]]
        time_limit_seconds: int
        cancel_reason: str
        result_rules: dict[str, Any]
        cluster: Any
        team_id: int
        created_at: datetime
        starting_at: datetime | None
        running_at: datetime | None
        finishing_at: datetime | None
        finished_at: datetime | None
        cancel_requested_at: datetime | None
        cancel_requested_by: Any
        deleted_at: datetime | None
        stored: Any

    # Set for rows that wait (jobs/forecast/estimate.py): when it is likely to start.
    told_start: Any = None

    @property
    def status_label(self) -> str:
        """The one word."""
        return str(self.status).capitalize()

    @property
    def is_finished(self) -> bool:
        """True in a terminal status."""
        return self.status in TERMINAL

    @property
    def never_ran(self) -> bool:
        """It was cancelled before its script started."""
        return self.status == Status.CANCELLED and self.running_at is None

    @property
    def is_cancelling(self) -> bool:
        """Somebody asked for a stop and the end is not known yet."""
        return not self.is_finished and bool(self.cancel_requested_at or self.deleted_at)

    @property
    def can_be_cancelled(self) -> bool:
        """There is something left to cancel and nobody asked yet."""
        return not self.is_finished and not self.is_cancelling and self.status != Status.FINISHING

    @property
    def command_line(self) -> str:
        """The exact command, quoted as a shell would need it."""
        return shlex.join(self.command)

    @property
    def kept_results(self) -> str:
        """Which of its files it keeps, in one sentence."""
        return rules_of(self.result_rules, self.disk_bytes).sentence

    @property
    def started_at(self) -> datetime | None:
        """When the script began."""
        return self.running_at

    @property
    def running_since(self) -> datetime | None:
        """When the script began, while it still runs."""
        return self.running_at if self.status == Status.RUNNING else None

    @property
    def took_seconds(self) -> float | None:
        """From the script's start to its end; None while it goes on, and where it never started."""
        if self.finished_at is None or self.running_at is None:
            return None
        return ((self.finishing_at or self.finished_at) - self.running_at).total_seconds()

    @property
    def ended_by_signal(self) -> str:
        """ "15 (SIGTERM)" for a script that a signal ended, else ""."""
        if self.exit_code is None or self.exit_code >= 0:
            return ""
        number = -self.exit_code
        name = signal_name(number)
        return f"{number} ({name})" if name != str(number) else name

    @property
    def explanation(self) -> Explanation:
        """Sentence and advice for the status as it is, with who cancelled it."""
        is_told = self.cancel_requested_at and (self.is_cancelling or self.status == Status.CANCELLED)
        who = self.cancel_requested_by if is_told else None
        status = Status(self.status)
        if status is Status.QUEUED and self.queue_block:
            return self._explained_by_queue(self.queue_block)
        return self.explained(
            status, self.reason, self.detail, self.exit_code, who.display_name if who else ""
        )

    @cached_property
    def queue_block(self) -> dict[str, Any] | None:
        """Why it waits in its team's queue, as TeamQueue has it. One query, unless somebody has set it for many."""
        if self.status != Status.QUEUED:
            return None
        queue = TeamQueue.objects.filter(pk=self.team_id).first()
        return queue.block_of(self) if queue else None

    @property
    def queue_label(self) -> str:
        """The same in two words, for a row; "" where it is not waiting, or nothing is known."""
        block = None if self.is_cancelling else self.queue_block
        return SHORT.get(block["reason"], "") if block else ""

    def explained(
        self,
        status: Status,
        reason: str = "",
        detail: str = "",
        exit_code: int | None = None,
        cancelled_by: str = "",
        facts: dict[str, Any] | None = None,
    ) -> Explanation:
        """Sentence and advice for a status that it has, or is about to get, with its reason (and its facts)."""
        return explain(
            Situation(
                status=status,
                reason=reason,
                detail=detail,
                exit_code=exit_code,
                is_cancelling=self.is_cancelling and status not in TERMINAL,
                cancelled_by=cancelled_by,
                stopped_for=self.cancel_reason,
                cluster=self.cluster.name,
                entry=self.entry,
                image=self.image_label,
                memory=readable_bytes(self.memory_bytes),
                disk=readable_bytes(self.disk_bytes),
                time_limit=readable_seconds(self.time_limit_seconds),
                is_unreachable=self.cluster.unreachable_since is not None,
                adds_nodes=self.cluster.adds_nodes,
                has_output=status not in UNHAPPY or not self.is_finished or self.has_output,
                facts=self.facts_of(reason, detail) if facts is None else facts,
            )
        )

    @cached_property
    def has_output(self) -> bool:
        """Something that the script wrote is kept: no rule deleted it. One query."""
        return bool(self.stored.filter(kind="logs", gone_at=None, bytes__gt=0).exists())

    def _explained_by_queue(self, block: dict[str, Any]) -> Explanation:
        return self.explained(Status.QUEUED, block["reason"], block["detail"], facts=facts_of_queue(block))

    def facts_of(self, reason: str, detail: str) -> dict[str, Any]:
        """The names and amounts that belong to a reason, as pages show them and events keep them."""
        asked = Asked(
            cpu_millis=self.cpu_millis,
            memory_bytes=self.memory_bytes,
            disk_bytes=self.disk_bytes,
            gpu_count=self.gpu_count,
            gpu_resource=self.gpu_resource,
            node_labels=self.node_labels,
            tolerations=self.tolerations,
        )
        # What nodes have matters for placing alone, and costs a query.
        health = getattr(self.cluster, "health", None) if reason == Wait.UNSCHEDULABLE else None
        return facts_for(reason, detail, asked, health.capacity if health else {})

    @property
    def sentence(self) -> str:
        """One sentence that explains the status."""
        return self.explanation.sentence

    @property
    def advice(self) -> str:
        """What to do next; may be empty."""
        return self.explanation.advice

    @property
    def asks_for_changes(self) -> bool:
        """The advice names the button Run with changes."""
        return self.explanation.asks_for_changes

    @property
    def phases(self) -> list[Phase]:
        """Queued, starting, running, finishing, with their times."""
        begun = [self.created_at, self.starting_at, self.running_at, self.finishing_at]
        names = [Status.QUEUED, Status.STARTING, Status.RUNNING, Status.FINISHING]
        ended_in = self._ended_in
        phases = [
            self._phase(name, at, begun[index + 1 :])
            for index, (name, at) in enumerate(zip(names, begun, strict=True))
        ]
        return [
            replace(phase, state=str(self.status)) if phase.name == ended_in else phase for phase in phases
        ]

    @property
    def _ended_in(self) -> Status | None:
        """The phase to blame: the script's own for a failure, otherwise the last one that began before the end."""
        if not self.is_finished or self.status == Status.SUCCEEDED:
            return None
        if self.running_at:
            return Status.RUNNING
        return Status.STARTING if self.starting_at else Status.QUEUED

    def _phase(self, name: Status, started_at: datetime | None, later: list[datetime | None]) -> Phase:
        ended_at = next((at for at in later if at), self.finished_at) if started_at else None
        if started_at is None:
            passed = self.is_finished or any(later)
            return Phase(name, name.capitalize(), "skipped" if passed else "todo", None, None)
        return Phase(name, name.capitalize(), "done" if ended_at else "now", started_at, ended_at)
