"""`manage.py quota_audit`: does the ledger say what is really reserved?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.admission.auditor import drifts


class Command(BaseCommand):
    """Prints every account that drifted; exit code 1 where there is one."""

    help = "Compare the quota ledger with the sum of the open reservations."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when an account drifted."""
        found = drifts()
        for drift in found:
            self.stderr.write(str(drift))
        if found:
            raise CommandError(f"{len(found)} accounts of the quota ledger are not what is reserved.")
        self.stdout.write("The quota ledger is what is reserved.")
