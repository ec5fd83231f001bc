"""What the machine itself can do with a large file, to set beside what the portal does with it."""

import hashlib
import multiprocessing
import socket
import subprocess
import time
from multiprocessing.connection import Connection
from pathlib import Path

BLOCK = 1024 * 1024


def copy(source: Path, target: Path) -> float:
    """Seconds of `cp`."""
    began = time.monotonic()
    subprocess.run(["cp", "--reflink=never", source, target], check=True)
    seconds = time.monotonic() - began
    target.unlink()
    return seconds


def send(source: Path, target: Path, *, is_hashed: bool) -> float:
    """Seconds of a bare copy over a loopback connection, with SHA-256 at both ends or at none."""
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=_receive, args=(theirs, target, is_hashed))
    receiver.start()
    with socket.create_connection(("127.0.0.1", ours.recv())) as connection, source.open("rb", 0) as file:
        began = time.monotonic()
        digest, block = hashlib.sha256(), memoryview(bytearray(BLOCK))
        while count := file.readinto(block):
            if is_hashed:
                digest.update(block[:count])
            connection.sendall(block[:count])
        connection.shutdown(socket.SHUT_WR)
        arrived = ours.recv()
        seconds = time.monotonic() - began
    receiver.join()
    assert arrived == (digest.hexdigest() if is_hashed else hashlib.sha256().hexdigest())
    target.unlink()
    return seconds


def _receive(parent: Connection, target: Path, is_hashed: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        parent.send(server.getsockname()[1])
        connection, _ = server.accept()
        digest, block = hashlib.sha256(), memoryview(bytearray(BLOCK))
        with connection, target.open("wb", 0) as file:
            while count := connection.recv_into(block):
                if is_hashed:
                    digest.update(block[:count])
                file.write(block[:count])
        parent.send(digest.hexdigest())
