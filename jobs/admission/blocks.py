"""Why lanes wait, written for people who look at their jobs: once for each look at a queue, not once for each job."""

from dataclasses import asdict
from typing import Any

from django.db.models.functions import Now

from jobs.admission import queues
from jobs.admission.choosing import QUOTA, Block, Choice
from jobs.admission.gates import LOOK_AGAIN
from jobs.admission.lanes import Lane
from jobs.catalogue import Own
from jobs.models import TeamQueue
from teams.models import Scope
from teams.quota.book import Shortage
from teams.quota.resources import BUDGETS

REASONS = {
    Scope.TEAM: Own.TEAM_QUOTA,
    Scope.CLUSTER: Own.CLUSTER_QUOTA,
    Scope.USER: Own.OWN_QUOTA,
    Scope.POOL: Own.QUOTA_LENT,
}
WAIT_FOR_CLUSTER = frozenset({Own.CLUSTER_FULL, Own.CLUSTER_SILENT})


def write_queue(team_id: int, choice: Choice) -> None:
    """What the look found. Within the look's transaction, as its last lock."""
    row = TeamQueue(team_id=team_id, is_owed=choice.is_owed)
    fields = ["looked_at"]
    if not choice.has_more:
        # Else the rest was not looked at: what was known of it stays until it is.
        row.blocked = [_row(lane, block) for lane, block in choice.blocks.items()]
        row.waits_for_clusters = sorted(
            {lane.cluster_id for lane, block in choice.blocks.items() if block.reason in WAIT_FOR_CLUSTER}
        )
        fields += ["is_owed", "blocked", "waits_for_clusters"]
    row.looked_at = Now()
    TeamQueue.objects.bulk_create([row], update_conflicts=True, unique_fields=["team"], update_fields=fields)


def seconds_until_next(choice: Choice) -> float | None:
    """Until somebody looks again although nothing happened; None where nothing waits."""
    waits = [LOOK_AGAIN.get(block.reason, queues.AGAIN_SECONDS) for block in choice.blocks.values()]
    return min(waits, default=None)


def _row(lane: Lane, block: Block) -> dict[str, Any]:
    reason, facts = block.reason, {}
    if block.shortage is not None and reason == QUOTA:
        reason = _quota_reason(block, block.shortage)
        facts = asdict(block.shortage) | {"is_never": block.shortage.is_never}
    return {
        "lane": lane.key,
        "reason": reason,
        "detail": block.detail,
        "facts": facts,
        "behind": block.behind,
    }


def _quota_reason(block: Block, shortage: Shortage) -> Own:
    if shortage.resource in BUDGETS:
        return Own.BUDGET
    return Own.ITS_TURN if block.behind else REASONS[Scope(shortage.scope)]
