"""What the rooms above know of the work of teams and people. They give their answer here; nothing here knows a job."""

from collections.abc import Iterable
from typing import Protocol

from teams.models import Team, User


class Work(Protocol):
    """The answers. Active work waits, runs or is about to end."""

    def active_of_teams(self, team_ids: Iterable[int]) -> dict[int, int]:
        """How much of it each team has; a team without any may be missing."""

    def stored_of_teams(self, team_ids: Iterable[int]) -> dict[int, int]:
        """How many bytes of it are kept for each team; a team without any may be missing."""

    def active_of(self, user: User, team: Team | None = None) -> int:
        """How much of it a person owns, in all teams or in one."""

    def cancel_all_of(self, owner: User, asker: User) -> int:
        """Wish that all of a person's active work stops; how much was asked to. Within the caller's transaction."""


_answering: list[Work] = []


def answer_with(work: Work) -> None:
    """Called once, when the application that knows has been loaded."""
    _answering[:] = [work]


def work() -> Work:
    """Who knows of the work."""
    return _answering[0]
