"""The processes that run for ever, and how a container becomes one of them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from portal.container.configuration import effective, home_of, proxies_of
from portal.container.waiting import wait_for
from portal.up import binaries, commands, front
from portal.up.account import THIS_USER
from portal.up.front import Address
from portal.up.programs import remove_schedule
from portal.up.state import Home

NAMES = ("web", "intake", "live", "worker", "beat", "watch", "front")
# The sockets of web, intake and live: a volume that they share with front.
RUN = Path("/run/stellwerk")
# The container's own, gone with it.
SCRATCH = Path("/tmp/stellwerk")  # noqa: S108 (a tmpfs of this container alone)
ROLE = SCRATCH / "role"
# Within compose's stop_grace_period.
DRAIN_SECONDS = 25
NEEDS = {
    "web": ("DATABASE_URL",),
    "intake": ("DATABASE_URL",),
    "live": ("DATABASE_URL",),
    "watch": ("DATABASE_URL",),
    "worker": ("DATABASE_URL", "REDIS_URL"),
    "beat": ("REDIS_URL",),
    "front": (),
}


def become(role: str) -> NoReturn:
    """Wait for what the role needs and replace this process by it. Raises Trouble."""
    values = dict(os.environ)
    SCRATCH.mkdir(mode=0o700, exist_ok=True)
    ROLE.write_text(role)
    wait_for(*NEEDS[role])
    argv, folder = _front(values) if role == "front" else (_command(role), commands.BASE)
    os.chdir(folder)
    os.execvpe(argv[0], argv, _environment(role, values))  # noqa: S606 (no shell is wanted)


def _environment(role: str, values: Mapping[str, str]) -> dict[str, str]:
    own = {"STELLWERK_HEARTBEATS": str(SCRATCH)}
    if role in commands.POOLS:
        own["STELLWERK_DB_POOL"] = str(commands.POOLS[role])
    return own | effective(values)


def _command(role: str) -> tuple[str, ...]:
    if role in ("web", "intake"):
        serve = commands.web if role == "web" else commands.intake
        return serve(RUN, DRAIN_SECONDS, SCRATCH)
    if role == "beat":
        schedule = SCRATCH / "beat-schedule"
        remove_schedule(schedule)
        return commands.beat(schedule)
    return {"live": commands.live(RUN), "worker": commands.worker(), "watch": commands.watch()}[role]


def _front(values: Mapping[str, str]) -> tuple[tuple[str, ...], Path]:
    """nginx as `make up` has it: the same routes, the same headers."""
    folder = SCRATCH / "front"
    folder.mkdir(exist_ok=True)
    config = folder / "nginx.conf"
    address = Address.parse(values.get("STELLWERK_BIND") or "0.0.0.0:8000")
    home = Home(home_of(values))
    # For what waits, on the portal's disk: a container's own folders are small.
    home.front.mkdir(exist_ok=True)
    text = front.configuration(
        home,
        RUN,
        address,
        THIS_USER,
        proxies_of(values),
        values.get("STELLWERK_STATIC_ROOT", ""),
    )
    config.write_text(text)
    return (str(binaries.nginx()), "-p", f"{home.front}/", "-c", str(config), "-e", "stderr"), folder
