"""`manage.py watch`: observes the clusters until it is told to end."""

import asyncio
import os
import signal
from typing import Any

from django.core.management.base import BaseCommand

from jobs.reconciler.watching import watch


class Command(BaseCommand):
    help = "Observes the clusters and writes what they show; runs until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        """Never returns: a thread that still waits for a cluster does not hold up the end."""
        asyncio.run(_run_until_told())
        self.stdout.flush()
        os._exit(0)


async def _run_until_told() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await watch(stop)
