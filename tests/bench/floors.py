"""What the machine itself can do with many bytes, to set beside what the portal does with them."""

import hashlib
import http.client
import multiprocessing
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


def pipe(code: str, target: Path) -> float:
    """Seconds of a bare copy of what a script prints: its pipe, one HTTP request over loopback, a file. All Python."""
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=_receive_request, args=(theirs, target))
    receiver.start()
    connection = http.client.HTTPConnection("127.0.0.1", ours.recv(), blocksize=BLOCK)
    began = time.monotonic()
    with _printed_by(code) as blocks:
        connection.request("PUT", "/", blocks, {"Transfer-Encoding": "identity", "Connection": "close"})
    connection.sock.shutdown(socket.SHUT_WR)
    assert connection.getresponse().status == 200
    seconds = time.monotonic() - began
    connection.close()
    receiver.join()
    target.unlink()
    return seconds


def hash_of_output(code: str) -> str:
    """SHA-256 of what a script prints."""
    digest = hashlib.sha256()
    with _printed_by(code) as blocks:
        for block in blocks:
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _printed_by(code: str) -> Iterator[Iterator[bytes]]:
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, bufsize=0) as script:
        assert script.stdout is not None
        yield iter(lambda: script.stdout.read(BLOCK), b"")
    assert script.returncode == 0


def _receive_request(parent: Connection, target: Path) -> None:
    """The least that takes a body: all that comes behind the headers, until the other side says that it is all."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        parent.send(server.getsockname()[1])
        connection, _ = server.accept()
        block = memoryview(bytearray(BLOCK))
        with connection, connection.makefile("rb") as request, target.open("wb", 0) as file:
            while request.readline().strip():
                pass
            while count := request.readinto(block):
                file.write(block[:count])
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


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
