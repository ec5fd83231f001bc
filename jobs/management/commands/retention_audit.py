"""`manage.py retention_audit`: are the amounts what is stored?"""

from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.retention.auditor import broken_promises, drifts


class Command(BaseCommand):
    """Prints every amount that drifted; exit code 1 where there is one."""

    help = "Compare the stored amounts with their rows; with --files also the rows with the storage."

    def add_arguments(self, parser: CommandParser) -> None:
        """--files."""
        parser.add_argument("--files", action="store_true", help="ask the storage for every file as well")

    def handle(self, *args: Any, files: bool, **options: Any) -> None:
        """Raises CommandError when an amount or a promise is wrong."""
        count = 0
        for line in chain(drifts(), broken_promises() if files else ()):
            count += 1
            self.stderr.write(str(line))
        if count:
            raise CommandError(f"{count} amounts are not what is stored.")
        self.stdout.write("The amounts are what is stored.")
