from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TeamsConfig(AppConfig):
    name = "teams"

    def ready(self) -> None:
        """What signs in and out is heard by the audit log; what `migrate` made is shut to the portal's own role."""
        from teams.audit import accounts
        from teams.audit.grants import grant_after_migrate

        accounts.listen()
        post_migrate.connect(grant_after_migrate, sender=self)
