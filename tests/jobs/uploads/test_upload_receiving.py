"""A body straight from gunicorn's connection: every byte once, and the next request begins where it did."""

import hashlib
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import UnreadablePostError
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import default_environ

from jobs.intake import parts
from jobs.uploads.receiving import PIECE_BYTES, pieces_of
from jobs.uploads.write_behind import WriteBehind

KEPT = 2 * PIECE_BYTES
SEED = int.from_bytes(os.urandom(4), "big")
NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Connection:
    """Both ends: what a client sends is parsed by gunicorn as its worker does it."""

    def __init__(self) -> None:
        self.client, self.server = socket.socketpair()
        self.parser = RequestParser(Config(), self.server, ("", 0))

    def begin(self, length: int, early: bytes = b"") -> WSGIRequest:
        head = f"PUT /intake/results HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()
        self.client.sendall(head + early)
        told = default_environ(next(self.parser), self.server, Config())
        return WSGIRequest({**told, "PATH_INFO": "/intake/results", "CONTENT_LENGTH": str(length)})

    def send(self, *parts: bytes, end: Callable[[], None] = lambda: None) -> threading.Thread:
        def send() -> None:
            for part in parts:
                self.client.sendall(part)
            end()

        thread = threading.Thread(target=send)
        thread.start()
        return thread

    def reset(self) -> None:
        """As a machine that is gone: nothing more is to be had, and no orderly end."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def connection() -> Iterator[Connection]:
    opened = Connection()
    yield opened
    opened.close()


def parts_of(body: bytes) -> list[bytes]:
    """Cut at random places, among them none and each of a piece's ends."""
    chance = random.Random(SEED)
    ends = {chance.randrange(len(body)) for _ in range(20)} | {PIECE_BYTES, len(body)}
    borders = sorted(end for end in ends if end <= len(body))
    return [body[start:end] for start, end in zip([0, *borders], borders, strict=False)]


def received(request: WSGIRequest, length: int) -> bytes:
    return b"".join(bytes(piece) for piece in pieces_of(request, length, KEPT))


def is_next(connection: Connection) -> bool:
    return bool(next(connection.parser).path == "/next")


@pytest.mark.parametrize("size", [1, 1000, PIECE_BYTES, PIECE_BYTES + 1, 7 * PIECE_BYTES + 123])
@pytest.mark.parametrize("early", [0, 1, 700])
def test_every_byte_comes_once_and_without_being_copied(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, size: int, early: int
) -> None:
    body = random.Random(SEED).randbytes(size)
    request = connection.begin(size, body[:early])
    # What would copy it is not asked: a gunicorn that is built in another way would be noticed here.
    monkeypatch.setattr(WSGIRequest, "read", None)
    sending = connection.send(body[early:], NEXT)
    assert received(request, size) == body, SEED
    sending.join(10)
    assert is_next(connection)


def test_a_body_that_comes_in_pieces_is_whole(connection: Connection) -> None:
    body = random.Random(SEED).randbytes(5 * PIECE_BYTES + 77)
    request = connection.begin(len(body))
    sending = connection.send(*parts_of(body), NEXT)
    assert received(request, len(body)) == body, SEED
    sending.join(10)
    assert is_next(connection)


def test_a_request_that_was_sent_along_is_not_taken_for_the_body(connection: Connection) -> None:
    request = connection.begin(4, b"body" + NEXT)
    assert received(request, 4) == b"body"
    assert is_next(connection)


def test_what_is_not_asked_for_is_left_to_gunicorn(connection: Connection) -> None:
    request = connection.begin(3000)
    sending = connection.send(bytes(3000), NEXT)
    assert received(request, 1000) == bytes(1000)
    sending.join(10)
    assert is_next(connection)


def test_a_piece_stays_until_so_many_bytes_have_come_after_it(connection: Connection) -> None:
    body = random.Random(SEED).randbytes(9 * PIECE_BYTES)
    request = connection.begin(len(body))
    sending = connection.send(body)
    held: list[memoryview | bytes] = []
    at = 0
    for piece in pieces_of(request, len(body), KEPT):
        held = [*held[-(KEPT // PIECE_BYTES) :], piece]
        at += len(piece)
        assert b"".join(held) == body[at - sum(map(len, held)) : at]
    sending.join(10)
    assert at == len(body)


def test_who_stops_in_the_middle_leaves_the_rest_to_gunicorn(connection: Connection) -> None:
    """As a view that finds the disk full: what was handed out is counted, also that of a piece nobody went on from."""
    request = connection.begin(2 * PIECE_BYTES + 1, b"begin")
    sending = connection.send(bytes(2 * PIECE_BYTES + 1 - len(b"begin")), NEXT)
    pieces = pieces_of(request, 2 * PIECE_BYTES + 1, KEPT)
    assert next(pieces) == b"begin"
    assert len(next(pieces)) == PIECE_BYTES
    pieces.close()
    assert is_next(connection)
    sending.join(10)


def test_what_is_still_being_written_is_not_received_over(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is slower than the connection, by as much as is ever held in memory."""
    body = random.Random(SEED).randbytes(12 * PIECE_BYTES)
    (tmp_path / "part").touch()
    staged = parts._Staged(tmp_path / "part")
    staged.begin("big.bin", len(body))
    write = WriteBehind._write

    def slow(self: WriteBehind, data: bytes) -> None:
        time.sleep(0.01)
        write(self, data)

    monkeypatch.setattr(WriteBehind, "_write", slow)
    request = connection.begin(len(body))
    sending = connection.send(body)
    staged.take(request, len(body))
    sending.join(10)
    assert (tmp_path / "part").read_bytes() == body, SEED
    assert staged.confirmed.sha256 == hashlib.sha256(body).hexdigest()


def test_a_cut_gives_what_came(connection: Connection) -> None:
    request = connection.begin(3 * PIECE_BYTES)
    sending = connection.send(bytes(PIECE_BYTES + 5), end=connection.client.close)
    assert received(request, 3 * PIECE_BYTES) == bytes(PIECE_BYTES + 5)
    sending.join(10)


def test_a_connection_that_breaks_is_told_and_not_used_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listens:
        broken = Connection()
        broken.close()
        broken.client = socket.create_connection(listens.getsockname())
        broken.server = listens.accept()[0]
    broken.parser = RequestParser(Config(), broken.server, ("", 0))
    request = broken.begin(3 * PIECE_BYTES)
    sending = broken.send(bytes(PIECE_BYTES), end=broken.reset)
    with pytest.raises(UnreadablePostError):
        received(request, 3 * PIECE_BYTES)
    sending.join(10)
    assert not broken.parser.finish_body()
    broken.server.close()


def test_another_server_is_asked_as_wsgi_has_it(connection: Connection) -> None:
    request = connection.begin(3 * PIECE_BYTES)
    del request.META["gunicorn.socket"]
    sending = connection.send(bytes(3 * PIECE_BYTES), NEXT)
    assert received(request, 3 * PIECE_BYTES) == bytes(3 * PIECE_BYTES)
    sending.join(10)
    assert is_next(connection)
