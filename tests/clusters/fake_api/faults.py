"""Faults for the fault proxy: each makes a function that deals with one request."""

import gzip
import itertools
import json

from tests.clusters.fake_api.fault_proxy import Exchange, Fault


def delay(seconds: float) -> Fault:
    """The request reaches the server late, the answer the caller."""

    def strike(exchange: Exchange) -> None:
        exchange.wait(seconds)
        exchange.pass_on()

    return strike


def hold() -> Fault:
    """The request reaches the server when the test releases it, whoever still waits for it."""

    def strike(exchange: Exchange) -> None:
        exchange.wait()
        with exchange.forward() as answer:
            answer.read()
        exchange.hang_up()

    return strike


def hang() -> Fault:
    """A black hole: the request never arrives, no answer comes."""

    def strike(exchange: Exchange) -> None:
        exchange.wait()
        exchange.hang_up()

    return strike


def reset() -> Fault:
    """The connection breaks before the request arrives."""
    return Exchange.hang_up


def drop_reply() -> Fault:
    """The request arrives, the answer is lost."""

    def strike(exchange: Exchange) -> None:
        with exchange.forward() as answer:
            answer.read()
        exchange.hang_up()

    return strike


def bad_gateway() -> Fault:
    """The request arrives, a proxy between says 502."""

    def strike(exchange: Exchange) -> None:
        with exchange.forward() as answer:
            answer.read()
        exchange.handler.send(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"})

    return strike


def answer(status: int, headers: dict[str, str] | None = None, body: bytes | None = None) -> Fault:
    """This instead; the request does not arrive."""
    told = {"kind": "Status", "status": "Failure", "message": f"a fault: {status}", "code": status}
    content = json.dumps(told).encode() if body is None else body
    return lambda exchange: exchange.handler.send(status, content, headers)


def redirect(location: str) -> Fault:
    return answer(307, {"Location": location})


def huge(size: int) -> Fault:
    """A body of so many bytes."""

    def strike(exchange: Exchange) -> None:
        exchange.handler.begin_stream()
        exchange.handler.chunk(b'{"items": ["')
        for _ in range(size // 65536):
            exchange.handler.chunk(b"x" * 65536)
        exchange.handler.chunk(b'"]}')
        exchange.handler.chunk(b"")

    return strike


def gzip_bomb(size: int) -> Fault:
    """A few kilobytes that would unfold to `size` bytes, in an encoding nobody asked for."""
    return answer(200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * size + b"{}"))


def drip(gap: float, *, in_headers: bool = False) -> Fault:
    """One byte at a time, for ever; never a silence longer than `gap`."""

    def strike(exchange: Exchange) -> None:
        handler = exchange.handler
        if in_headers:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            handler.wfile.flush()
        else:
            handler.begin_stream()
        while not exchange.proxy.released.wait(gap):
            if in_headers:
                handler.wfile.write(b"x")
                handler.wfile.flush()
            else:
                handler.chunk(b" ")

    return strike


def endless_headers() -> Fault:
    def strike(exchange: Exchange) -> None:
        handler = exchange.handler
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in itertools.count():
            if exchange.proxy.is_stopping or number > 100_000:
                break
            handler.wfile.write(b"X-%d: %b\r\n" % (number, b"x" * 1000))
        handler.wfile.flush()

    return strike


def silent_watch(after: int = 0) -> Fault:
    """So many events pass, then the open connection says nothing any more: half-open."""

    def strike(exchange: Exchange) -> None:
        with exchange.forward() as answer:
            exchange.handler.begin_stream()
            for line in itertools.islice(answer, after):
                exchange.handler.chunk(line)
            exchange.wait()
        exchange.hang_up()

    return strike


def cut_watch(after: int = 1) -> Fault:
    """So many events pass; the next one breaks in the middle."""

    def strike(exchange: Exchange) -> None:
        with exchange.forward() as answer:
            exchange.handler.begin_stream()
            for number, line in enumerate(answer):
                if number >= after:
                    exchange.handler.chunk(line[: len(line) // 2])
                    break
                exchange.handler.chunk(line)
        exchange.hang_up()

    return strike


def rewrite_watch(change) -> Fault:
    """`change` gives the lines that are sent for one: replayed, reordered, garbled."""

    def strike(exchange: Exchange) -> None:
        with exchange.forward() as answer:
            exchange.handler.begin_stream()
            for line in answer:
                for each in change(line):
                    exchange.handler.chunk(each)
            exchange.handler.chunk(b"")

    return strike
