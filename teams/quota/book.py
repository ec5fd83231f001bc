"""What fits into a team's limits, decided on plain values. Pure: the ledger reads it and writes what it took."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from teams.models.quota import Scope
from teams.quota.resources import BUDGETS, CPU_HOURS, GPU_HOURS, GPU_PREFIX, Amounts


@dataclass(frozen=True)
class Account:
    """Whose use of what. `cluster_id` and `user_id` where the scope has them."""

    scope: str
    resource: str
    cluster_id: int | None = None
    user_id: int | None = None


@dataclass(frozen=True)
class Demand:
    """What one job takes, of whom and where."""

    cluster_id: int
    user_id: int
    amounts: Amounts

    def accounts(self) -> Iterator[tuple[Account, int]]:
        """All that are charged for it, with the amount."""
        for resource, amount in self.amounts.items():
            if amount:
                yield Account(Scope.TEAM, resource), amount
                yield Account(Scope.CLUSTER, resource, cluster_id=self.cluster_id), amount
                yield Account(Scope.USER, resource, user_id=self.user_id), amount

    def budgets(self) -> Iterator[Account]:
        """Those whose month's hours it will use up, as long as it runs."""
        has_gpus = any(name.startswith(GPU_PREFIX) and amount for name, amount in self.amounts.items())
        for resource in (CPU_HOURS, GPU_HOURS) if has_gpus else (CPU_HOURS,):
            yield Account(Scope.TEAM, resource)
            yield Account(Scope.CLUSTER, resource, cluster_id=self.cluster_id)
            yield Account(Scope.USER, resource, user_id=self.user_id)


@dataclass
class Line:
    """An account's state. `promised` is kept for jobs that have waited long; it holds back those behind them."""

    limit: int | None = None
    used: int = 0
    promised: int = 0

    def lacks(self, amount: int) -> bool:
        """Whether so much more would be over the limit."""
        return self.limit is not None and self.used + self.promised + amount > self.limit


@dataclass(frozen=True)
class Shortage:
    """Why a job cannot start: of `resource`, `asked` is more than the `limit` leaves beside `used` and `promised`.

    POOL: it would be within the team's own limit, and others have borrowed that. `most`: what could ever be had.
    """

    scope: str
    resource: str
    asked: int
    used: int
    limit: int
    promised: int = 0
    most: int = 0

    @property
    def is_never(self) -> bool:
        """It would not fit with nothing else running."""
        return self.asked > self.most

    @property
    def is_held(self) -> bool:
        """It would fit, if a job that has waited longer did not come first."""
        return self.promised > 0 and self.used + self.asked <= self.limit


@dataclass
class Book:
    """A team's accounts as they are now, and what was taken since. `pool`: of all that share, by resource.

    A budget's line has what was spent this month as `used`. Nothing is taken of it: it is a brake.
    `may_borrow`: others that share do not wait for what is theirs.
    """

    lines: dict[Account, Line] = field(default_factory=dict)
    pool: dict[str, Line] = field(default_factory=dict)
    may_borrow: bool = True
    taken: dict[Account, int] = field(default_factory=dict)

    def line(self, account: Account) -> Line:
        """Its state; an account without a line has no limit."""
        return self.lines.setdefault(account, Line())

    def shortage(self, demand: Demand) -> Shortage | None:
        """An account that has not enough for it; None: it fits.

        One that never will comes before all others, and what was lent after all others: if something else is short as
        well, its return would not help.
        """
        return min(
            self._shortages(demand),
            key=lambda each: (not each.is_never, each.scope == Scope.POOL),
            default=None,
        )

    def take(self, demand: Demand) -> None:
        """Charge all its accounts; only what has no shortage."""
        self._charge(demand, 1)

    def put_back(self, demand: Demand) -> None:
        """It was taken, and is not needed after all."""
        self._charge(demand, -1)

    def _charge(self, demand: Demand, sign: int) -> None:
        for account, amount in demand.accounts():
            self.line(account).used += sign * amount
            self.taken[account] = self.taken.get(account, 0) + sign * amount
            if account.scope == Scope.TEAM and account.resource in self.pool:
                self.pool[account.resource].used += sign * amount

    def promise(self, demand: Demand) -> None:
        """Keep its accounts for it: what is decided from here on comes after it."""
        for account, amount in demand.accounts():
            self.line(account).promised += amount
            if account.scope == Scope.TEAM and account.resource in self.pool:
                self.pool[account.resource].promised += amount

    def borrows(self, demand: Demand) -> bool:
        """Whether it would use what belongs to other teams."""
        return any(
            account.scope == Scope.TEAM and account.resource in self.pool and self.line(account).lacks(amount)
            for account, amount in demand.accounts()
        )

    @property
    def share(self) -> float:
        """The dominant one: the largest part of a limit of the team that is in use; 0 without any limit.

        Ghodsi et al., "Dominant Resource Fairness", NSDI 2011.
        """
        parts = [
            line.used / line.limit if line.limit else float(line.used > 0)
            for account, line in self.lines.items()
            if account.scope == Scope.TEAM and line.limit is not None and account.resource not in BUDGETS
        ]
        return max(parts, default=0.0)

    def _shortages(self, demand: Demand) -> Iterator[Shortage]:
        for account in demand.budgets():
            limit, spent = self.limit_of(account), self.line(account).used
            if limit is not None and spent >= limit:
                yield Shortage(account.scope, account.resource, 0, spent, limit, most=limit)
        for account, amount in demand.accounts():
            line = self._effective(account)
            if account.scope == Scope.TEAM and account.resource in self.pool:
                yield from self._shortages_of_sharing(account.resource, line, amount)
            elif line.lacks(amount):
                yield _short(account.scope, account.resource, line, amount)

    def _shortages_of_sharing(self, resource: str, line: Line, amount: int) -> Iterator[Shortage]:
        pool = self.pool[resource]
        if line.lacks(amount):
            if pool.lacks(amount) or not self.may_borrow:
                yield _short(Scope.TEAM, resource, line, amount, pool.limit)
        elif pool.lacks(amount):
            yield _short(Scope.POOL, resource, pool, amount)

    def limit_of(self, account: Account) -> int | None:
        """The one that counts: a member without a limit of his own has the usual member's."""
        own = self.line(account).limit
        if account.scope == Scope.USER and own is None:
            usual = self.lines.get(Account(Scope.MEMBER, account.resource))
            return usual.limit if usual else None
        return own

    def _effective(self, account: Account) -> Line:
        line = self.line(account)
        return Line(self.limit_of(account), line.used, line.promised)


def _short(scope: str, resource: str, line: Line, amount: int, most: int | None = None) -> Shortage:
    limit = line.limit or 0
    return Shortage(scope, resource, amount, line.used, limit, line.promised, limit if most is None else most)
