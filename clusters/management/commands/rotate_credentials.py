"""`manage.py rotate_credentials`: a new key for the credentials of clusters, and all of them encrypted with it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from clusters import encryption
from clusters.models import KubernetesConnection
from teams.audit import record_by

NAME = "manage.py rotate_credentials"


class Command(BaseCommand):
    """Old keys stay readable until nothing needs them; `--forget` drops them."""

    help = "Encrypt the credentials of all clusters with a new key."

    def add_arguments(self, parser: CommandParser) -> None:
        """--forget: keep only the newest key afterwards."""
        parser.add_argument(
            "--forget",
            action="store_true",
            help="drop the old keys afterwards: older backups cannot be read then",
        )

    def handle(self, *args: Any, forget: bool = False, **options: Any) -> None:
        """Raises CommandError, with everything as it was."""
        fresh = None if settings.CREDENTIAL_KEYS else encryption.new_key()
        if fresh is not None:
            # First the key, then what it encrypts: a crash between leaves everything readable.
            encryption.write_keys([fresh, *encryption.read_keys()])
        try:
            with transaction.atomic():
                rows = list(KubernetesConnection.objects.select_for_update())
                for row in rows:
                    row.renew_encryption()
                record_by(NAME, "cluster.keys_rotated", "all clusters", new={"clusters": len(rows)})
        except (encryption.NoKey, encryption.Undecryptable) as error:
            raise CommandError(str(error)) from error
        if forget and fresh is not None:
            encryption.write_keys([fresh])
        self.stdout.write(f"{len(rows)} credentials are encrypted with the newest key.")
        if fresh is None:
            self.stdout.write("The keys come from CREDENTIAL_KEYS: take the old ones out of it there.")
