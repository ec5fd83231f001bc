"""`manage.py simulate_month`: how good estimates are in a synthetic month."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.forecast.month import make_month, run_month
from jobs.forecast.replay import summed_up
from teams.wording import readable_seconds

GOAL = 0.8


class Command(BaseCommand):
    """Prints how many ranges held; raises CommandError where fewer than 80 % did."""

    help = "Play a synthetic month with real-looking run times, and judge the estimates made in it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """All have defaults."""
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--teams", type=int, default=8)
        parser.add_argument("--jobs", type=int, default=20_000)
        parser.add_argument(
            "--estimates", type=int, default=1_000, help="so many of the jobs that wait are told"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """The figures, one a line."""
        began = time.monotonic()
        month = make_month(options["seed"], options["teams"], options["jobs"])
        found = run_month(month, options["estimates"], options["seed"])
        took = time.monotonic() - began
        self.stdout.write(f"{len(month.jobs):,} jobs of {options['teams']} teams in 30 days, {took:.1f} s")
        self.stdout.write(
            f"ranges that held: {100 * found.held:.1f} % of {len(found.is_right):,} "
            f"({found.untold:,} jobs were told no end)"
        )
        width = readable_seconds(found.median_width)
        self.stdout.write(f"median width of a range: {width}, {found.relative_width:.2f} × the wait")
        for team, waits in sorted(found.waits.items()):
            told = summed_up(waits)
            words = [readable_seconds(each or 0) for each in (told.median, told.nine_of_ten, told.longest)]
            shares = "shares" if team in month.sharing else "alone "
            self.stdout.write(
                f"team {team} ({shares}): {told.jobs:>6,} jobs, waits: median {words[0]}, "
                f"9 of 10 at most {words[1]}, longest {words[2]}"
            )
        self.stdout.write(f"longest wait: {readable_seconds(found.longest)}; never started: {found.never:,}")
        if found.held < GOAL:
            raise CommandError(f"Fewer than {100 * GOAL:.0f} % of the ranges held.")
