"""A machine whose memory is in use, as a server's is after its first day: what is free is the files' cache.

A virtual machine hands memory that is free back to its host within seconds, and gets it anew by a fault for each page:
writing into such memory is many times slower than into memory that is there, and whichever arm of a bench met the one
or the other won. With the cache full, each arm is given pages that others had.
"""

import os
import shutil
from pathlib import Path

MIB = 1024**2
# Less is free by the kernel's own choice.
LEAST_FREE_MIB = 1600
STEP_MIB = 512


class FullMemory:
    """Files in `folder`, as many as it takes; half of the disk's free space at most. They go with the block's end.

    `spared_mib` of the disk are left for what is measured.
    """

    def __init__(self, folder: Path, spared_mib: int) -> None:
        self._folder = folder
        self._files: list[Path] = []
        self._fills, self._short = 0, 0
        free = shutil.disk_usage(folder).free // MIB
        self._most = max(0, min(free // 2, free - spared_mib)) // STEP_MIB

    def __enter__(self) -> "FullMemory":
        try:
            self.fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.unlink(missing_ok=True)

    def fill(self) -> None:
        """As little is free as the kernel leaves; all that was written is on the disk."""
        os.sync()
        for file in self._files:
            if free_mib() <= LEAST_FREE_MIB:
                break
            with file.open("rb", 0) as content:
                while content.read(MIB):
                    pass
        block = bytes(MIB)
        while free_mib() > LEAST_FREE_MIB and len(self._files) < self._most:
            self._files.append(self._folder / f"ballast{len(self._files)}")
            with self._files[-1].open("wb", 0) as content:
                for _ in range(STEP_MIB):
                    content.write(block)
        self._fills += 1
        self._short += free_mib() > LEAST_FREE_MIB
        os.sync()

    @property
    def size_mib(self) -> int:
        """What the files take."""
        return len(self._files) * STEP_MIB

    @property
    def note(self) -> str:
        """How often it could not be done: an arm met memory of both kinds then."""
        why = "the machine gave cache back to its host meanwhile, or its disk has no room"
        return f"NOT FULL {self._short} of {self._fills} times: {why}" if self._short else ""


def free_mib() -> float:
    """Memory that nothing uses, not even the files' cache."""
    facts = Path("/proc/meminfo").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in facts if line.startswith("MemFree:"))
