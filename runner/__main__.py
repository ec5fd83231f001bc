"""The runner's command line: `runner fetch|collect|probe|pod|sweep DIRECTORY [NAME=VALUE]…`.

fetch, collect and the doctor's probe are containers of a Kubernetes pod and take STELLWERK_PORTAL_URL,
STELLWERK_TOKEN_FILE and STELLWERK_POD_UID from the environment, or from the words after the directory; pod and sweep
are processes of this machine and read work.json.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

COMMANDS = ("fetch", "collect", "probe", "pod", "sweep")
USAGE = f"usage: runner {'|'.join(COMMANDS)} DIRECTORY [NAME=VALUE]..."


def main(arguments: list[str]) -> int:
    more = [word.partition("=") for word in arguments[2:]]
    if len(arguments) < 2 or arguments[0] not in COMMANDS or not all(name and sign for name, sign, _ in more):
        sys.stderr.write(USAGE + "\n")
        return 2
    command, root = arguments[0], Path(arguments[1])
    environment = {**os.environ, **{name: value for name, _, value in more}}
    if command in ("pod", "sweep"):
        _detach()
        exit_code = _run_local(command, root)
        # At once: threads that wait and objects that remain need no goodbye, and the lock tells our end.
        sys.stderr.flush()
        os._exit(exit_code)
    if command == "probe":
        from runner.probe import probe

        return probe(root, environment)
    from runner.containers import collect, fetch

    return fetch(root, environment) if command == "fetch" else collect(root, environment)


def _run_local(command: str, root: Path) -> int:
    if command == "sweep":
        from runner.sweep import sweep

        return sweep(root)
    from runner.pod import Pod

    return Pod(root).run()


def _detach() -> None:
    """Leave the process that started us: it waits for the launcher only, so no zombie stays with it.

    The lock on the volume comes as an inherited descriptor and goes with this process's end. The script must
    not have it, or it would look like a living pod.
    """
    if os.fork() > 0:
        os._exit(0)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 (integers, not paths)
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:
                continue
    # The script's umask is its own; stage files and logs of ours are for our user only.
    os.umask(0o077)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
