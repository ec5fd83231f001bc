"""The least that a server of event streams can do, as a process of its own: `python -m tests.bench.plain_server`.

`fanout <topics> <lines a second>`: writes each line of a topic to all who asked for /<topic>. `follow <folder>`:
sends what is appended to the file <folder>/<topic>. Both print their port. They know no people, rights or places.
"""

import asyncio
import ctypes
import os
import struct
import sys
import time
from collections import defaultdict
from pathlib import Path

import uvloop

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 1000\n\n"
IN_MODIFY = 2
EVENT = struct.Struct("iIII")


class Server:
    """Who asked for what."""

    def __init__(self) -> None:
        self.writers: dict[str, set[asyncio.StreamWriter]] = defaultdict(set)

    async def serve(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=2000)
        print(server.sockets[0].getsockname()[1], flush=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        topic = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode().strip("/")
        writer.write(HEAD)
        self.writers[topic].add(writer)
        try:
            await reader.read()
        finally:
            self.writers[topic].discard(writer)
            writer.close()

    def send(self, topic: str, number: int, text: str) -> None:
        event = f'id: {number},0\ndata: {{"chunks":[["out","{text}"]]}}\n\n'.encode()
        for writer in self.writers[topic]:
            writer.write(event)


async def fanout(topics: int, rate: float) -> None:
    server = Server()
    await server.serve()

    async def talk(topic: int) -> None:
        begin, number = time.time() + topic / topics / rate, 0
        while True:
            await asyncio.sleep(max(0.0, begin + number / rate - time.time()))
            server.send(str(topic), number, f"L {number} {time.time():.6f}\\n")
            number += 1

    await asyncio.gather(*(talk(topic) for topic in range(topics)))


async def follow(folder: Path) -> None:
    server = Server()
    await server.serve()
    libc = ctypes.CDLL(None, use_errno=True)
    notify = libc.inotify_init1(0)
    files = {}
    for path in sorted(folder.iterdir()):
        files[libc.inotify_add_watch(notify, str(path).encode(), IN_MODIFY)] = path.name, path.open("rb")

    def changed() -> None:
        data = open_notify.read(65536)
        for at in range(0, len(data), EVENT.size):
            topic, file = files[EVENT.unpack_from(data, at)[0]]
            if text := file.read().decode():
                server.send(topic, file.tell(), text.replace("\n", "\\n"))

    with os.fdopen(notify, "rb", buffering=0) as open_notify:
        asyncio.get_running_loop().add_reader(notify, changed)
        await asyncio.Event().wait()


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    uvloop.run(
        fanout(int(arguments[0]), float(arguments[1])) if what == "fanout" else follow(Path(arguments[0]))
    )
