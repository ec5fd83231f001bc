"""Named places where a test may kill this process with SIGKILL, to prove that nothing is lost there.

`STELLWERK_FAILPOINTS` names a directory. A file `<name>` in it holds how many passes are let through; the pass after
that removes the file and dies, so each arming kills once. Without the variable a failpoint costs nothing.
"""

import contextlib
import os
import signal
from pathlib import Path

DIRECTORY = os.environ.get("STELLWERK_FAILPOINTS", "")
NAMES = frozenset(
    {
        "submit.before_commit",  # web: the job is written, not committed
        "submit.after_commit",  # web: committed, no hint sent
        "intake.claim.after_commit",  # web: claimed, the runner has no answer
        "intake.output.stored",  # web: bytes on disk, size not recorded
        "intake.ended.after_commit",  # web: outcome recorded, no hint sent
        "intake.collected.after_commit",  # web: manifest recorded, no answer
        "drive.admitted",  # worker: attempt recorded, nothing at the cluster
        "create.half_made",  # worker: a part of the work is at the cluster, so watch sees it; nothing runs
        "drive.created",  # worker: work at the cluster, not recorded
        "drive.moved",  # worker: status written, next look not
        "drive.stopped",  # worker: stop sent, not recorded
        "tail.hole_noted",  # worker: a lost stream has its hole, not what comes behind it
        "tail.stored",  # worker: a lost stream has its last bytes, their size is not recorded
        "retention.marked",  # worker: rows say that it is gone, its bytes are there
        "retention.half_removed",  # worker: the first file's bytes are removed, others are there
        "retention.removed",  # worker: bytes removed, not recorded
        "watch.seen",  # watch: cluster read, nothing recorded
    }
)


def failpoint(name: str) -> None:
    """Die here if `name` is armed. KeyError: the name is not in the list."""
    if name not in NAMES:
        raise KeyError(name)
    if DIRECTORY and _is_due(Path(DIRECTORY) / name):
        os.kill(os.getpid(), signal.SIGKILL)


def _is_due(arm: Path) -> bool:
    with contextlib.suppress(FileNotFoundError, ValueError):
        left = int(arm.read_text() or 0)
        if left > 0:
            arm.write_text(str(left - 1))
            return False
        arm.unlink()
        return True
    return False
