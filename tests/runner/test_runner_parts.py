"""Where a large file's parts go on: only behind bytes that are the file's own, else from its beginning."""

import hashlib
import os
from urllib.parse import parse_qs, urlsplit

import pytest

from runner import parts
from runner.parts import Parts
from runner.portal_client import PortalRefused

DATA = bytes(range(100))


class Portal:
    """Takes parts as the intake does; `has` is what it has of the file before, of whichever file that was."""

    def __init__(self, has=b""):
        self.has = has
        self.offsets = []

    def send(self, request):
        offset = int(parse_qs(urlsplit(request.path).query)["offset"][0])
        self.offsets.append(offset)
        if offset not in (0, len(self.has)):
            raise PortalRefused(
                409, {"offset": len(self.has), "sha256": hashlib.sha256(self.has).hexdigest()}
            )
        self.has = self.has[:offset] + b"".join(request.body())
        return {"offset": len(self.has), "sha256": hashlib.sha256(self.has).hexdigest()}


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
    [(DATA[:20], [0, 20, 40, 20, 40, 60, 80]), (b"x" * 20, [0, 20, 40, 0, 20, 40, 60, 80])],
)
def test_a_portal_that_is_elsewhere_is_followed_only_to_the_file_s_own_bytes(large, now, offsets):
    portal = Portal()
    take = portal.send

    def forgetful(request):
        if len(portal.offsets) == 2:
            portal.has = now
        return take(request)

    portal.send = forgetful
    large.send(portal)
    assert portal.offsets == offsets
    assert portal.has == DATA
