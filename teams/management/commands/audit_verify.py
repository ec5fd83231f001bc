"""`manage.py audit_verify`: is the audit log as it was written?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from teams.audit.chain import verify


class Command(BaseCommand):
    """Note what it prints at a place where nobody who can change the database can change it, and give it back."""

    help = "Walk the chain of the audit log; print how many entries hold and the last hash, or what is broken (exit 1)."

    def add_arguments(self, parser: CommandParser) -> None:
        """A chain whose end was cut off is whole in itself: only a hash that was noted outside tells."""
        parser.add_argument(
            "--expect-last",
            default="",
            metavar="HASH",
            help="the last hash of an earlier run: it must still be in the chain",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError, which exits with 1."""
        verdict = verify(options["expect_last"].strip().lower())
        if verdict.trouble:
            raise CommandError(f"{verdict.trouble} The {verdict.count:,} entries before it hold.")
        self.stdout.write(f"{verdict.count} entries hold. The last hash is {verdict.head or '(none)'}.")
