"""Web, live and the front as real processes on the tests' own database, without worker, beat and watch.

What a test makes with the cast (and commits: `transactional_db`) is what a browser sees; no job moves by itself.
"""

import time
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client

from portal.up import front, programs
from portal.up.account import server_account
from portal.up.embedded import EmbeddedServers
from portal.up.front import Address
from portal.up.processes import Process, last_lines, stop_all
from portal.up.state import make_run_folder, open_home, remove_run_folder
from teams.models import User
from tests.up.portal_process import free_port


class Site:
    """`url` is the one origin. `processes` holds web, live and front by name; `values` is their environment."""

    def __init__(self, servers: EmbeddedServers) -> None:
        account = server_account()
        self.home = open_home(Path(settings.HOME), account)
        self.run = make_run_folder(account)
        self.address = Address("127.0.0.1", free_port())
        self.url = self.address.url
        call_command("collectstatic", interactive=False, verbosity=0)
        database_url = servers.database_url.replace("/stellwerk?", f"/{connection.settings_dict['NAME']}?")
        values = programs.environment(self.home, self.address, database_url, servers.redis_url)
        values |= {"SECRET_KEY": settings.SECRET_KEY, "DJANGO_SETTINGS_MODULE": "tests.site_settings"}
        self.values = values
        started = (
            programs.web(self.home, self.run, values),
            programs.live(self.home, self.run, values),
            front.program(self.home, self.run, self.address, account),
        )
        self.processes = {program.name: Process(program) for program in started}

    def start(self, *names: str) -> "Site":
        """Start the named processes (all, without names) and wait until they are ready."""
        chosen = [self.processes[name] for name in names or self.processes]
        for process in chosen:
            process.start()
        deadline = time.monotonic() + 60
        for process in chosen:
            while not process.is_ready:
                assert process.popen is not None
                assert process.popen.poll() is None, last_lines(process.program.log, 20)
                assert time.monotonic() < deadline, last_lines(process.program.log, 20)
                time.sleep(0.02)
        return self

    def stop(self) -> None:
        stop_all(self.processes.values())
        remove_run_folder(self.run)

    def cookie_of(self, user: User) -> dict[str, str]:
        """A new session of the user, as Playwright's `context.add_cookies([…])` takes it."""
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        return {"name": name, "value": client.cookies[name].value, "url": self.url}
