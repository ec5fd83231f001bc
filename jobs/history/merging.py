"""The jobs of many ranges of an index in one order, by a statement that is as long for a thousand ranges as for ten.

Ranges that are written out (UNION ALL) are read no further than needed, but each is planned for itself: for a hundred
teams that took four times as long as to read them. Here they are one join, and a join reads each range to its limit. So
it is done in steps: a few jobs of each range tell the id beyond which nothing is wanted, and with it more are read of
those ranges that have more before it. No step reads more than STEP + 1 times as many jobs as are wanted.
"""

from collections.abc import Callable

from jobs.history.sql import Sql

# So many jobs of each range are read first, and so many times as many in each step behind it.
FIRST, STEP = 64, 8
MERGED = Sql("{steps} SELECT * FROM ({last}) u {order} LIMIT {most}")
EACH = Sql("SELECT one.* FROM {ranges} CROSS JOIN LATERAL ({one}) one")
NAMED = Sql("{name} AS MATERIALIZED ({each})")
# No bound where the step found fewer than are wanted.
DOWN_TO = Sql("""
id >= coalesce((SELECT min(id) FROM (SELECT id FROM {name} {order} LIMIT {most}) s HAVING count(*) >= {most}), 0)
""")
UP_TO = Sql("""
id <= coalesce((
    SELECT max(id) FROM (SELECT id FROM {name} {order} LIMIT {most}) s HAVING count(*) >= {most}
), 9223372036854775807)
""")


def merged(
    ranges: Sql, sizes: list[int], one: Callable[[int, Sql | None], Sql], *, is_upwards: bool = False
) -> Sql:
    """The first jobs, as many as the last of `sizes`, by id downwards or upwards.

    `ranges` stands behind FROM; `one(size, bound)` is the statement for the first `size` of one of them within `bound`.
    """
    order = Sql("ORDER BY id ASC" if is_upwards else "ORDER BY id DESC")
    most, steps = Sql("%s", (sizes[-1],)), []
    bound: Sql | None = None
    for number, size in enumerate(sizes):
        name, each = Sql(f"step_{number}"), EACH.put(ranges=ranges, one=one(size, bound))
        steps.append(NAMED.put(name=name, each=each))
        bound = (UP_TO if is_upwards else DOWN_TO).put(name=name, order=order, most=most)
    before = Sql("WITH {named}").put(named=Sql.join(", ", steps[:-1])) if len(steps) > 1 else Sql("")
    return MERGED.put(steps=before, last=each, order=order, most=most)


def sizes_of(ranges: int, most: int) -> list[int]:
    """How many jobs are read of each of so many ranges, step by step, where `most` are wanted in all."""
    sizes = [max(FIRST, 2 * most // ranges)]
    while sizes[-1] * STEP < most:
        sizes.append(sizes[-1] * STEP)
    return [size for size in sizes if size < most] + [most]
