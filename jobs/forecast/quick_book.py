"""A book that answers as teams/quota/book.py does, many thousand times a second. Pure.

Only limited accounts are looked at, and which those are is worked out once for each demand.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from teams.models import Scope
from teams.quota.book import Account, Book, Demand, Line, Shortage


@dataclass(frozen=True, slots=True)
class _Part:
    """What one demand takes of one limited account; with the pool where the account shares."""

    scope: str
    resource: str
    amount: int
    limit: int | None
    line: Line
    pool: Line | None


@dataclass
class QuickBook(Book):
    """As Book. Its limits stay as they are; `pool` lines are the same objects in all books that share.

    A promise is kept until `forget`: each look at a queue promises anew.
    """

    _parts: dict[int, tuple[Demand, list[_Part]]] = field(default_factory=dict, repr=False)
    _budgets: dict[int, list[tuple[Account, Line, int]]] = field(default_factory=dict, repr=False)
    _promised: list[Line] = field(default_factory=list, repr=False)

    def shortage(self, demand: Demand) -> Shortage | None:
        """As Book's."""
        first = self._used_up(demand)
        for part in self._parts_of(demand):
            if short := self._short(part):
                if short.is_never:
                    return short
                # What was lent comes last, as in Book.
                if first is None or (first.scope == Scope.POOL and short.scope != Scope.POOL):
                    first = short
        return first

    def _used_up(self, demand: Demand) -> Shortage | None:
        """The month's hours; nothing is taken of them while a queue is played."""
        self._parts_of(demand)
        for account, line, limit in self._budgets[id(demand)]:
            if line.used >= limit:
                return Shortage(account.scope, account.resource, 0, line.used, limit, most=limit)
        return None

    def take(self, demand: Demand) -> None:
        """As Book's; nothing is written to a ledger, so `taken` stays empty."""
        self._change(demand, 1)

    def put_back(self, demand: Demand) -> None:
        """As Book's."""
        self._change(demand, -1)

    def _change(self, demand: Demand, sign: int) -> None:
        for part in self._parts_of(demand):
            part.line.used += sign * part.amount
            if part.pool is not None:
                part.pool.used += sign * part.amount

    def promise(self, demand: Demand) -> None:
        """As Book's, until `forget`."""
        for part in self._parts_of(demand):
            for line in (part.line, part.pool):
                if line is not None:
                    line.promised += part.amount
                    self._promised.append(line)

    def forget(self) -> None:
        """Nothing is promised any more."""
        for line in self._promised:
            line.promised = 0
        self._promised.clear()

    def borrows(self, demand: Demand) -> bool:
        """As Book's."""
        return any(part.pool is not None and part.line.lacks(part.amount) for part in self._parts_of(demand))

    def _parts_of(self, demand: Demand) -> list[_Part]:
        known = self._parts.get(id(demand))
        if known is None:
            # The demand is kept with it, so that its id is nobody else's.
            known = self._parts[id(demand)] = (demand, list(self._work_out(demand)))
            limits = [(account, self.limit_of(account)) for account in demand.budgets()]
            self._budgets[id(demand)] = [
                (account, self.line(account), limit) for account, limit in limits if limit is not None
            ]
        return known[1]

    def _work_out(self, demand: Demand) -> Iterator[_Part]:
        for account, amount in demand.accounts():
            is_shared = account.scope == Scope.TEAM and account.resource in self.pool
            limit = self.limit_of(account)
            if limit is not None or is_shared:
                pool = self.pool[account.resource] if is_shared else None
                yield _Part(account.scope, account.resource, amount, limit, self.line(account), pool)

    def _short(self, part: _Part) -> Shortage | None:
        line, pool = part.line, part.pool
        is_lacking = part.limit is not None and line.used + line.promised + part.amount > part.limit
        if pool is None:
            return _shortage(part, line, part.limit) if is_lacking else None
        if not is_lacking:
            return _shortage(part, pool, pool.limit, Scope.POOL) if pool.lacks(part.amount) else None
        if pool.lacks(part.amount) or not self.may_borrow:
            return _shortage(part, line, part.limit, most=pool.limit)
        return None


def _shortage(
    part: _Part, line: Line, limit: int | None, scope: str = "", most: int | None = None
) -> Shortage:
    most = (limit or 0) if most is None else most
    return Shortage(
        scope or part.scope, part.resource, part.amount, line.used, limit or 0, line.promised, most
    )


def books_of(
    lines: Mapping[int, Mapping[Account, Line]],
    sharing: Iterable[int],
    pool: Mapping[str, Line] | None = None,
) -> dict[int, QuickBook]:
    """Books of teams, by id; those in `sharing` have one pool: of their limits' sums, unless it is given."""
    shares = set(sharing)
    common = {name: Line(line.limit, line.used) for name, line in (pool or {}).items()}
    if pool is None:
        common = _pool_of([team_lines for team, team_lines in lines.items() if team in shares])
    books = {}
    for team, team_lines in lines.items():
        own = {account: Line(line.limit, line.used) for account, line in team_lines.items()}
        mine = {
            account.resource
            for account, line in own.items()
            if account.scope == Scope.TEAM and line.limit is not None
        }
        part = {name: line for name, line in common.items() if team in shares and name in mine}
        books[team] = QuickBook(own, part)
    return books


def _pool_of(shared: Iterable[Mapping[Account, Line]]) -> dict[str, Line]:
    common: dict[str, Line] = {}
    for lines in shared:
        for account, line in lines.items():
            if account.scope == Scope.TEAM and line.limit is not None:
                pool = common.setdefault(account.resource, Line(0))
                pool.limit = (pool.limit or 0) + line.limit
                pool.used += line.used
    return common
