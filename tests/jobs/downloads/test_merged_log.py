"""Both streams in one file: whole lines in the order in which they began, as the page shows them."""

import random

import pytest

from jobs.output import landmarks, outputlog
from jobs.output.holes import DISK, LIMIT, Hole
from jobs.output.landmarks import Landmarks
from jobs.output.mergedlog import MergedLog
from jobs.output.outputlog import STREAMS, Told, append, folder_of
from jobs.output.outputpages import OutputPages
from jobs.output.patched import line_for
from jobs.output.streamlog import Asked, StreamLog

NUMBER = 4_300_001


@pytest.fixture(autouse=True)
def _clean():
    yield
    outputlog.delete(NUMBER)


class Written:
    """What a script wrote; `put` stores a piece of a stream, as the runner would."""

    def __init__(self):
        self.stored = {"stdout": b"", "stderr": b""}

    def put(self, stream, data, hole=None):
        self.stored[stream] += data
        append(NUMBER, stream, len(self.stored[stream]) - len(data), data, Told(0, hole))
        landmarks.note(NUMBER)


@pytest.fixture
def written():
    return Written()


def merged(tag=""):
    return MergedLog(Asked(folder_of(NUMBER), "secret", tag))


def stream_log(stream, tag=""):
    return StreamLog(Asked(folder_of(NUMBER), "secret", tag), stream)


def whole(content):
    opened = content.read(0, content.size)
    data = b"".join(opened)
    opened.close()
    assert len(data) == content.size
    return data


def part(content, start, end):
    opened = content.read(start, end)
    data = b"".join(opened)
    opened.close()
    return data


def as_the_page_has_it():
    """All lines in the page's order, from the page's own finder of lines."""
    pages = OutputPages(NUMBER)
    lines = []
    for start in pages._starts(0, pages.size):
        stream = (folder_of(NUMBER) / f"{STREAMS[start.stream]}.log").read_bytes()
        lines.append(stream[start.offset :].partition(b"\n")[0] + b"\n")
    return b"".join(lines)


def scribble(written, dice, pieces, longest=60):
    """Pieces of lines, bars, long lines and bytes that are no text, in any order of the streams."""
    for _ in range(pieces):
        data = dice.choice(
            [
                b"line %d\n" % dice.randint(0, 999),
                b"\r%d %%" % dice.randint(0, 99),
                b"\n",
                dice.randbytes(dice.randint(1, longest)),
                b"y" * dice.randint(1, longest),
                b"a\nb\nc",
            ]
        )
        written.put(dice.choice(STREAMS), data)


def test_lines_come_whole_where_they_began(written):
    written.put("stdout", b"one\ntw")
    written.put("stderr", b"oh\nno")
    written.put("stdout", b"o\nthree\n")
    written.put("stderr", b" more\n")
    written.put("stdout", b"end")
    assert whole(merged()) == b"one\ntwo\noh\nno more\nthree\nend\n"


def test_of_one_stream_alone_it_is_that_stream(written):
    written.put("stderr", b"a\n\nb\n")
    assert whole(merged()) == b"a\n\nb\n"


@pytest.mark.parametrize("seed", range(12))
def test_it_has_the_pages_lines_in_the_pages_order(written, seed):
    scribble(written, random.Random(seed), 120)
    assert whole(merged()) == as_the_page_has_it()


@pytest.mark.parametrize("stretch", [1, 64, 64 * 1024])
def test_any_part_of_it_is_that_part(written, monkeypatch, stretch):
    monkeypatch.setattr(landmarks, "STRETCH_BYTES", stretch)
    dice = random.Random(stretch)
    scribble(written, dice, 60)
    written.put("stdout", b"eight\n", Hole(len(written.stored["stdout"]), 1000, LIMIT))
    scribble(written, dice, 60)
    content, all_of_it = merged(), whole(merged())
    for _ in range(400):
        start, end = sorted(dice.choices(range(content.size + 1), k=2))
        assert part(merged(), start, end) == all_of_it[start:end], (start, end)


def test_a_hole_is_told_before_the_first_line_behind_it(written):
    hole, lost = Hole(8, 1_000, LIMIT), Hole(4, 5, DISK)
    written.put("stdout", b"one\nlong")
    written.put("stderr", b"oh\n!")
    written.put("stdout", b"er\nnext\n", hole)
    written.put("stderr", b"", lost)
    assert whole(merged()) == (b"one\nlonger\noh\n!\n" + line_for(lost) + line_for(hole) + b"next\n")


def test_a_line_of_many_pieces_is_read_once_however_many_landmarks_are_in_it(written, monkeypatch):
    monkeypatch.setattr(landmarks, "STRETCH_BYTES", 4096)
    for number in range(300):
        written.put("stdout", b"x" * 5000)
        written.put("stderr", b"%d\n" % number)
    written.put("stdout", b"\nlast\n")
    size, asked = merged().size, []
    monkeypatch.setattr(
        outputlog, "piece", lambda *args, real=outputlog.piece: asked.append(args[3]) or real(*args)
    )
    for start, data in {size - 5: b"last\n", 5: b"xxxxx"}.items():
        assert part(merged(), start, start + 5) == data
        # Ten looks at landmarks in a line of 1.5 MB.
        assert sum(asked) < 3_000_000
        asked.clear()
    assert whole(merged()).startswith(b"x" * 1_500_000 + b"\n0\n1\n")


@pytest.mark.parametrize("kind", ["merged", "stdout"])
def test_who_has_a_part_goes_on_with_what_it_was_however_it_grew(written, kind):
    def now(tag=""):
        return merged(tag) if kind == "merged" else stream_log("stdout", tag)

    dice = random.Random(kind)
    seen = {}
    for round_number in range(8):
        scribble(written, dice, 15)
        if round_number in (2, 5):
            at = len(written.stored["stdout"])
            written.put("stdout", b"", Hole(at, 100 + round_number, LIMIT))
            seen[now().tag] = whole(now())
            written.put("stdout", b"behind\n")
        content = now()
        seen[content.tag] = whole(content)
    assert len(seen) == 10
    for tag, data in seen.items():
        content = now(tag)
        assert content.tag == tag
        assert whole(content) == data
        assert part(now(tag), 7, content.size) == data[7:]


@pytest.mark.parametrize("kind", ["merged", "stdout"])
def test_a_tag_is_nobody_elses(written, kind):
    def now(secret, tag=""):
        asked = Asked(folder_of(NUMBER), secret, tag)
        return MergedLog(asked) if kind == "merged" else StreamLog(asked, "stdout")

    written.put("stdout", b"one\n")
    before = now("secret").tag
    assert now("other").tag != before
    written.put("stdout", b"two\n")
    # The attempt's number again, from a copy of the database, with another log; and numbers that are made up.
    for odd in (f'{before[:-2]}x"', '"log-1-1"', '"log-' + "9-" * 3 + "0" * 32 + '"', 'W/"x"', "x"):
        assert now("secret", odd).tag == now("secret").tag
    assert now("other", before).tag == now("other").tag
    outputlog.delete(NUMBER)
    append(NUMBER, "stdout", 0, b"o\n")
    assert now("secret", before).tag == now("secret").tag


def test_the_two_streams_have_tags_of_their_own(written):
    written.put("stdout", b"one\n")
    written.put("stderr", b"one\n")
    assert len({stream_log("stdout").tag, stream_log("stderr").tag, merged().tag}) == 3


def test_the_words_in_a_holes_place_are_told_by_the_tag(written, monkeypatch):
    written.put("stdout", b"one\n")
    written.put("stdout", b"two\n", Hole(4, 100, LIMIT))
    before = stream_log("stdout").tag, merged().tag
    monkeypatch.setattr(Hole, "words", "other words of a later release")
    assert stream_log("stdout").tag != before[0]
    assert merged().tag != before[1]


def test_a_mark_in_the_past_is_the_end_of_then(written):
    ends = []
    dice = random.Random(3)
    for _ in range(30):
        scribble(written, dice, 7, longest=9000)
        ends.append(Landmarks(NUMBER).end)
    now = Landmarks(NUMBER)
    assert [now.upto(end.index_at) for end in ends] == ends
