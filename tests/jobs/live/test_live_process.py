"""The live process itself, under many streams: small, quick to stop, and no burden to the database."""

import asyncio
import http.client
import json
import signal
import time
from contextlib import asynccontextmanager, closing

import psutil
import pytest
from django.db import connection

from jobs import hints
from jobs.output import outputlog
from tests.jobs.live.live_reader import session_of

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
STREAMS = 200
KIB_A_STREAM = 80
PATIENCE = 60


@asynccontextmanager
async def streams(site, key, paths):
    """Connections to the live process itself, each with a stream that has begun."""
    opened = []
    try:
        for path in paths:
            reader, writer = await asyncio.open_unix_connection(site.run / "live.sock", limit=2**24)
            opened.append((reader, writer))
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: sessionid={key}\r\n\r\n".encode())
        for reader, _ in opened:
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readuntil(b"retry:")
            assert head.startswith(b"HTTP/1.1 200")
        yield opened
    finally:
        for _, writer in opened:
            writer.close()


def memory_kib(site):
    return psutil.Process(site.processes["live"].pid).memory_info().rss / 1024


def connections_of(site):
    """How many connections to the database all processes of the site hold now, beside this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


def restart(site):
    process = site.processes["live"]
    if process.popen and process.popen.poll() is None:
        process.popen.kill()
        process.popen.wait()
    site.start("live")


def test_two_hundred_streams_cost_little_memory_and_no_connections(site, running, alice, capsys):
    job, attempt = running
    key = session_of(alice)
    restart(site)
    output, changes = f"/live/jobs/{job.pk}/output", f"/live/changes?ids={job.pk}"

    async def measure():
        # The first ones pay for what is loaded once.
        async with streams(site, key, [output, changes] * 5):
            await asyncio.sleep(3)
        await asyncio.sleep(1)
        before = memory_kib(site)
        async with streams(site, key, [output, changes] * (STREAMS // 2)) as opened:
            began = time.monotonic()
            outputlog.append(attempt.pk, "stdout", 0, b"hello\n")
            await asyncio.to_thread(hints.announce, job.pk, "output")
            for reader, _ in opened[::2]:
                async with asyncio.timeout(PATIENCE):
                    await reader.readuntil(b"hello")
            told = time.monotonic() - began
            await asyncio.sleep(3)
            threads = psutil.Process(site.processes["live"].pid).num_threads()
            return (memory_kib(site) - before) / STREAMS, told, threads

    each, told, threads = asyncio.run(measure())
    with capsys.disabled():
        print(
            f"\n{STREAMS} streams: {each:.0f} KiB each, {threads} threads, "
            f"a line reaches 100 of them in {told:.2f} s"
        )
    assert each <= KIB_A_STREAM
    assert threads < 40
    assert connections_of(site) < 40  # the pools of web and live, not one for each stream


def test_a_slow_reader_costs_no_memory(site, running, alice):
    job, attempt = running
    for at in range(0, 64 * 1024 * 1024, 1024 * 1024):
        outputlog.append(attempt.pk, "stdout", at, b"x" * 1023 * 1024 + b"\n" * 1024)
    key = session_of(alice)
    restart(site)

    async def measure():
        async with streams(site, key, [f"/live/jobs/{job.pk}/output"]):
            await asyncio.sleep(1)
        before = memory_kib(site)
        async with streams(site, key, [f"/live/jobs/{job.pk}/output"] * 20):
            await asyncio.sleep(4)  # nobody reads on
            return memory_kib(site) - before

    assert asyncio.run(measure()) < 20 * 1024
    outputlog.delete(attempt.pk)


def test_a_hundred_thousand_lines_arrive_quickly_and_whole(site, running, alice):
    job, attempt = running
    text = b"".join(b"line %d of the output of a script\n" % number for number in range(100_000))
    for at in range(0, len(text), 50_000):
        outputlog.append(attempt.pk, "stdout", at, text[at : at + 50_000])
    received, began = 0, time.monotonic()
    with closing(http.client.HTTPConnection(*site.url.removeprefix("http://").split(":"), PATIENCE)) as front:
        front.request(
            "GET", f"/live/jobs/{job.pk}/output", headers={"Cookie": f"sessionid={session_of(alice)}"}
        )
        answer = front.getresponse()
        while received < len(text):
            line = answer.readline()
            if line.startswith(b"data: "):
                received += sum(len(text) for _, text in json.loads(line[6:])["chunks"])
    assert received == len(text)
    assert time.monotonic() - began < 20


def test_it_stops_at_once_with_streams_open(site, running, alice):
    job, _ = running
    key = session_of(alice)

    async def stop():
        async with streams(site, key, [f"/live/jobs/{job.pk}/output", f"/live/changes?ids={job.pk}"] * 10):
            began = time.monotonic()
            process = site.processes["live"].popen
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, PATIENCE)
            return time.monotonic() - began

    try:
        # Well below uvicorn's own patience of two seconds, where streams do not hang up by themselves.
        assert asyncio.run(stop()) < 2.0
    finally:
        restart(site)
