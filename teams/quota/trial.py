"""What a team's book would be with other limits. Pure; the ledger is read, and never written, for it."""

from collections.abc import Mapping

from teams.models.quota import Scope
from teams.quota.book import Account, Book, Line
from teams.quota.resources import BUDGETS


def try_limits(
    book: Book,
    pool: Mapping[str, Line],
    limits: Mapping[Account, int | None],
    *,
    was_sharing: bool,
    shares: bool,
) -> None:
    """Change the book to these limits. `pool`: the lines of all that share, as they are now (see limits.set_limits)."""
    before = {account: Line(line.limit, line.used) for account, line in book.lines.items()}
    for account, limit in limits.items():
        book.line(account).limit = limit
    book.pool = {}
    for account, line in list(book.lines.items()) if shares else ():
        if account.scope != Scope.TEAM or account.resource in BUDGETS or line.limit is None:
            continue
        known = pool.get(account.resource, Line(0, 0))
        was = _part(before.get(account, Line())) if was_sharing else (0, 0)
        book.pool[account.resource] = Line(
            (known.limit or 0) - was[0] + line.limit, known.used - was[1] + line.used
        )


def _part(line: Line) -> tuple[int, int]:
    """What a line brings into the pool."""
    return (0, 0) if line.limit is None else (line.limit, line.used)
