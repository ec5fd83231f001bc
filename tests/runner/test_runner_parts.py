"""Where a large file's parts go on: only behind bytes that are the file's own, else from its beginning."""

import hashlib
import os
from urllib.parse import parse_qs, urlsplit

import pytest

from runner import parts
from runner.parts import Parts
from runner.portal_client import PortalRefused

DATA = bytes(range(100))


class Begun:
    """A request that the portal has handled; its answer is read later, or never."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.is_read = self.is_dropped = False

    def answer(self):
        self.is_read = True
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def drop(self):
        self.is_dropped = not self.is_read


class Portal:
    """Takes parts as the intake does; `has` is what it has of the file before, of whichever file that was.

    `earlier` is stored as a whole: an earlier file of that name.
    """

    def __init__(self, has=b"", earlier=b""):
        self.has = has
        self.earlier = earlier
        self.offsets = []
        self.begun = []

    def begin(self, request):
        try:
            begun = Begun(self.take(request))
        except PortalRefused as refused:
            begun = Begun(refused)
        self.begun.append(begun)
        return begun

    def send(self, request):
        return self.begin(request).answer()

    def take(self, request):
        offset = int(parse_qs(urlsplit(request.path).query)["offset"][0])
        self.offsets.append(offset)
        body = b"".join(request.body())
        if offset not in (0, len(self.has)):
            has = self.has or self.earlier
            facts = {"is_stored": not self.has and bool(self.earlier)}
            raise PortalRefused(409, known(has) | facts)
        self.has = self.has[:offset] + body
        return {"offset": len(self.has), "sha256": hashlib.sha256(self.has).hexdigest()}


def forgetting(portal, now):
    """After two parts it has `now` of the file."""
    take = portal.take

    def forgetful(request):
        if len(portal.offsets) == 2:
            portal.has = now
        return take(request)

    portal.take = forgetful
    return portal


@pytest.fixture
def large(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_BYTES", 20)
    (tmp_path / "big").write_bytes(DATA)
    descriptor = os.open(tmp_path / "big", os.O_RDONLY)
    yield Parts("big", descriptor, len(DATA))
    os.close(descriptor)


def known(content):
    """What the portal says that it has."""
    return {"offset": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_it_goes_on_behind_its_own_bytes(large):
    portal = Portal(DATA[:60])
    large.resume(known(portal.has))
    large.send(portal)
    assert portal.offsets == [60, 80]
    assert portal.has == DATA
    assert large.sha256 == hashlib.sha256(DATA).hexdigest()


OTHERS = {"another": b"x" * 60, "almost": DATA[:59] + b"x", "as long": b"x" * 100, "longer": b"x" * 120}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_behind_other_bytes_nothing_is_sent(large, other):
    portal = Portal(other)
    large.resume(known(other))
    large.send(portal)
    assert portal.offsets == [0, 20, 40, 60, 80], "from the beginning at once"
    assert portal.has == DATA


@pytest.mark.parametrize(
    ("now", "offsets"),
    # The part behind the one that is refused is under way already.
    [(DATA[:20], [0, 20, 40, 60, 20, 40, 60, 80]), (b"x" * 20, [0, 20, 40, 60, 0, 20, 40, 60, 80])],
)
def test_a_portal_that_is_elsewhere_is_followed_only_to_the_file_s_own_bytes(large, now, offsets):
    portal = forgetting(Portal(), now)
    large.send(portal)
    assert portal.offsets == offsets
    assert portal.has == DATA


def test_the_next_part_is_sent_before_the_answer_to_the_one_before_is_read(large):
    portal, events = Portal(), []
    begin = portal.begin

    def noting(request):
        begun = begin(request)
        offset, answer = portal.offsets[-1], begun.answer
        events.append(("sent", offset))
        begun.answer = lambda: (events.append(("read", offset)), answer())[1]
        return begun

    portal.begin = noting
    large.send(portal)
    assert events == [
        *[("sent", 0), ("sent", 20), ("read", 0), ("sent", 40), ("read", 20), ("sent", 60), ("read", 40)],
        *[("sent", 80), ("read", 60), ("read", 80)],
    ]


def test_a_part_that_did_not_wholly_go_out_is_not_followed_before_it_is_confirmed(large):
    """Its hash is not known: behind another one the portal would be believed to have other bytes."""
    portal = Portal()
    begin, is_first = portal.begin, [True]

    def breaking(request):
        if not is_first.pop():
            return begin(request)
        next(iter(request.body()))
        begun = Begun(None)
        begun.answer = lambda: portal.take(request)
        return begun

    def once(request):
        begun = breaking(request)
        is_first.append(False)
        return begun

    portal.begin = once
    large.send(portal)
    assert portal.offsets == [0, 20, 40, 60, 80]
    assert portal.has == DATA
    assert large.sha256 == hashlib.sha256(DATA).hexdigest()


def test_what_is_under_way_behind_a_refused_part_is_dropped(large):
    portal = Portal()
    take = portal.take

    def full(request):
        if not portal.offsets:
            portal.offsets.append(0)
            list(request.body())
            raise PortalRefused(413, {"error": "too much"})
        return take(request)

    portal.take = full
    with pytest.raises(PortalRefused):
        large.send(portal)
    assert [begun.is_dropped for begun in portal.begun] == [False, True]


class Busy(Portal):
    """Its first request fails until somebody asks for the answer: the client sends it again then."""

    def begin(self, request):
        if self.begun:
            return super().begin(request)
        list(request.body())
        begun = Begun(None)
        begun.answer = lambda: self.take(request)
        self.begun.append(begun)
        return begun


def test_what_was_said_before_the_part_before_was_stored_is_asked_again(large):
    portal = Busy()
    large.send(portal)
    # 20 came too early; nothing else is sent twice.
    assert portal.offsets == [20, 0, 20, 40, 60, 80]
    assert portal.has == DATA


@pytest.mark.parametrize("earlier", [DATA[:50], b"x" * 50], ids=["its beginning", "other bytes"])
def test_an_earlier_file_that_is_stored_is_not_taken_for_this_one(large, earlier):
    portal = Busy(earlier=earlier)
    large.send(portal)
    assert portal.has == DATA
    assert large.sha256 == hashlib.sha256(DATA).hexdigest()


def test_a_portal_that_lost_all_but_an_earlier_file_is_sent_everything(large):
    portal = forgetting(Portal(earlier=DATA[:50]), b"")
    large.send(portal)
    assert portal.has == DATA
    assert large.sha256 == hashlib.sha256(DATA).hexdigest()


def test_a_part_whose_answer_was_lost_is_confirmed_by_its_refusal(large):
    portal = Portal()
    take = portal.take

    def losing(request):
        answer = take(request)
        if portal.offsets == [0, 20]:
            raise PortalRefused(409, answer)
        return answer

    portal.take = losing
    large.send(portal)
    assert portal.offsets == [0, 20, 40, 60, 80]


def test_a_file_that_is_there_but_not_stored_is_stored_by_an_empty_part(large):
    portal = Portal()
    take = portal.take

    def full_at_its_end(request):
        answer = take(request)
        if portal.offsets[-1] == 80:
            raise PortalRefused(409, answer | {"is_stored": False})
        return answer

    portal.take = full_at_its_end
    large.send(portal)
    assert portal.offsets == [0, 20, 40, 60, 80, 100]


@pytest.mark.parametrize(
    ("size", "length"),
    [(33 << 20, 32 << 20), (1 << 30, 32 << 20), (2 << 30, 64 << 20), (10 << 30, 128 << 20)],
)
def test_larger_files_have_larger_parts_within_bounds(tmp_path, size, length):
    lengths = []

    class Closed:
        def begin(self, request):
            lengths.append(int(request.headers["Content-Length"]))
            raise PortalRefused(401, {"error": "over"})

    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(size)
        with pytest.raises(PortalRefused):
            Parts("sparse", file.fileno(), size).send(Closed())
    assert lengths == [length]
