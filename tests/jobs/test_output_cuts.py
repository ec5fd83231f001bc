"""What the script wrote is what is stored, wherever the way there breaks: 100 random cuts, and a store that dies."""

import hashlib
import itertools
import random
import time

import pytest

from jobs.output import holes, outputlog
from jobs.output.holes import Contradiction, Hole
from jobs.output.outputlog import RECORD, STREAMS, Gap, Reader, Told, append, extents, folder_of
from runner import shipping
from runner.collect import Collector
from runner.order import OrderWriter
from runner.portal_client import PortalClient, PortalRefused
from runner.volume import Volume
from tests.cutting_proxy import OneWayCuttingProxy
from tests.jobs.intake_caller import Runner, sha256

NUMBER = 4_200_001


def output_of(dice, size):
    """Lines, bars, long lines, bytes that are no text, and a last line without an end."""
    parts, length = [], 0
    while length < size:
        parts.append(
            dice.choice(
                [
                    b"line %d\n" % length,
                    b"\r%3d %%" % (length % 100),
                    "größe 🙂\n".encode(),
                    dice.randbytes(dice.randint(1, 300)),
                    b"y" * dice.randint(1, 4000) + b"\n",
                ]
            )
        )
        length += len(parts[-1])
    return b"".join(parts)


def filled(number, stream, written):
    """The stored stream with its holes filled from what was written."""
    stored, whole, at = (folder_of(number) / f"{stream}.log").read_bytes(), b"", 0
    for hole in extents(number)[stream].holes:
        whole += stored[at : hole.at]
        whole += written[len(whole) : len(whole) + hole.size]
        at = hole.at
    return whole + stored[at:]


def indexed(number, stream):
    """Where the pieces of the stream follow each other in the index without gap and overlap: up to which byte."""
    at = 0
    for which, offset, length in RECORD.iter_unpack((folder_of(number) / "order.idx").read_bytes()):
        if STREAMS[which] == stream:
            assert offset == at
            at += length
    return at


def text_of(number, stream):
    reader, text = Reader(number), ""
    while some := reader.read():
        text += "".join(part for name, part in some if name == stream)
    return text + "".join(part for name, part in reader.finish() if name == stream)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(shipping, "LARGEST_CHUNK", 3000)
    monkeypatch.setattr(PortalClient, "_rest", lambda self, *_: time.sleep(0.001))


# The network


class Away:
    """One attempt at the real intake, and a collector that reaches it through a network that breaks."""

    def __init__(self, attempt, url, root, limit):
        self.attempt, self.volume = attempt, Volume(root)
        self.proxy = OneWayCuttingProxy(tuple_of(url))
        client = PortalClient(self.proxy.url, attempt.token, time.monotonic() + 60)
        claim = {"limits": {"output_bytes": limit, "result_bytes": 0, "result_files": 0}}
        self.collector = Collector(client, self.volume, claim, Runner(attempt).uid, None)
        self.volume.work_dir.mkdir(parents=True)

    def run(self, dice, written, order=None):
        """The script writes in pieces while the collector ships; then the end and the manifest.

        With `order` it is noted, as the pump does, and it gets every piece.
        """
        places = dict.fromkeys(STREAMS, 0)
        noted = OrderWriter(self.volume.order, places, 1 << 30) if order is not None else None
        while any(places[stream] < len(written[stream]) for stream in STREAMS):
            stream = dice.choice(STREAMS)
            end = places[stream] + dice.randint(1, 20_000)
            if noted:  # lines are kept together, so that only their order can be told
                end = written[stream].find(b"\n", end) + 1 or len(written[stream])
            piece = written[stream][places[stream] : end]
            if noted and piece:
                noted.turn_to(stream, places)
                order.append((stream, piece))
            places[stream] += len(piece)
            with self.volume.log(stream).open("ab") as log:
                log.write(piece)
            if noted is None or dice.random() < 0.3:
                self.collector.tick(0)
        if noted:
            noted.end(places)
        self.collector.settle({})
        self.collector.report_ended({"exit_code": 0, "signal": None, "ended_at": time.time()})
        self.collector.deliver()
        self.collector.client.close()
        self.proxy.close()


def tuple_of(url):
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def merged_of(number):
    """The streams' bytes in the order of the index, neighbours of a stream as one."""
    logs = {stream: (folder_of(number) / f"{stream}.log").read_bytes() for stream in STREAMS}
    records = RECORD.iter_unpack((folder_of(number) / "order.idx").read_bytes())
    return joined((STREAMS[which], logs[STREAMS[which]][at : at + length]) for which, at, length in records)


def joined(pieces):
    groups = itertools.groupby(pieces, key=lambda piece: piece[0])
    return [(stream, b"".join(data for _, data in group)) for stream, group in groups]


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.django_db(transaction=True)
def test_a_hundred_cuts_at_random_bytes_of_requests_and_answers_change_no_byte(
    live_server, make_job, make_attempt, small_chunks, tmp_path, in_order
):
    """Without a known order each stream has requests of its own, with it both go together."""
    made = together = 0
    for seed in range(11):
        dice = random.Random(seed)
        attempt = make_attempt(make_job(status="running"))
        for answer in (Runner(attempt).claim(), Runner(attempt).started()):
            assert answer.status_code == 200
        limit = dice.choice([1 << 30, 30_001])
        away = Away(attempt, live_server.url, tmp_path / str(seed), limit)
        away.proxy.cuts = [
            ("up", dice.randint(0, 4000)) if dice.random() < 0.8 else ("down", dice.randint(0, 300))
            for _ in range(12)
        ]
        written = {stream: output_of(dice, dice.randint(28_000, 40_000)) for stream in STREAMS}
        order = [] if in_order else None
        away.run(dice, written, order)
        made += away.proxy.made
        together += sum(b"turns=" in line for line in away.proxy.asked)
        attempt.refresh_from_db()
        assert attempt.collected_at is not None
        assert not [flag for flag in attempt.skipped if "not what the script wrote" in flag["why"]], seed
        for stream in STREAMS:
            assert sha256(filled(attempt.pk, stream, written[stream])) == sha256(written[stream]), (
                seed,
                stream,
            )
            assert (len(extents(attempt.pk)[stream].holes) == 1) is (len(written[stream]) > limit)
        if in_order and limit > 1 << 20:
            assert merged_of(attempt.pk) == joined(order), seed
        outputlog.delete(attempt.pk)
    assert made >= 100
    assert (together > 0) is in_order


# The store


class Died(BaseException):
    """The portal's process is killed here."""


class DyingStore:
    """In the place of the client: the intake's store, that dies, repeats and mixes up at random."""

    def __init__(self, dice, monkeypatch):
        self.dice, self.patch = dice, monkeypatch
        self.late: list = []
        self.deaths = self.refusals = 0

    def send(self, request):
        while True:
            if self.late and self.dice.random() < 0.3:  # an earlier request, held up somewhere, arrives now
                self._store(self.dice.choice(self.late), is_repeat=True)
            try:
                with self.patch.context() as patch:
                    if self.dice.random() < 0.4:
                        self._arm(patch)
                    answer = self._store(request)
            except Died:
                self.deaths += 1
                continue
            self.late = [*self.late, request][-4:]
            if self.dice.random() < 0.2:  # the answer is lost: asked again
                continue
            return answer

    def _store(self, request, is_repeat=False):
        path, _, query = request.path.partition("?")
        told = dict(part.split("=") for part in query.split("&"))
        at, size, why = told["hole"].split(",") if "hole" in told else ("", "", "")
        hole = Hole(int(at), int(size), why) if why else None
        stream = path.rpartition("/")[2]
        try:
            stored = append(
                NUMBER, stream, int(told["offset"]), request.body, Told(int(told["written"]), hole)
            )
        except Gap as gap:
            self.refusals += 1
            if not is_repeat:
                raise PortalRefused(409, {"size": gap.size}) from gap
        except Contradiction as other:
            self.refusals += 1
            if not is_repeat:
                raise PortalRefused(409, {"size": other.size, "holes": other.holes}) from other
        else:
            return {"size": stored, "holes": [list(hole) for hole in extents(NUMBER)[stream].holes]}

    def _arm(self, patch):
        """Die within the bytes, between bytes and index, within the index, or around the record of a hole."""
        whole_write, record, keep, dice = outputlog._write_all, outputlog._record, holes._keep, self.dice

        def half_the_bytes(descriptor, data, size):
            whole_write(descriptor, data[: dice.randint(0, len(data))], size)
            raise Died

        def no_index(*_):
            raise Died

        def half_a_record(folder, stream, size):
            record(folder, stream, size)
            with (folder / "order.idx").open("ab") as index:
                index.write(b"\0" * dice.randint(1, outputlog.RECORD.size - 1))
            raise Died

        def after_the_hole(*arguments):
            keep(*arguments)
            raise Died

        where, what = dice.choice(
            [
                (outputlog, ("_write_all", half_the_bytes)),
                (outputlog, ("_record", no_index)),
                (outputlog, ("_record", half_a_record)),
                (holes, ("_keep", after_the_hole)),
                (holes, ("_keep", no_index)),
            ]
        )
        patch.setattr(where, *what)


def forget(dice):
    """Some of the last bytes were not on the disk yet when the machine lost its power."""
    log = folder_of(NUMBER) / "stdout.log"
    held = [hole.at for hole in extents(NUMBER)["stdout"].holes]
    least = max([0, *held])
    if log.exists() and log.stat().st_size > least:
        with log.open("ab") as file:
            file.truncate(dice.randint(least, log.stat().st_size))


@pytest.mark.parametrize("block", range(4))
def test_a_store_that_dies_anywhere_ends_with_every_byte_at_its_place(
    block, small_chunks, monkeypatch, tmp_path
):
    deaths = refusals = 0
    for seed in range(block * 25, block * 25 + 25):
        dice = random.Random(seed)
        limit = dice.choice([1 << 30, 9000, 4001])
        store = DyingStore(dice, monkeypatch)
        written = {stream: output_of(dice, dice.randint(4000, 30_000)) for stream in STREAMS}
        shippers = []
        for stream in STREAMS:
            log = tmp_path / f"{seed}.{stream}"
            log.write_bytes(written[stream][: len(written[stream]) // 2])
            shippers.append(shipping.StreamShipper(stream, log, limit))
        for shipper in shippers:
            while shipper.ship(store, False, time.monotonic()) is not None:
                pass
            with (tmp_path / f"{seed}.{shipper.stream}").open("ab") as log:
                log.write(written[shipper.stream][len(written[shipper.stream]) // 2 :])
            shipper.settle(shipping.Lost())
        while any(shipper.pending() for shipper in shippers):
            dice.choice(shippers).ship(store, True, time.monotonic())
        for shipper in shippers:
            shipper.tell(store, time.monotonic())
            assert shipper.trouble == ""
            assert filled(NUMBER, shipper.stream, written[shipper.stream]) == written[shipper.stream], seed
            stored = (folder_of(NUMBER) / f"{shipper.stream}.log").read_bytes()
            assert shipper.facts()["sha256"] == hashlib.sha256(stored).hexdigest(), seed
            assert indexed(NUMBER, shipper.stream) == len(stored)
            if not shipper.holes():
                assert text_of(NUMBER, shipper.stream) == written[shipper.stream].decode(
                    "utf-8", "replace"
                ), seed
        deaths, refusals = deaths + store.deaths, refusals + store.refusals
        outputlog.delete(NUMBER)
    assert deaths >= 25


def test_bytes_that_a_store_forgot_are_sent_again(small_chunks, monkeypatch, tmp_path):
    dice = random.Random(7)
    data = output_of(dice, 60_000)
    log = tmp_path / "stdout"
    log.write_bytes(data)
    shipper, store = shipping.StreamShipper("stdout", log, 1 << 30), DyingStore(dice, monkeypatch)
    while shipper.pending():
        shipper.ship(store, True, 0.0)
        if shipper.pending() and dice.random() < 0.4:
            forget(dice)
    shipper.tell(store, 0.0)
    while shipper.pending():
        shipper.ship(store, True, 0.0)
    assert store.refusals > 0
    assert filled(NUMBER, "stdout", data) == data
    assert shipper.facts()["sha256"] == sha256(data)
    outputlog.delete(NUMBER)
