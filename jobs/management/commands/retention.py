"""`manage.py retention`: delete now what the rules no longer keep, or say what that would be."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.models import Kind
from jobs.retention.choosing import summed
from jobs.retention.deleting import delete_by_rules
from jobs.retention.preview import words_of
from jobs.retention.rules import rules_of_all
from jobs.retention.sums import note_ends
from teams.models import Team
from teams.wording import readable_bytes


class Command(BaseCommand):
    """One line for each team and kind of which something goes."""

    help = "Delete what the teams' rules no longer keep; with --dry-run only say what that would be."

    def add_arguments(self, parser: CommandParser) -> None:
        """--dry-run and --team."""
        parser.add_argument("--dry-run", action="store_true", help="delete nothing")
        parser.add_argument("--team", default="", help="only this team, by the name in its address")

    def handle(self, *args: Any, dry_run: bool, team: str, **options: Any) -> None:
        """Raises CommandError for a team that is not there."""
        only = Team.objects.filter(slug=team).first()
        if team and only is None:
            raise CommandError(f"There is no team “{team}”.")
        lines = self._would_go(only) if dry_run else self._went(only)
        for line in lines or ["Nothing to delete."]:
            self.stdout.write(line)

    def _would_go(self, only: Team | None) -> list[str]:
        note_ends()
        lines = []
        for team_id, rules in rules_of_all().items():
            for kind, force in rules.items():
                if only is not None and only.pk != team_id:
                    continue
                found = summed(team_id, kind, force.rule)
                if found.jobs:
                    lines.append(f"{Team.objects.get(pk=team_id).name}: {words_of(kind, found)}")
        return lines

    def _went(self, only: Team | None) -> list[str]:
        names = dict(Team.objects.values_list("pk", "name"))
        return [
            f"{names[each.team_id]}: {Kind(each.kind).label.lower()}: {each.count:,} deleted,"
            f" {readable_bytes(each.bytes)}"
            for each in delete_by_rules(only.pk if only else None)
        ]
