"""The floor: an asyncio client that posts Jobs and reads one watch of pods. It stores nothing.

Run as a process of its own: a JSON order comes in on standard input, one line of JSON per event goes out.
"""

import asyncio
import json
import resource
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

CONNECTIONS = 16
OVER = ("Succeeded", "Failed")


class Line:
    """One kept-alive connection to the API server."""

    def __init__(self, order: dict[str, Any]) -> None:
        url = urlsplit(order["server"])
        self.host, self.port = url.hostname or "", url.port or 443
        self.tls = ssl.create_default_context(cadata=order["ca"])
        self.head = (
            f"Host: {url.netloc}\r\nAuthorization: Bearer {order['token']}\r\nAccept: application/json\r\n"
        )

    async def open(self) -> "Line":
        # A watch's line is a whole object.
        self.reader, self.writer = await asyncio.open_connection(
            self.host, self.port, ssl=self.tls, limit=1 << 22
        )
        return self

    async def post(self, path: str, body: bytes) -> bytes:
        head = f"POST {path} HTTP/1.1\r\n{self.head}Content-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status, headers = await self._answer()
        answer = await self._body(headers)
        assert status == 201, (status, answer[:500])
        return answer

    async def watch(self, path: str) -> AsyncIterator[dict[str, Any]]:
        """The events; the first thing given is {} once the server has agreed."""
        self.writer.write(f"GET {path} HTTP/1.1\r\n{self.head}\r\n".encode())
        status, _ = await self._answer()
        assert status == 200, status
        yield {}
        rest = b""
        while True:
            lines = (rest + await self._chunk()).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield json.loads(line)

    async def _answer(self) -> tuple[int, dict[str, str]]:
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in raw[1:] if line)
        return int(raw[0].split(" ", 2)[1]), headers

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        pieces = []
        while piece := await self._chunk():
            pieces.append(piece)
        return b"".join(pieces)

    async def _chunk(self) -> bytes:
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        piece = await self.reader.readexactly(size)
        await self.reader.readexactly(2)
        return piece


def pods(order: dict[str, Any], wanted: str = "") -> str:
    return f"/api/v1/namespaces/{order['namespace']}/pods?watch=1{wanted}"


async def submit(order: dict[str, Any]) -> dict[str, Any]:
    """Every Job posted, and its pod over: seconds from the first request to the last end.

    Where the order has "secrets", each Job gets the one of its name, as its owner.
    """
    began = time.monotonic()
    names, secrets = {manifest["metadata"]["name"] for manifest in order["jobs"]}, order.get("secrets", {})
    phases: dict[str, str] = {}
    is_open, is_done = asyncio.Event(), asyncio.Event()
    todo = iter(order["jobs"])

    async def follow() -> None:
        line = await Line(order).open()
        async for event in line.watch(pods(order)):
            if not event:
                is_open.set()
                continue
            pod = event["object"]
            name, phase = pod["metadata"]["labels"].get("job-name"), pod["status"].get("phase")
            if name in names and phase in OVER and name not in phases:
                phases[name] = phase
                if len(phases) == len(names):
                    is_done.set()

    async def post() -> None:
        line = await Line(order).open()
        for manifest in todo:
            made = await line.post(
                f"/apis/batch/v1/namespaces/{order['namespace']}/jobs", json.dumps(manifest).encode()
            )
            if secret := secrets.get(manifest["metadata"]["name"]):
                secret["metadata"]["ownerReferences"][0]["uid"] = json.loads(made)["metadata"]["uid"]
                await line.post(
                    f"/api/v1/namespaces/{order['namespace']}/secrets", json.dumps(secret).encode()
                )

    following = asyncio.create_task(follow())
    await is_open.wait()
    await asyncio.gather(*(post() for _ in range(CONNECTIONS)))
    waiting = asyncio.create_task(is_done.wait())
    await asyncio.wait([following, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=order["patience"])
    seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "phases": phases}


async def follow(order: dict[str, Any]) -> None:
    """A bare watch of other people's pods: a line for each phase that is new, with the time of its arrival."""
    line = await Line(order).open()
    phases: dict[str, str] = {}
    async for event in line.watch(pods(order)):
        if not event:
            print(json.dumps({"open": True}), flush=True)
            continue
        at = time.time()
        metadata, phase = event["object"]["metadata"], event["object"]["status"].get("phase")
        job = metadata["labels"].get("stellwerk/job")
        if phases.get(metadata["name"]) != phase:
            phases[metadata["name"]] = phase
            print(json.dumps({"at": at, "job": job, "phase": phase}), flush=True)


async def count(order: dict[str, Any]) -> None:
    """A line for every Job that comes into being: its name and uid."""
    line = await Line(order).open()
    line.head += "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1\r\n"
    async for event in line.watch(f"/apis/batch/v1/namespaces/{order['namespace']}/jobs?watch=1"):
        if not event:
            print(json.dumps({"open": True}), flush=True)
        elif event["type"] == "ADDED":
            metadata = event["object"]["metadata"]
            print(json.dumps({"name": metadata["name"], "uid": metadata["uid"]}), flush=True)


def main() -> None:
    order = json.loads(sys.stdin.read())
    if order["what"] in ("follow", "count"):
        asyncio.run({"follow": follow, "count": count}[order["what"]](order))
    else:
        print(json.dumps(asyncio.run(submit(order))))


class Following:
    """The client as a process whose lines are read behind the caller's back. `lines` has all that came so far."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.lines: list[dict[str, Any]] = []
        command = [sys.executable, "-m", "tests.bench.kubernetes.bare"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order))
        self._process.stdin.close()
        assert self._process.stdout
        assert json.loads(self._process.stdout.readline()) == {"open": True}
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def __enter__(self) -> "Following":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reading.join()
        assert self._process.stdout
        self._process.stdout.close()


if __name__ == "__main__":
    main()
