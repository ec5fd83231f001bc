"""The search as pieces of the statements of pages.py.

Words that few jobs have are looked up: each shelf of the teams that are asked for, until there are too many for that.
What is more frequent is left to the walk, which then finds it soon (docs/decisions/history.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.history.filters import Filters
from jobs.history.sql import Sql, run
from jobs.search.query import PLACE, Search, Term

# What is not rare any more: so many entries, or so many jobs of them.
ENTRIES, JOBS = 500, 1000
# How many jobs are looked at for words.
WALKED = 500
# The same where scripts are read, for what must be there as it is written.
EXACT = 150
LOOKED_UP = Sql("""
entries AS MATERIALIZED (
    SELECT e.id FROM (SELECT team, number FROM jobs_searchshelf WHERE team = ANY(%s) ORDER BY number DESC) s,
    LATERAL (
        SELECT id FROM jobs_searchentry WHERE words @@ replace(%s, %s, s.team || '.' || s.number || '.')::tsquery
        LIMIT %s
    ) e LIMIT %s
), named AS MATERIALIZED (
    SELECT s.job_id FROM entries JOIN jobs_searchedjob s ON s.entry_id = entries.id LIMIT %s
),
""")
# One by one: the planner would rather read all jobs in the order of the page.
NAMED_JOBS = Sql("named CROSS JOIN LATERAL (SELECT * FROM jobs_job WHERE id = named.job_id LIMIT 1) c")
IS_WALKED = Sql("((SELECT count(*) FROM entries) >= %s OR (SELECT count(*) FROM named) >= %s)")
HAS_WORDS = """
(SELECT e.words @@ replace(%s, %s, '0.' || e.shelf || '.')::tsquery
 FROM jobs_searchedjob s JOIN jobs_searchentry e ON e.id = s.entry_id WHERE s.job_id = c.id)
"""
# The same for each job that is walked, as a join: what one entry's words say is remembered for all of its jobs.
WITH_WORDS = """
LEFT JOIN LATERAL (SELECT entry_id FROM jobs_searchedjob WHERE job_id = c.id LIMIT 1) s ON true
LEFT JOIN LATERAL (
    SELECT e.words @@ replace(%s, %s, '0.' || e.shelf || '.')::tsquery AS fits
    FROM jobs_searchentry e WHERE e.id = s.entry_id LIMIT 1
) w ON true
"""
IS_WRITTEN = """
(strpos(lower(concat_ws(E'\\n', c.name, array_to_string(c.tags, E'\\n'), array_to_string(c.arguments, ' '))), %s) > 0
 OR EXISTS (
    SELECT 1 FROM jobs_bundlefile f LEFT JOIN jobs_scripttext t ON t.blob_id = f.blob_id
    WHERE f.bundle_id = c.bundle_id AND strpos(lower(f.path || E'\\n' || coalesce(t.text, '')), %s) > 0))
"""
PEOPLE = """
SELECT id FROM teams_user
WHERE lower(username) = %s OR strpos(lower(' ' || first_name || ' ' || last_name), %s) > 0
"""


@dataclass(frozen=True)
class ByWords:
    """The pieces for one search."""

    search: Search

    @property
    def window(self) -> int:
        """How many jobs a walk looks at."""
        return EXACT if self.search.exact else WALKED

    @property
    def _most(self) -> tuple[int, int]:
        return (EXACT, EXACT) if self.search.exact else (ENTRIES, JOBS)

    def looked_up(self, team_ids: Sequence[int] | None) -> Sql:
        """`named`: the jobs that have the words, or as many of them as are too many."""
        entries, jobs = self._most
        scopes = [0] if team_ids is None else list(team_ids)
        return Sql(LOOKED_UP.text, (scopes, self.search.lookup, PLACE, entries, entries, jobs))

    @property
    def is_walked(self) -> Sql:
        """Whether there were too many."""
        return Sql(IS_WALKED.text, self._most)

    @property
    def reads_jobs(self) -> bool:
        """Whether it asks for more than words."""
        return bool(self.search.owners or self.search.exact)

    @property
    def joined(self) -> Sql:
        """Beside each job `c` of a walk, whether its words fit."""
        return Sql(WITH_WORDS, (self.search.check, PLACE)) if self.search.check else Sql("")

    @property
    def walked_checks(self) -> list[Sql]:
        """That a job `c` with `joined` beside it is what is looked for."""
        return self._checks([Sql("w.fits")] if self.search.check else [])

    def checks(self, *, is_named: bool) -> list[Sql]:
        """That a job `c` is what is looked for; `is_named`: its words are known to fit."""
        asks = self.search.check and not is_named
        return self._checks([Sql(HAS_WORDS, (self.search.check, PLACE))] if asks else [])

    def _checks(self, words: list[Sql]) -> list[Sql]:
        """Cheap ones first."""
        owners = [_owner(term) for term in self.search.owners]
        return owners + words + [_written(term) for term in self.search.exact]


def with_owner(asked: Filters) -> Filters:
    """The same, with the one person whom the search names as a filter: that has an index. A statement, if any."""
    named = owner_named(asked)
    return with_one_of(asked, [row[0] for row in run(named)]) if named else asked


def owner_named(asked: Filters) -> Sql | None:
    """Who may be meant where a search names one person: a statement for the ids; None where it names none."""
    named = [term for term in asked.search.owners if not term.is_left_out]
    return _people(named[0]) if len(named) == 1 and not asked.owner else None


def with_one_of(asked: Filters, ids: Sequence[int]) -> Filters:
    """The person as a filter, where it is one alone."""
    return asked.but(owner=ids[0]) if len(ids) == 1 else asked


def _people(term: Term) -> Sql:
    """The ids of whoever is called so: the user name, or the beginning of a name."""
    name = term.text.lower()
    return Sql(PEOPLE, (name, f" {name}"))


def _owner(term: Term) -> Sql:
    return _unless(term, Sql("c.owner_id = ANY(ARRAY({people}))").put(people=_people(term)))


def _written(term: Term) -> Sql:
    text = term.text.lower()
    return _unless(term, Sql(IS_WRITTEN, (text, text)))


def _unless(term: Term, check: Sql) -> Sql:
    return Sql(f"NOT {check.text}", check.values) if term.is_left_out else check
