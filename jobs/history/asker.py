"""Who asks for the history, and what stands beside the list for that person: read in one statement, at each request."""

from dataclasses import dataclass
from typing import Any

from jobs.history.filters import Filters
from jobs.history.searching import owner_named, with_one_of
from jobs.history.sql import Sql, run
from jobs.models import SavedFilter
from teams.models import Pause, User
from teams.policy import Rights, rights_from

# As rights_of, seen_by and pauses_of ask one by one; tests/jobs/test_history_asker.py compares them.
ASKER_SQL = Sql("""
WITH teams AS MATERIALIZED (
    SELECT t.id, t.name, m.role FROM teams_membership m JOIN teams_team t ON t.id = m.team_id
    WHERE m.user_id = {user} AND {is_active}
)
SELECT 'member' AS kind, id, name, role AS text, NULL::bigint AS owner, NULL::bigint AS team, false AS is_default,
    NULL::timestamptz AS at FROM teams
UNION ALL SELECT 'saved', s.id, s.name, s.query, s.owner_id, s.team_id,
    EXISTS (SELECT 1 FROM jobs_defaultview d WHERE d.user_id = {user} AND d.saved_id = s.id), NULL
    FROM jobs_savedfilter s WHERE s.owner_id = {user} OR s.team_id IN (SELECT id FROM teams)
UNION ALL SELECT 'pause', id, '', message, NULL, NULL, false, since
    FROM teams_pause WHERE team_id IS NULL AND cluster_id IS NULL
{people}
ORDER BY 3, 2
""")
PEOPLE_SQL = Sql("UNION ALL SELECT 'person', id, '', '', NULL, NULL, false, NULL FROM ({people}) p")


@dataclass(frozen=True)
class Asker:
    """Rights, saved filters (as `seen_by` has them), the pause of everything; `asked` with the person it names."""

    rights: Rights
    saved: list[SavedFilter]
    pauses: list[Pause]
    asked: Filters


def asker_of(user: User, asked: Filters) -> Asker:
    """One statement. Nothing of it is kept: what was taken away a moment ago is gone here."""
    named = owner_named(asked)
    people = PEOPLE_SQL.put(people=named) if named else Sql("")
    found: dict[str, list[tuple[Any, ...]]] = {"member": [], "saved": [], "pause": [], "person": []}
    pieces = {"user": Sql("%s", (user.pk,)), "is_active": Sql("%s", (user.is_active,)), "people": people}
    for kind, *row in run(ASKER_SQL.put(**pieces)):
        found[kind].append(tuple(row))
    return Asker(
        rights_from(user, [(team_id, name, role) for team_id, name, role, *_ in found["member"]]),
        [_saved(row) for row in found["saved"]],
        [Pause(id=pause_id, message=message, since=at) for pause_id, _, message, *_, at in found["pause"]],
        with_one_of(asked, [person_id for person_id, *_ in found["person"]]),
    )


def _saved(row: tuple[Any, ...]) -> SavedFilter:
    saved_id, name, query, owner_id, team_id, is_default, _ = row
    saved = SavedFilter(id=saved_id, name=name, query=query, owner_id=owner_id, team_id=team_id)
    saved.is_default = is_default  # type: ignore[attr-defined]
    return saved
