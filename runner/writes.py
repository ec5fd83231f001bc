"""Which pipe was written to, told by the kernel write by write: what is in two pipes does not tell what came first."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import signal
import struct
import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# From linux/fcntl.h: Python has no names for them.
_F_SETSIG, _F_SETOWN_EX, _F_OWNER_TID = 10, 15, 0
# Of the signals that are kept one by one any that nobody uses: the lowest are some C libraries' own.
_NUMBER = signal.SIGRTMIN + 5 if hasattr(signal, "SIGRTMIN") else 0
# From signalfd(2): the size of what is told of a signal, and where in it the descriptor is.
_RECORD, _FD_AT = 128, 20
_BLOCK = 512 * _RECORD
_MOST_READS = 32
_TURN = re.compile(rb"(.)\1*", re.DOTALL)


class Turn(NamedTuple):
    """So many writes to a stream, before the next one's to the other."""

    stream: str
    writes: int


class Writes:
    """Writes to some pipes, as signals that are queued (fcntl(2), F_SETSIG). Where there are none, `works` is False.

    To be made and asked in one thread: they are blocked in it, and sent to it alone. When the last writer closes a pipe
    this is told as one write more.
    """

    def __init__(self, readers: Mapping[str, int]) -> None:
        self._readers = dict(readers)
        self._names = {reader & 0xFF: stream for stream, reader in readers.items()}
        self._others = bytes(set(range(256)) - set(self._names))
        self._signals: int | None = None
        with contextlib.suppress(OSError, AttributeError, ValueError):
            self._begin()

    @property
    def works(self) -> bool:
        return self._signals is not None

    def take(self) -> list[Turn]:
        """What was written since the last call, in order.

        Signals are bounded (RLIMIT_SIGPENDING): who reads has to look at all pipes in any case.
        """
        descriptors = b""
        if self._signals is not None:
            with contextlib.suppress(BlockingIOError):
                for _ in range(_MOST_READS):
                    # Their lowest bytes, at the speed of C: a talkative script writes often.
                    descriptors += os.read(self._signals, _BLOCK)[_FD_AT::_RECORD]
        known = descriptors.translate(None, self._others)
        return [Turn(self._names[turn[0][0]], len(turn[0])) for turn in _TURN.finditer(known)]

    def close(self) -> None:
        if self._signals is not None:
            for reader in self._readers.values():
                with contextlib.suppress(OSError):  # closed meanwhile
                    fcntl.fcntl(reader, fcntl.F_SETFL, fcntl.fcntl(reader, fcntl.F_GETFL) & ~os.O_ASYNC)
            self.take()
            os.close(self._signals)
            self._signals = None

    def _begin(self) -> None:
        if len(self._names) < len(self._readers) or not _NUMBER:
            return
        # SIGIO: what comes where no more can be queued.
        signal.pthread_sigmask(signal.SIG_BLOCK, {_NUMBER, signal.SIGIO})
        mask = (ctypes.c_uint64 * 16)((1 << (_NUMBER - 1)) | (1 << (signal.SIGIO - 1)))
        signals = ctypes.CDLL(None).signalfd(-1, ctypes.byref(mask), os.O_NONBLOCK | os.O_CLOEXEC)
        if signals < 0:
            return
        self._signals = signals
        owner = struct.pack("ii", _F_OWNER_TID, threading.get_native_id())
        for reader in self._readers.values():
            fcntl.fcntl(reader, _F_SETOWN_EX, owner)
            fcntl.fcntl(reader, _F_SETSIG, _NUMBER)
            fcntl.fcntl(reader, fcntl.F_SETFL, fcntl.fcntl(reader, fcntl.F_GETFL) | os.O_ASYNC)


def joined(turns: Sequence[Turn]) -> list[Turn]:
    """Neighbours of a stream are one."""
    found: list[Turn] = []
    for turn in turns:
        if found and found[-1].stream == turn.stream:
            turn = Turn(turn.stream, found.pop().writes + turn.writes)
        found.append(turn)
    return found


def without_last(turns: Sequence[Turn], stream: str) -> list[Turn]:
    """Without the stream's last write."""
    for at in range(len(turns) - 1, -1, -1):
        if turns[at].stream == stream:
            left = [Turn(stream, turns[at].writes - 1)] if turns[at].writes > 1 else []
            return joined([*turns[:at], *left, *turns[at + 1 :]])
    return list(turns)
