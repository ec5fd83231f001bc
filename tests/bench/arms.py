"""What the arms of the benches with many event streams share: processes beside the portal, CPU and page loads."""

import asyncio
import multiprocessing
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import psutil
import requests

from tests.bench.report import BASE

Address = tuple[str, int]


@contextmanager
def plain_server(*arguments: str) -> Iterator[tuple[Address, int]]:
    """tests/bench/plain_server.py as a process: its address and process id."""
    command = [sys.executable, "-m", "tests.bench.plain_server", *arguments]
    with subprocess.Popen(command, cwd=BASE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield ("127.0.0.1", int(process.stdout.readline())), process.pid
        finally:
            process.kill()


def cpu_seconds(pid: int) -> float:
    """Of a process and its children."""
    whole = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:2]) for each in (whole, *whole.children(recursive=True)))


def numbers(url: str, token: str) -> dict[str, float]:
    """The live process's own metrics, by name with labels."""
    headers = {"Authorization": f"Bearer {token}"}
    text = requests.get(f"{url}/live/metrics", headers=headers, timeout=30).text
    return {name: float(value) for name, value in re.findall(r"^(stellwerk\S+) (\S+)$", text, re.M)}


class Reloaders:
    """People who reload pages, each every `pause` seconds, from a process of their own; `stop` gives the times."""

    def __init__(self, address: Address, cookie: str, paths: list[str], people: int, pause: float) -> None:
        self._here, there = multiprocessing.Pipe()
        arguments = (there, address, cookie, paths, people, pause)
        self._process = multiprocessing.get_context("spawn").Process(target=_reload, args=arguments)
        self._process.start()

    def stop(self) -> list[float]:
        self._here.send(None)
        assert self._here.poll(120), "the reloading people do not answer"
        times = self._here.recv()
        self._process.join()
        return list(times)


def _reload(
    there: Connection, address: Address, cookie: str, paths: list[str], people: int, pause: float
) -> None:
    times: list[float] = []

    async def person(number: int) -> None:
        await asyncio.sleep(number / people * pause)
        while not there.poll():
            began = time.monotonic()
            await _get(address, paths[number % len(paths)], cookie)
            times.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, began + pause - time.monotonic()))

    async def all_people() -> None:
        await asyncio.gather(*(person(number) for number in range(people)))

    asyncio.run(all_people())
    there.send(times)


async def _get(address: Address, path: str, cookie: str) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode())
    answer = await reader.read()
    while more := await reader.read():
        answer += more
    writer.close()
    assert b" 200 " in answer[:20], answer[:200]
