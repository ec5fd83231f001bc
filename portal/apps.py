from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        """Every process may send a task, so each knows the Celery application."""
        from portal import celery  # noqa: F401
