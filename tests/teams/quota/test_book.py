"""What fits, decided on plain values."""

from hypothesis import given
from hypothesis import strategies as st

from teams.models import Scope
from teams.quota.book import Account, Book, Demand, Line

JOB = Demand(cluster_id=1, user_id=7, amounts={"jobs": 1, "cpu_millis": 4000})
TEAM_CPU = Account(Scope.TEAM, "cpu_millis")


def book(**limits: int) -> Book:
    """Limits of the team, by resource."""
    return Book({Account(Scope.TEAM, name): Line(limit) for name, limit in limits.items()})


def test_without_limits_everything_fits_and_is_counted():
    ledger = Book()
    assert ledger.shortage(JOB) is None
    ledger.take(JOB)
    assert ledger.line(TEAM_CPU).used == 4000
    assert len(ledger.taken) == 6


def test_what_is_over_the_limit_does_not_fit_and_says_by_what():
    ledger = book(cpu_millis=10_000)
    ledger.take(JOB)
    ledger.take(JOB)
    shortage = ledger.shortage(JOB)
    assert (shortage.scope, shortage.resource) == (Scope.TEAM, "cpu_millis")
    assert (shortage.asked, shortage.used, shortage.limit) == (4000, 8000, 10_000)
    assert not shortage.is_never
    assert not shortage.is_held


def test_what_never_fits_is_told_before_what_does_not_fit_now():
    ledger = Book({Account(Scope.TEAM, "jobs"): Line(1, used=1), TEAM_CPU: Line(2000)})
    shortage = ledger.shortage(JOB)
    assert (shortage.resource, shortage.is_never) == ("cpu_millis", True)


def test_each_scope_has_its_own_limit():
    for scope, ids in ((Scope.CLUSTER, {"cluster_id": 1}), (Scope.USER, {"user_id": 7})):
        ledger = Book({Account(scope, "jobs", **ids): Line(1, used=1)})
        assert ledger.shortage(JOB).scope == scope
        assert ledger.shortage(Demand(2, 8, JOB.amounts)) is None


def test_a_member_has_the_usual_limit_unless_there_is_one_of_his_own():
    usual = {Account(Scope.MEMBER, "jobs"): Line(2), Account(Scope.USER, "jobs", user_id=7): Line(used=2)}
    assert Book(dict(usual)).shortage(JOB).limit == 2
    usual[Account(Scope.USER, "jobs", user_id=7)] = Line(3, used=2)
    assert Book(usual).shortage(JOB) is None


def test_a_limit_of_nothing_is_a_limit():
    assert book(jobs=0).shortage(JOB).is_never


def test_what_is_promised_is_not_for_others():
    ledger = book(cpu_millis=10_000)
    ledger.promise(Demand(1, 8, {"cpu_millis": 8000}))
    shortage = ledger.shortage(JOB)
    assert shortage.is_held
    assert ledger.shortage(Demand(1, 7, {"cpu_millis": 2000})) is None
    assert ledger.taken == {}


def sharing(used: int, pool_used: int, *, may_borrow: bool = True) -> Book:
    """A team with 8 cores, in a pool of 24."""
    return Book({TEAM_CPU: Line(8000, used)}, {"cpu_millis": Line(24_000, pool_used)}, may_borrow)


def test_who_shares_may_use_what_the_others_leave_idle():
    ledger = sharing(8000, 12_000)
    assert ledger.borrows(JOB)
    assert ledger.shortage(JOB) is None
    ledger.take(JOB)
    assert (ledger.line(TEAM_CPU).used, ledger.pool["cpu_millis"].used) == (12_000, 16_000)


def test_nobody_borrows_more_than_there_is_or_while_others_wait_for_their_own():
    assert sharing(8000, 22_000).shortage(JOB).scope == Scope.TEAM
    assert sharing(8000, 12_000, may_borrow=False).shortage(JOB).scope == Scope.TEAM
    assert not sharing(8000, 12_000, may_borrow=False).shortage(JOB).is_never


def test_what_others_borrowed_is_waited_for_and_told():
    shortage = sharing(0, 22_000).shortage(JOB)
    assert (shortage.scope, shortage.limit) == (Scope.POOL, 24_000)
    assert sharing(0, 22_000, may_borrow=False).shortage(Demand(1, 7, {"cpu_millis": 2000})) is None


def test_what_was_lent_is_not_asked_back_where_something_else_is_short_too():
    """Its return would not help: nobody stops borrowing for it, and nobody is stopped."""
    ledger = sharing(0, 22_000)
    ledger.lines[Account(Scope.USER, "cpu_millis", user_id=7)] = Line(4000, used=1000)
    assert ledger.shortage(JOB).scope == Scope.USER


def test_what_was_put_back_was_never_taken():
    ledger = sharing(0, 0)
    ledger.take(JOB)
    ledger.put_back(JOB)
    assert set(ledger.taken.values()) == {0}
    assert ledger.pool["cpu_millis"].used == 0


def test_the_dominant_share_is_the_largest():
    ledger = Book(
        {
            TEAM_CPU: Line(10_000, 2000),
            Account(Scope.TEAM, "gpu:a"): Line(4, 3),
            Account(Scope.TEAM, "jobs"): Line(None, 50),
            Account(Scope.USER, "jobs", user_id=7): Line(1, 1),
        }
    )
    assert ledger.share == 0.75
    assert Book().share == 0


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 6000)), max_size=40),
    st.integers(0, 20_000),
    st.integers(0, 8000),
)
def test_whatever_comes_no_limit_is_ever_passed(jobs, team_limit, member_limit):
    ledger = Book({TEAM_CPU: Line(team_limit), Account(Scope.MEMBER, "cpu_millis"): Line(member_limit)})
    for cluster_id, user_id, millis in jobs:
        demand = Demand(cluster_id, user_id, {"jobs": 1, "cpu_millis": millis})
        if ledger.shortage(demand) is None:
            ledger.take(demand)
    assert ledger.line(TEAM_CPU).used <= team_limit
    for user_id in range(10):
        assert ledger.line(Account(Scope.USER, "cpu_millis", user_id=user_id)).used <= member_limit
