"""The accounts in the database: read under locks, charged and credited by guarded updates, compared by an auditor.

Every transaction takes its locks in one order: teams, attempts, lines by id, lines of the pool by id, queues. Jobs in
between are taken only where nobody has them. So two transactions wait for each other and never form a ring (fault 20).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.db import connection

from teams.models import QuotaLine, Scope, Team
from teams.quota.book import Account, Book, Line
from teams.quota.resources import Amounts


class LedgerBroken(Exception):
    """An amount is not what it was under the same lock: a defect, and the transaction must not commit."""


@dataclass
class Ledger:
    """A team's accounts under locks, for as long as the transaction lasts."""

    team_id: int
    book: Book
    ids: dict[Account, int] = field(default_factory=dict)
    pool_ids: dict[str, int] = field(default_factory=dict)

    def write(self) -> None:
        """Charge what was taken in the book since it was opened. Raises LedgerBroken."""
        book = self.book
        rows: list[tuple[int, int, int | None]] = []
        for account, amount in book.taken.items():
            is_shared = account.scope == Scope.TEAM and account.resource in book.pool
            if is_shared:
                rows.append((self.pool_ids[account.resource], amount, book.pool[account.resource].limit))
            rows.append((self.ids[account], amount, None if is_shared else book.limit_of(account)))
        _add(rows)
        book.taken = {}


def lock_team(team_id: int, *, wait: bool = True) -> bool:
    """Hold the team's limits and its queue: nobody else admits its jobs or edits its limits meanwhile.

    False: somebody does so now (only without `wait`), or the team is gone.
    """
    rows = Team.objects.select_for_update(no_key=True, skip_locked=not wait).filter(pk=team_id)
    return rows.values_list("pk").first() is not None


def open_ledger(
    team_id: int,
    accounts: Collection[Account],
    *,
    more: Collection[Account] = (),
    may_borrow: bool = True,
    with_pool: bool = True,
) -> Ledger:
    """The team's lines that `accounts` need, made where they are missing, under locks; and `more` where there are such.

    The team is locked before. All of the team's own lines are in the book in any case; what it has in the pool is only
    `with_pool`.
    """
    columns = _columns((team_id, account, 0) for account in accounts)
    wanted = _columns((team_id, account, 0) for account in (*accounts, *more))
    ledger = Ledger(team_id, Book(may_borrow=may_borrow))
    with connection.cursor() as cursor:
        cursor.execute(MAKE, columns)
        cursor.execute(LOCK, [*wanted, team_id])
        for pk, scope, resource, cluster_id, user_id, limit, used in cursor.fetchall():
            account = Account(scope, resource, cluster_id, user_id)
            ledger.ids[account], ledger.book.lines[account] = pk, Line(limit, used)
        if not with_pool:
            return ledger
        cursor.execute(LOCK_POOL, [team_id])
        for pk, resource, limit, used in cursor.fetchall():
            ledger.pool_ids[resource], ledger.book.pool[resource] = pk, Line(limit, used)
    return ledger


def credit(released: Iterable[tuple[int, int, int, Amounts]]) -> None:
    """Give back what ended attempts had: (team, cluster, user, amounts) of each. Within the caller's transaction."""
    sums: dict[tuple[int, Account], int] = {}
    for team_id, cluster_id, user_id, amounts in released:
        for resource, amount in amounts.items():
            for account in (
                Account(Scope.TEAM, resource),
                Account(Scope.CLUSTER, resource, cluster_id=cluster_id),
                Account(Scope.USER, resource, user_id=user_id),
            ):
                if amount:
                    sums[team_id, account] = sums.get((team_id, account), 0) + amount
    if not sums:
        return
    columns = _columns((team_id, account, amount) for (team_id, account), amount in sums.items())
    with connection.cursor() as cursor:
        cursor.execute(FIND, columns)
        found = dict(cursor.fetchall())
        if len(found) != len(sums):
            raise LedgerBroken(f"{len(sums) - len(found)} accounts of what was released are missing")
        cursor.execute(FIND_POOL, columns)
        found |= dict(cursor.fetchall())
    _add([(pk, -amount, None) for pk, amount in found.items()])


# Accounts as columns; joined by the very expressions of the unique index quota_line_once.
GIVEN = """
WITH given (team_id, scope, resource, cluster_id, user_id, amount) AS (
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[])
)
"""
SAME = """
    line.team_id = given.team_id AND line.scope = given.scope
    AND COALESCE(line.cluster_id, 0) = COALESCE(given.cluster_id, 0)
    AND COALESCE(line.user_id, 0) = COALESCE(given.user_id, 0)
    AND line.resource = given.resource
"""
LOCK = f"""{GIVEN}
SELECT id, scope, resource, cluster_id, user_id, "limit", used FROM teams_quotaline
WHERE id = ANY(ARRAY(
    SELECT line.id FROM given JOIN teams_quotaline line ON {SAME}
    UNION SELECT id FROM teams_quotaline WHERE team_id = %s AND scope IN ('team', 'member')))
ORDER BY id FOR NO KEY UPDATE
"""
LOCK_POOL = """
SELECT pool.id, pool.resource, pool."limit", pool.used FROM teams_quotaline pool
JOIN teams_quotaline own ON own.resource = pool.resource AND own.scope = 'team' AND own."limit" IS NOT NULL
JOIN teams_team team ON team.id = own.team_id AND team.shares_quota
WHERE pool.scope = 'pool' AND own.team_id = %s
ORDER BY pool.id FOR NO KEY UPDATE OF pool
"""
FIND = f"""{GIVEN}
SELECT line.id, given.amount FROM given JOIN teams_quotaline line ON {SAME}
ORDER BY line.id FOR NO KEY UPDATE OF line
"""
# Read under the locks of the teams' own lines: whether a team shares, and what, is only changed under them too.
FIND_POOL = f"""{GIVEN}
, shared AS (
    SELECT given.resource, sum(given.amount) AS amount FROM given
    JOIN teams_team team ON team.id = given.team_id AND team.shares_quota
    JOIN teams_quotaline line ON {SAME} AND line."limit" IS NOT NULL
    WHERE given.scope = 'team' GROUP BY given.resource
)
SELECT pool.id, shared.amount::bigint FROM shared
JOIN teams_quotaline pool ON pool.scope = 'pool' AND pool.resource = shared.resource
ORDER BY pool.id FOR NO KEY UPDATE OF pool
"""
MAKE = f"""{GIVEN}
INSERT INTO teams_quotaline (team_id, scope, resource, cluster_id, user_id, used)
SELECT team_id, scope, resource, cluster_id, user_id, 0 FROM given
WHERE NOT EXISTS (SELECT 1 FROM teams_quotaline line WHERE {SAME})
ON CONFLICT DO NOTHING
"""
# `most` is the limit as it was read under the lock: over it nothing is written, whatever was decided.
ADD = """
UPDATE teams_quotaline SET used = used + given.amount
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS given (id, amount, most)
WHERE teams_quotaline.id = given.id AND (given.most IS NULL OR used + given.amount <= given.most)
"""


def _columns(rows: Iterable[tuple[int, Account, int]]) -> list[list[object]]:
    """As GIVEN takes them."""
    found = [
        (team_id, str(each.scope), each.resource, each.cluster_id, each.user_id, amount)
        for team_id, each, amount in rows
    ]
    return [list(column) for column in zip(*found, strict=True)] or [[] for _ in range(6)]


def _add(rows: list[tuple[int, int, int | None]]) -> None:
    """To lines that are locked: id, amount, and what may not be exceeded. Less than nothing is refused by a check."""
    if not rows:
        return
    columns = [list(column) for column in zip(*sorted(rows, key=lambda row: row[0]), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(ADD, columns)
        if cursor.rowcount != len(rows):
            raise LedgerBroken(
                f"{len(rows) - cursor.rowcount} of {len(rows)} lines did not take their amounts"
            )


def read_book(team_id: int) -> Book:
    """All of the team's accounts as they are at this moment, without locks: to be looked at, never to be written."""
    book = Book()
    for line in QuotaLine.objects.filter(team=team_id):
        book.lines[Account(line.scope, line.resource, line.cluster_id, line.user_id)] = Line(
            line.limit, line.used
        )
    if Team.objects.filter(pk=team_id, shares_quota=True).exists():
        own = [
            a.resource for a, line in book.lines.items() if a.scope == Scope.TEAM and line.limit is not None
        ]
        for line in QuotaLine.objects.filter(scope=Scope.POOL, resource__in=own):
            book.pool[line.resource] = Line(line.limit, line.used)
    return book


def read_pool() -> dict[str, Line]:
    """What all teams that share have together, by resource, without locks."""
    return {row.resource: Line(row.limit, row.used) for row in QuotaLine.objects.filter(scope=Scope.POOL)}
