"""`migrate`: what must be done once before the processes start. It may run at every start; it makes nothing twice."""

import os
import subprocess
import sys

from portal.container.configuration import effective, home_of
from portal.container.waiting import wait_for
from portal.up.account import THIS_USER
from portal.up.commands import BASE
from portal.up.state import open_home
from portal.up.steps import first_password
from portal.up.troubles import HomeNotWritable, Trouble


class VolumeNotWritable(Trouble):
    def __init__(self, home: str, why: str) -> None:
        super().__init__(
            f"The volume {home} cannot be written ({why}); a folder of yours has to belong to user {os.getuid()}: "
            f"chown -R {os.getuid()}:{os.getgid()} <folder>."
        )


class StepFailed(Trouble):
    def __init__(self, step: str) -> None:
        super().__init__(f"{step} failed; the lines above say why. Nothing else was started.")


def migrate() -> int:
    """Keys, tables, first contents; prints the first admin's one-time password until another was chosen."""
    home = home_of(os.environ)
    try:
        open_home(home, THIS_USER)
    except HomeNotWritable as error:
        raise VolumeNotWritable(str(home), error.why) from error
    wait_for("DATABASE_URL", "REDIS_URL")
    _manage("Migrating the database", "migrate", "--no-input")
    admin, password = first_password(_manage("Making the first contents", "seed"))
    if password is None:
        print(f"Sign in as {admin}, with the password you chose.", flush=True)
    else:
        print(f"Sign in as {admin} with the one-time password {password}", flush=True)
    return 0


def _manage(step: str, *arguments: str) -> str:
    """What the command printed; its errors go where ours go."""
    command = (sys.executable, str(BASE / "manage.py"), *arguments)
    done = subprocess.run(
        command, cwd=BASE, env=effective(os.environ), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        print(done.stdout, flush=True)
        raise StepFailed(step)
    return done.stdout
