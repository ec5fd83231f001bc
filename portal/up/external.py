"""A PostgreSQL or Redis of somebody else's (DATABASE_URL, REDIS_URL): is it there?

`python -m portal.up.external <variable>` asks once; it is a process of its own so that the
supervisor loads no database driver, and the address is read from the environment so that no password is on a
command line.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from portal.up.programs import BASE
from portal.up.steps import Stopped
from portal.up.troubles import Unreachable


def wait(variable: str, is_stopped: Callable[[], bool]) -> None:
    """Wait until the server that `variable` names answers. Raises Unreachable after STELLWERK_WAIT_SECONDS."""
    deadline = time.monotonic() + float(os.environ.get("STELLWERK_WAIT_SECONDS", "20"))
    while True:
        command = (sys.executable, "-m", "portal.up.external", variable)
        done = subprocess.run(command, cwd=BASE, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if is_stopped():
            raise Stopped
        if time.monotonic() > deadline:
            lines = (done.stdout or done.stderr).strip().splitlines()
            raise Unreachable(variable, lines[-1] if lines else "no answer")
        time.sleep(0.5)


def ask(variable: str, url: str) -> None:
    """Raise whatever the driver raises when it cannot connect."""
    if variable == "REDIS_URL":
        import redis

        redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3).ping()
        return
    import environ
    import psycopg

    found = environ.Env.db_url_config(url)
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    parts = {name: str(found[key]) for name, key in names.items() if found.get(key)}
    # What stands behind the question mark, such as host=/run/postgresql or sslmode=require.
    parts |= {name: str(value) for name, value in found.get("OPTIONS", {}).items()}
    with psycopg.connect(**parts, connect_timeout=3) as connection:  # type: ignore[arg-type]
        connection.execute("SELECT 1")


if __name__ == "__main__":
    try:
        ask(sys.argv[1], os.environ[sys.argv[1]])
    except Exception as error:  # noqa: BLE001 (every driver has its own errors: the person needs their first line)
        print(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        sys.exit(1)
