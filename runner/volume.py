"""The files through which the stages of one attempt and the driver speak: one directory per attempt.

work.json    what to do, with the attempt's token (driver → pod)        secret
lock         held for as long as anything of the runner lives
pod.json     the pod process has begun; it is never begun again
claim.json   the portal's answer to the claim                           secret
inputs.json  what the fetched files looked like
started.json the script's process is about to start
ended.json   the script is over and nothing of it runs any more
reading.json somebody reads the pipes (in a pod)
drained.json nothing is left in the pipes (in a pod)
sending.json results are being sent; whoever goes on asks the portal what it has
done.json    the portal has everything
order        in which order bytes came to the two logs, as far as the runner saw it (order.py)
lost         what of the two streams' ends never came into their logs (in a pod)
facts        what the script had around it (in a pod; facts.sh)
stdout.pipe, stderr.pipe   into which a pod's script writes (the local one's have no names)
stop         a wish: end the script
work/ home/ tmp/   the script's own; stdout.log and stderr.log hold the bytes that it wrote to its streams
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from runner.kept import Losses

STREAMS = ("stdout", "stderr")


class Volume:
    """One attempt's directory. Stage files appear complete or not at all, and only their owner reads them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work_dir = root / "work"
        self.home = root / "home"
        self.tmp = root / "tmp"
        self.order = root / "order"
        self.lost = root / "lost"

    def log(self, stream: str) -> Path:
        return self.root / (stream + ".log")

    def pipe(self, stream: str) -> Path:
        return self.root / (stream + ".pipe")

    def make_logs(self) -> None:
        """Of a pod's script: the logs, and the pipes that its shell opens."""
        for stream in STREAMS:
            self.log(stream).touch()
            with contextlib.suppress(FileExistsError):
                os.mkfifo(self.pipe(stream), 0o600)
        Losses.make(self.lost, STREAMS)

    def has(self, stage: str) -> bool:
        return (self.root / (stage + ".json")).exists()

    def read(self, stage: str) -> dict[str, Any] | None:
        """A stage's facts, or None when it has not been reached."""
        try:
            text = (self.root / (stage + ".json")).read_text("utf-8")
        except FileNotFoundError:
            return None
        facts = json.loads(text)
        return facts if isinstance(facts, dict) else None

    def write(self, stage: str, facts: dict[str, Any]) -> None:
        """Atomic. Only the end is worth a wait for the disk: without power the script is lost anyway."""
        target = self.root / (stage + ".json")
        partial = self.root / (stage + ".json.part")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(facts, file)
            file.flush()
            if stage == "ended":
                os.fsync(file.fileno())
        partial.replace(target)

    def mark(self, stage: str) -> None:
        """Reached, and that is all that there is to say: on a full disk a mark has no content."""
        try:
            self.write(stage, {"at": time.time()})
        except OSError:
            with contextlib.suppress(OSError):
                (self.root / (stage + ".json")).touch()

    def wants_stop(self) -> bool:
        return (self.root / "stop").exists()

    def make_script_dirs(self, uid: int | None) -> None:
        """work/, home/ and tmp/, entered by the script's user only."""
        for path in (self.work_dir, self.home, self.tmp):
            path.mkdir(mode=0o700, exist_ok=True)
            if uid is not None:
                os.chown(path, uid, uid)
