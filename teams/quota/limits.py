"""Setting limits, and who shares: under the team's lock, and with the pool's sums in the same transaction."""

from collections.abc import Mapping

from django.db import connection, transaction

from teams.models import QuotaLine, Scope, Team
from teams.quota.book import Account
from teams.quota.ledger import lock_team, open_ledger
from teams.quota.resources import BUDGETS

Limits = Mapping[Account, int | None]


def limits_of(team_id: int) -> dict[Account, int]:
    """All limits of the team that are set."""
    rows = QuotaLine.objects.filter(team=team_id, limit__isnull=False)
    return {Account(row.scope, row.resource, row.cluster_id, row.user_id): row.limit or 0 for row in rows}


def set_limits(team_id: int, limits: Limits) -> None:
    """Write these and leave all others; None is no limit. What runs goes on, whatever the new limits are.

    Whoever changes limits wakes the team's queue in the same transaction.
    """
    with transaction.atomic():
        lock_team(team_id)
        ledger = open_ledger(team_id, limits.keys(), with_pool=False)
        shares = Team.objects.values_list("shares_quota", flat=True).get(pk=team_id)
        pooled: dict[str, tuple[int, int]] = {}
        for account, limit in limits.items():
            line = ledger.book.line(account)
            QuotaLine.objects.filter(pk=ledger.ids[account]).update(limit=limit)
            if shares and account.scope == Scope.TEAM and account.resource not in BUDGETS:
                was, now = _part(line.limit, line.used), _part(limit, line.used)
                pooled[account.resource] = (now[0] - was[0], now[1] - was[1])
        _add_to_pool(pooled)


def set_sharing(team_id: int, *, shares: bool) -> None:
    """Whether the team lets others use what it leaves idle, and may use what they do."""
    with transaction.atomic():
        lock_team(team_id)
        ledger = open_ledger(team_id, (), with_pool=False)
        if not Team.objects.filter(pk=team_id, shares_quota=not shares).update(shares_quota=shares):
            return
        sign = 1 if shares else -1
        parts = {
            account.resource: _part(line.limit, line.used)
            for account, line in ledger.book.lines.items()
            if account.scope == Scope.TEAM and account.resource not in BUDGETS
        }
        _add_to_pool({name: (sign * limit, sign * used) for name, (limit, used) in parts.items()})


def _part(limit: int | None, used: int) -> tuple[int, int]:
    """What a line brings into the pool; without a limit it has no part in it."""
    return (0, 0) if limit is None else (limit, used)


def _add_to_pool(changes: Mapping[str, tuple[int, int]]) -> None:
    rows = [(name, *change) for name, change in sorted(changes.items()) if change != (0, 0)]
    if not rows:
        return
    with connection.cursor() as cursor:
        columns = [list(column) for column in zip(*rows, strict=True)]
        cursor.execute(MAKE_POOL, [columns[0]])
        cursor.execute(LOCK_POOL)
        cursor.execute(ADD_TO_POOL, columns)


MAKE_POOL = """
INSERT INTO teams_quotaline (scope, resource, "limit", used)
SELECT 'pool', name, 0, 0 FROM unnest(%s::text[]) AS given (name) ON CONFLICT DO NOTHING
"""
# All of them, by id: a second change in the same transaction then needs no lock that comes before one it has.
LOCK_POOL = "SELECT id FROM teams_quotaline WHERE scope = 'pool' ORDER BY id FOR NO KEY UPDATE"
ADD_TO_POOL = """
UPDATE teams_quotaline line SET "limit" = line."limit" + given.most, used = line.used + given.used
FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS given (resource, most, used)
WHERE line.scope = 'pool' AND line.resource = given.resource
"""
