from typing import Any

from django.core.management.base import BaseCommand

from portal.up.supervisor import main


class Command(BaseCommand):
    """`manage.py` runs the supervisor before Django is loaded; this is what `manage.py help` shows of it."""

    help = "Starts the whole portal and keeps it running until Ctrl-C."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        raise SystemExit(main())
