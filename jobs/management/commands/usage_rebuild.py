"""`manage.py usage_rebuild`: compares the sums of the usage report with the jobs; `--write` makes them anew."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.usage.rebuild import differences, rebuild

SHOWN = 20


class Command(BaseCommand):
    """Exits with 1 and names the differences where there are any."""

    help = "Compute the usage report's sums anew from the jobs and compare them with those that are kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--write` replaces them."""
        parser.add_argument(
            "--write", action="store_true", help="replace the sums, also after TZ was changed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, or replace."""
        if options["write"]:
            self.stdout.write(f"{rebuild():,} sums were made anew.")
            return
        found = differences()
        for line in found[:SHOWN]:
            self.stderr.write(line)
        if found:
            raise CommandError(f"{len(found):,} sums are not what the jobs make; --write mends them.")
        self.stdout.write("The sums are what the jobs make.")
