"""`python -m portal.container web|intake|live|worker|beat|watch|front`: become that process.

`migrate` makes the tables, the keys and the first contents, and ends. `health` is the check of what runs here.
"""

import os
import signal
import sys

from portal.container import health, migrating, roles
from portal.container.configuration import check
from portal.up.troubles import Trouble


def main(arguments: list[str]) -> int:
    """The exit code; 1 with one sentence when the role cannot start. The processes' roles never return."""
    os.umask(0o027)
    # The first process of a container is not ended by a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    role, *more = arguments or [""]
    try:
        if role == "health":
            return health.main(more)
        if role == "migrate":
            check(dict(os.environ), needs_keys=False)
            return migrating.migrate()
        if role in roles.NAMES:
            check(dict(os.environ), needs_keys=role != "front")
            roles.become(role)
    except Trouble as trouble:
        print(f"stellwerk {role}: {trouble}", file=sys.stderr, flush=True)
        return 1
    known = ", ".join((*roles.NAMES, "migrate", "health"))
    print(f"stellwerk: “{role}” is no role of this image; choose one of {known}.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
