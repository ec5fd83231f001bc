"""Which pipe was written to, told by the kernel (inotify(7)): what is in two pipes does not tell what came first."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Mapping
from pathlib import Path

# From linux/inotify.h: what it tells of a file, and the head of each event (watch, mask, cookie, length of a name).
_IN_MODIFY = 0x2
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_EVENT = struct.Struct("iIII")
_BLOCK = 1 << 16
# More than the kernel keeps (16,384 events): who writes faster than this reads does not hold it here.
_MOST_READS = 8
_MOST_TURNS = 1024


class Writes:
    """Writes to some pipes or files. Where the kernel tells of none, `works` is False."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._names: dict[int, str] = {}
        self._inotify: int | None = None
        with contextlib.suppress(OSError, AttributeError):
            self._begin(files)

    @property
    def works(self) -> bool:
        return self._inotify is not None

    def take(self) -> list[str]:
        """Which files were written to since the last call, in order: one again where another came between.

        At most _MOST_TURNS; who reads has to look at all of them in any case, as the kernel's queue may run over.
        """
        turns: list[str] = []
        if self._inotify is None:
            return []
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MOST_READS):
                self._add_turns(os.read(self._inotify, _BLOCK), turns)
        return turns

    def _add_turns(self, data: bytes, turns: list[str]) -> None:
        at = 0
        while at < len(data) and len(turns) < _MOST_TURNS:
            watch, _, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size + length
            name = self._names.get(watch)
            if name and turns[-1:] != [name]:
                turns.append(name)

    def close(self) -> None:
        if self._inotify is not None:
            os.close(self._inotify)
            self._inotify = None

    def _begin(self, files: Mapping[str, Path]) -> None:
        libc = ctypes.CDLL(None)
        inotify = libc.inotify_init1(_FLAGS)
        if inotify < 0:
            return
        self._inotify = inotify
        for name, path in files.items():
            watch = libc.inotify_add_watch(inotify, os.fsencode(path), _IN_MODIFY)
            if watch < 0:
                self.close()
                return
            self._names[watch] = name
