"""The pipes into which a script writes, and how their bytes come into its log files.

Pipes and not the files themselves: a script that opens /dev/stderr again (`echo … > /dev/stderr`) would empty a file,
its user could not open ours at all, and the limit of a file's size would fall upon its output.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
import struct
import termios
from collections.abc import Callable, Iterable

from runner.volume import Volume

# From linux/fcntl.h: Python 3.9 has no names for them.
_F_SETPIPE_SZ, _F_GETPIPE_SZ = 1031, 1032
# All pods of a namespace run as one user, whose pipes have 64 MiB on a node (pipe(7), pipe-user-pages-soft); with
# less left every new one, also a script's own, would hold 8 KiB.
_CAPACITY, _USUAL_CAPACITY = 1 << 17, 1 << 16
_SPLICE_F_NONBLOCK = 2
_BLOCK = 1 << 18
_UNABLE = (errno.EINVAL, errno.ENOSYS, errno.EPERM)


class DiskFull(Exception):
    """The log takes nothing more: of what has left the pipe it has `moved` bytes, and `lost` are in no file."""

    def __init__(self, moved: int, lost: int) -> None:
        super().__init__(moved, lost)
        self.moved, self.lost = moved, lost


class Pipes:
    """One for each stream: `readers` are the pump's ends, `writers` those for a script that we start ourselves."""

    def __init__(self) -> None:
        self.readers: dict[str, int] = {}
        self.writers: dict[str, int] = {}

    @classmethod
    def unnamed(cls, streams: Iterable[str], run_as: int | None) -> Pipes:
        """For a child process; its user may open its end again by /dev/stderr."""
        pipes = cls()
        for stream in streams:
            pipes.readers[stream], pipes.writers[stream] = os.pipe()
            os.set_blocking(pipes.readers[stream], False)
            if run_as is not None:
                os.fchown(pipes.writers[stream], run_as, run_as)
        pipes._widen()
        return pipes

    @classmethod
    def named(cls, volume: Volume, streams: Iterable[str]) -> Pipes:
        """Those of a pod's volume, in which another container's script writes. OSError: there are none."""
        pipes = cls()
        for stream in streams:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = pipes.readers[stream] = os.open(volume.pipe(stream), flags)
            if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                raise OSError(f"{volume.pipe(stream)} is no pipe")
        pipes._widen()
        return pipes

    def close_writers(self) -> None:
        """After the script has its ends: ours must not keep the pipes open."""
        for descriptor in self.writers.values():
            os.close(descriptor)
        self.writers.clear()

    def close_readers(self) -> None:
        """Whoever writes from here on gets SIGPIPE."""
        for descriptor in self.readers.values():
            os.close(descriptor)
        self.readers.clear()

    def _widen(self) -> None:
        with contextlib.suppress(OSError):
            for descriptor in self.readers.values():
                fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _CAPACITY)


def capacity(pipe: int) -> int:
    """How many bytes it holds before its writers have to wait."""
    with contextlib.suppress(OSError):
        return fcntl.fcntl(pipe, _F_GETPIPE_SZ)
    return _USUAL_CAPACITY


def waiting(pipe: int) -> int:
    """How many bytes are in it."""
    (size,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(size)


def move(pipe: int, log: int, at: int, size: int) -> int:
    """From the pipe into the file from `at` on; at most `size` bytes. How many, 0: there are none; DiskFull.

    The kernel does it (splice(2)): a process that is killed meanwhile takes no byte with it, for what is not in
    the file is still in the pipe.
    """
    if _splice is not None:
        try:
            return _splice(pipe, log, at, size)
        except OSError as error:
            if error.errno not in _UNABLE:
                raise DiskFull(0, 0) from error
    data = _read(pipe, size)
    moved = 0
    while moved < len(data):
        try:
            moved += os.pwrite(log, data[moved:], at + moved)
        except OSError as error:
            raise DiskFull(moved, len(data) - moved) from error
    return moved


def peek(pipe: int, size: int) -> bytes:
    """The next bytes, which stay in the pipe (tee(2)): all `size`, or none where that is not possible."""
    if _tee is None:
        return b""
    try:
        read, write = os.pipe()
    except OSError:
        return b""
    try:
        return os.read(read, size) if _tee(pipe, write, size) == size else b""
    finally:
        os.close(read)
        os.close(write)


def drop(pipe: int, size: int) -> int:
    """Read so many at most, and forget them: a script must not hang in its next print. How many; 0: there are none."""
    return len(_read(pipe, size))


def _read(pipe: int, size: int) -> bytes:
    """A script that reads its own output may have taken what was there."""
    try:
        return os.read(pipe, min(size, _BLOCK))
    except BlockingIOError:
        return b""


def _find_calls() -> tuple[Callable[[int, int, int, int], int] | None, Callable[[int, int, int], int] | None]:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        splice_call, tee_call = libc.splice, libc.tee
    except (OSError, AttributeError):  # no Linux
        return None, None
    for call in (splice_call, tee_call):
        call.restype = ctypes.c_ssize_t

    def splice(pipe: int, log: int, at: int, size: int) -> int:
        place = ctypes.c_int64(at)
        moved = splice_call(
            pipe, None, log, ctypes.byref(place), ctypes.c_size_t(size), ctypes.c_uint(_SPLICE_F_NONBLOCK)
        )
        if moved >= 0:
            return int(moved)
        number = ctypes.get_errno()
        if number in (errno.EAGAIN, errno.EINTR):
            return 0
        raise OSError(number, os.strerror(number))

    def tee(pipe: int, write: int, size: int) -> int:
        return int(tee_call(pipe, write, ctypes.c_size_t(size), ctypes.c_uint(_SPLICE_F_NONBLOCK)))

    return splice, tee


_splice, _tee = _find_calls()
