"""What goes to many is written straight to their connections, and is the same as what goes step by step."""

import asyncio
import http.client
import socket
import threading
import time
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie

import pytest
import uvicorn
from django.conf import settings as django_settings
from django.core.handlers.asgi import ASGIHandler

from jobs.live import board as board_module
from jobs.live import feed, views
from jobs.live.board import board
from jobs.live.pieces import Piece
from jobs.live.protocol import BoundedProtocol, Wire, framed
from jobs.live.viewer import Viewer
from jobs.output.outputlog import Place
from portal import settings_live
from tests.bench.swarm import stalled
from tests.jobs.live.live_reader import do, parse, session_of
from tests.jobs.output_writer import finish, store
from tests.up.portal_process import free_port

pytestmark = pytest.mark.django_db(transaction=True)
VIEWERS, LINES = 12, 150


@pytest.fixture
def wired(monkeypatch):
    """Chunks by the short way: how many were offered and how many went."""
    count = {"offered": 0, "sent": 0}
    real = Wire.write

    def write(wire, chunk):
        sent = real(wire, chunk)
        count["offered"] += 1
        count["sent"] += sent
        return sent

    monkeypatch.setattr(Wire, "write", write)
    return count


@pytest.fixture
def application(settings):
    settings.MIDDLEWARE = settings_live.MIDDLEWARE
    settings.ROOT_URLCONF = settings_live.ROOT_URLCONF
    return ASGIHandler()


@asynccontextmanager
async def served(application):
    """The server of the live process, in this process; its port."""
    port = free_port()
    protocol = "jobs.live.protocol:BoundedProtocol"
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            port=port,
            http=protocol,
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
    )
    task = asyncio.ensure_future(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        board().close()
        server.should_exit = True
        await task


def cookie_of(session_key):
    return SimpleCookie({django_settings.SESSION_COOKIE_NAME: session_key}).output(header="").strip()


class Browser(threading.Thread):
    """Reads a stream to its end; `http.client` refuses a chunk that is not framed right. May doze off at first."""

    def __init__(self, port, path, session_key, dozes=0.0):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.sock = socket.socket()
        self.connection.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, 4096
        )  # it holds little back for us
        self.connection.sock.connect(("127.0.0.1", port))
        self.connection.request("GET", path, headers={"Cookie": cookie_of(session_key), "Host": "localhost"})
        self.dozes, self.data = dozes, b""
        self.start()

    def run(self):
        answer = self.connection.getresponse()
        time.sleep(self.dozes)
        while piece := answer.read1(65536):
            self.data += piece
        self.connection.close()

    @property
    def events(self):
        return [
            parse(part + b"\n\n")
            for part in self.data.split(b"\n\n")
            if part and not part.startswith(b"retry")
        ]

    @property
    def text(self):
        told = [event for event in self.events if event.kind == "message"]
        return "".join(text for event in told for name, text in event.data["chunks"] if name == "out")


async def joined(many):
    async with asyncio.timeout(20):
        while (
            sum(len(one.members) for feeds in board().feeds._of_job.values() for one in feeds.values()) < many
        ):
            await asyncio.sleep(0.01)


def test_all_get_the_same_by_both_ways(running, alice, application, wired, monkeypatch):
    """Some doze, and some come late: those go step by step until they are with the others again."""
    monkeypatch.setattr(feed, "BATCH_SECONDS", 0.002)
    job, attempt = running
    key, path = session_of(alice), f"/live/jobs/{job.pk}/output"
    lines = [f"line {number} {'é' * (number % 90) * 200}\n" for number in range(LINES)]
    browsers = []

    async def watch():
        async with served(application) as port:
            for number in range(VIEWERS):
                browsers.append(await do(Browser, port, path, key, 1.5 if number % 3 == 0 else 0.0))
            await joined(VIEWERS)
            for number, line in enumerate(lines):
                await do(store, attempt, line)
                if number % 50 == 25:
                    browsers.append(await do(Browser, port, path, key))
                await asyncio.sleep(0.004)
            await do(finish, job, 0)
            for browser in browsers:
                await do(browser.join, 60)

    asyncio.run(watch())
    assert {browser.text for browser in browsers} == {"".join(lines)}
    assert {browser.events[-1].kind for browser in browsers} == {"end"}
    places = [[event.place for event in browser.events if event.place] for browser in browsers]
    assert all(len(set(each)) == len(each) for each in places)
    assert wired["sent"] > VIEWERS


def test_a_browser_that_does_not_read_is_not_written_to(running, alice, application, wired):
    job, attempt = running
    key, path = session_of(alice), f"/live/jobs/{job.pk}/output"

    async def watch():
        async with served(application) as port:
            with stalled(("127.0.0.1", port), path, cookie_of(key)):
                await joined(1)
                async with asyncio.timeout(60):
                    while wired["offered"] == wired["sent"]:
                        await do(store, attempt, "x" * 30_000 + "\n")
                # It is behind now: the next ones are not even offered.
                before = dict(wired)
                await do(store, attempt, "y\n")
                await asyncio.sleep(0.3)
                assert wired == before

    asyncio.run(watch())


@pytest.fixture
def connections(monkeypatch):
    """The server's side of each, as they come, and whether it is closed."""
    made, lost = [], asyncio.Event()
    connection_made, connection_lost = BoundedProtocol.connection_made, BoundedProtocol.connection_lost

    def make(protocol, transport):
        made.append(protocol)
        connection_made(protocol, transport)

    def lose(protocol, error):
        connection_lost(protocol, error)
        lost.set()

    monkeypatch.setattr(BoundedProtocol, "connection_made", make)
    monkeypatch.setattr(BoundedProtocol, "connection_lost", lose)
    monkeypatch.setattr(board_module, "RIGHTS_SECONDS", 0.05)
    return made, lost


async def stuck(connections):
    """Until nothing has been taken from the first one's buffer for a while."""
    quiet = 0
    async with asyncio.timeout(40):
        while quiet < 25:
            await asyncio.sleep(0.02)
            quiet = quiet + 1 if connections and connections[0].flow.write_paused else 0


@pytest.mark.parametrize("what", ["output", "changes"])
def test_whoever_reads_nothing_is_cut_off_with_the_right(
    running, alice, application, connections, monkeypatch, what
):
    made, lost = connections
    monkeypatch.setattr(board_module, "GOODBYE_SECONDS", 0.1)
    job, attempt = running
    path = {"output": f"/live/jobs/{job.pk}/output", "changes": f"/live/changes?ids={job.pk}"}[what]
    if what == "output":
        for _ in range(12):
            store(attempt, "x" * 2**20 + "\n")
    else:
        monkeypatch.setattr(views, "HEARTBEAT", b": " + b"x" * 100_000 + b"\n\n")
        monkeypatch.setattr(views, "HEARTBEAT_SECONDS", 0.0)
    cookie = cookie_of(session_of(alice))

    async def watch():
        async with served(application) as port:
            with stalled(("127.0.0.1", port), path, cookie):
                await stuck(made)
                assert board().streams()[what] == 1
                assert not lost.is_set()
                await do(alice.memberships.all().delete)
                async with asyncio.timeout(20):
                    await lost.wait()
                    while board().streams()[what]:
                        await asyncio.sleep(0.01)
                assert made[0].transport.get_write_buffer_size() == 0

    asyncio.run(watch())


def test_whoever_reads_is_told_and_nothing_follows_on_that_connection(
    running, alice, application, connections
):
    """Not even the answer to what was asked meanwhile: the connection is cut a moment later."""
    job, _ = running
    cookie = cookie_of(session_of(alice))
    asks = f"GET /live/jobs/{job.pk}/output HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"

    async def watch():
        async with served(application) as port, asyncio.timeout(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(asks.encode() * 2)
            await reader.readuntil(b"retry: 1000")
            await do(alice.memberships.all().delete)
            said = await reader.read()
            writer.close()
            return said

    said = asyncio.run(watch())
    assert said.endswith(b"event: closed\ndata: {}\n\n\r\n0\r\n\r\n")
    assert b"HTTP/1.1" not in said


def test_a_chunk_says_how_long_it_is():
    assert framed(b"data: 12345\n\n") == b"d\r\ndata: 12345\n\n\r\n"
    assert framed("é".encode() * 200)[:5] == b"190\r\n"


class Tape:
    """A wire that keeps what is written."""

    def __init__(self):
        self.chunks = []

    def write(self, chunk):
        self.chunks.append(chunk)
        return True


def test_only_who_waits_for_just_this_piece_gets_it_at_once():
    piece = Piece(Place(1, 0), Place(2, 0), b"data: x\n\n")

    async def watch():
        alarm, tape = asyncio.Event(), Tape()
        viewer = Viewer(Place(1, 0), alarm, tape)
        viewer.cursor, viewer.feed = 4, object()
        viewer.offer(4, piece, b"busy")
        resting = asyncio.ensure_future(viewer.rest())
        await resting  # woken at once: it was offered something
        resting = asyncio.ensure_future(viewer.rest())
        await asyncio.sleep(0)
        viewer.offer(4, piece, b"at rest")
        assert (viewer.cursor, viewer.place, resting.done()) == (5, Place(2, 0), False)
        viewer.offer(7, piece, b"a later one")
        await resting
        assert (viewer.cursor, tape.chunks) == (5, [b"at rest"])

    asyncio.run(asyncio.wait_for(watch(), 10))


def test_nothing_is_read_ahead_for_a_browser_that_is_behind(monkeypatch):
    asked = []

    class Behind(Tape):
        async def ready(self):
            await asyncio.Event().wait()

    class Elsewhere:
        """A feed that is at another place."""

        def border(self, place):
            return None

    async def read(*question):
        asked.append(question)

    async def watch():
        viewer = Viewer(Place(), asyncio.Event(), Behind())
        viewer.feed = Elsewhere()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await viewer.read()

    monkeypatch.setattr("jobs.live.viewer.read", read)
    asyncio.run(watch())
    assert asked == []
