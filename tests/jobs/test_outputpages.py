"""The output in pages without JavaScript: the live view's lines and numbers, in bounded pieces."""

import random

import pytest

from jobs.output import landmarks, outputlog, outputpages, streambytes
from jobs.output.outputpages import OutputPages
from jobs.output.terminal import Terminal, collapse

ATTEMPTS = iter(range(900_001, 990_000))


@pytest.fixture
def attempt_id():
    number = next(ATTEMPTS)
    yield number
    outputlog.delete(number)


@pytest.fixture
def tiny_pages(monkeypatch):
    monkeypatch.setattr(outputpages, "LINES", 7)
    monkeypatch.setattr(outputpages, "LINES_BEFORE", 3)
    monkeypatch.setattr(outputpages, "WINDOW", 50)
    monkeypatch.setattr(landmarks, "STRETCH_BYTES", 40)
    monkeypatch.setattr(landmarks, "STRETCH_RECORDS", 5)
    monkeypatch.setattr(landmarks, "READ_BYTES", 16)
    monkeypatch.setattr(streambytes, "READ_BYTES", 24)


def write(attempt_id, data, stream="stdout"):
    data = data.encode() if isinstance(data, str) else data
    outputlog.append(attempt_id, stream, getattr(outputlog.sizes(attempt_id), stream), data)


def seen(page):
    return [(line.number, line.stream, str(line.html)) for line in page.lines]


def lines_of(chunks, only="all"):
    """What lines.js makes of the same chunks, told as simply as can be."""
    lines, is_open = [], {"stdout": None, "stderr": None}
    for stream, data in chunks:
        for character in data.decode():
            if is_open[stream] is None:
                is_open[stream] = len(lines)
                lines.append([stream, ""])
            if character == "\n":
                is_open[stream] = None
            else:
                lines[is_open[stream]][1] += character
    numbered = [(number, stream, text) for number, (stream, text) in enumerate(lines, 1)]
    return [line for line in numbered if only in ("all", line[1])]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("stream", ["all", "stdout", "stderr"])
def test_every_line_is_on_one_page_forwards_and_backwards(attempt_id, tiny_pages, seed, stream):
    dice = random.Random(seed)
    chunks = [
        (
            dice.choice(outputlog.STREAMS),
            bytes(dice.choice(b"ab\n") for _ in range(dice.randint(1, 30))),
        )
        for _ in range(dice.randint(0, 60))
    ]
    for name, data in chunks:
        write(attempt_id, data, name)
    expected = lines_of(chunks, stream)
    pages = OutputPages(attempt_id, stream)

    page = pages.page_from(0)
    found = seen(page)
    while page.later is not None:
        page = pages.page_from(page.later)
        found += seen(page)
    assert found == expected

    page = pages.last()
    found = seen(page)
    while page.earlier is not None:
        page = pages.page_before(page.earlier)
        found = seen(page) + found
    assert found == expected
    assert page.total_lines == len(lines_of(chunks))


@pytest.fixture
def bytes_read(monkeypatch):
    """How many bytes of the streams were read, one number for each read."""
    reads, piece = [], outputlog.piece

    def counted(*arguments):
        data = piece(*arguments)
        reads.append(len(data))
        return data

    monkeypatch.setattr(outputlog, "piece", counted)
    return reads


@pytest.fixture
def large(attempt_id):
    """A log of 24 MB in 32 KiB pieces; every line is 24 bytes long."""
    data = "".join(f"line {number:18}\n" for number in range(1, 1_000_001)).encode()
    for at in range(0, len(data), 32 * 1024):
        write(attempt_id, data[at : at + 32 * 1024])
        landmarks.note(attempt_id)
    return attempt_id


@pytest.mark.parametrize("number", [1, 2, 5_000, 500_000, 777_777, 999_999, 1_000_000])
def test_a_page_of_a_large_log_reads_little_of_it_wherever_it_is(large, bytes_read, number):
    page = OutputPages(large).page_around(number)
    assert f"line {number:18}" in [str(line.html) for line in page.lines if line.number == number]
    # The stretch of the line, the window before and behind it, the rest of the last stretch, the ends of lines.
    assert sum(bytes_read) < 1_000_000
    assert page.total_lines == 1_000_000


def test_storing_reads_each_byte_once_to_count_lines(attempt_id, bytes_read):
    for _ in range(300):
        write(attempt_id, b"x" * 9_999 + b"\n")
        landmarks.note(attempt_id)
    assert sum(bytes_read) < 3_000_000 * 1.1


def test_marks_that_got_lost_are_found_again(large):
    path = outputlog.folder_of(large) / landmarks.MARKS
    kept = path.read_bytes()
    assert len(kept) > 80 * landmarks.MARK_BYTES
    path.write_bytes(kept[: 40 * landmarks.MARK_BYTES + 7])
    assert OutputPages(large).page_around(900_000).total_lines == 1_000_000
    assert path.read_bytes() == kept
    path.unlink()
    landmarks.note(large)
    assert path.read_bytes() == kept


def test_counts_go_on_with_the_log(attempt_id, tiny_pages):
    write(attempt_id, "a\n" * 100)
    assert OutputPages(attempt_id).last().total_lines == 100
    write(attempt_id, "b\n" * 100)
    assert OutputPages(attempt_id).last().total_lines == 200


@pytest.mark.parametrize("seed", range(12))
def test_a_number_leads_to_its_line_and_stays_true_while_the_log_grows(attempt_id, tiny_pages, seed):
    dice = random.Random(seed)
    chunks = []
    for _ in range(80):
        chunks.append(
            (
                dice.choice(outputlog.STREAMS),
                bytes(dice.choice(b"ab\n") for _ in range(dice.randint(1, 30))),
            )
        )
        write(attempt_id, chunks[-1][1], chunks[-1][0])
        if dice.random() < 0.5:
            landmarks.note(attempt_id)
    for stream in ("all", *outputlog.STREAMS):
        pages = OutputPages(attempt_id, stream)
        expected = lines_of(chunks, stream)
        for number in range(1, len(lines_of(chunks)) + 1):
            following = [line for line in expected if line[0] >= number]
            found = pages.line(number)
            assert (found and found.number) == (following[0][0] if following else None)
            if found:
                assert following[0] in seen(pages.page_around(number))
                assert seen(pages.page_from(found.position))[0] == following[0]


@pytest.mark.parametrize("seed", range(8))
def test_the_live_view_goes_on_from_a_page_with_the_same_numbers(attempt_id, tiny_pages, seed):
    dice = random.Random(seed)
    chunks = [
        (
            dice.choice(outputlog.STREAMS),
            bytes(dice.choice(b"ab\n") for _ in range(dice.randint(1, 30))),
        )
        for _ in range(60)
    ]
    for name, data in chunks:
        write(attempt_id, data, name)
    page = OutputPages(attempt_id).last()
    index_at = landmarks.Landmarks(attempt_id).at_place(page.place).index_at
    reader = outputlog.Reader(attempt_id, page.place, index_at)
    read = []
    while found := reader.read():
        read += [(stream, text.encode()) for stream, text in found]
    if page.halfway:  # what belongs to a line that began before the page
        rest = b"".join(data for stream, data in read if stream == page.halfway)
        skip = rest.find(b"\n") + 1 if b"\n" in rest else len(rest)
        for at, (stream, data) in enumerate(read):
            if stream == page.halfway:
                read[at], skip = (stream, data[skip:]), max(0, skip - len(data))
    first = page.lines[0].number
    assert [(number + first - 1, *rest) for number, *rest in lines_of(read)] == seen(page)


def test_no_output_is_an_empty_page(attempt_id):
    page = OutputPages(attempt_id).last()
    assert (page.lines, page.earlier, page.later, page.total_lines) == ([], None, None, 0)


def test_a_last_line_without_newline_is_shown(attempt_id):
    write(attempt_id, "one\ntwo")
    assert seen(OutputPages(attempt_id).last()) == [(1, "stdout", "one"), (2, "stdout", "two")]


def test_bytes_that_are_no_text_are_shown_as_such(attempt_id):
    write(attempt_id, b"a\xff\xfeb\n\xe2\x82")
    assert [line.html for line in OutputPages(attempt_id).last().lines] == ["a��b", "�"]


def test_a_line_of_a_megabyte_is_cut(attempt_id):
    write(attempt_id, "before\n" + "y" * 1_000_000 + "\nafter")
    page = OutputPages(attempt_id).last()
    assert [line.number for line in page.lines] == [3]  # the window lies inside the long line
    first, second = OutputPages(attempt_id).page_before(page.earlier).lines
    assert first.html == "before"
    assert second.html == "y" * 10_000 + " … (the rest of this line is in the download)"


def test_a_long_progress_bar_shows_its_last_state(attempt_id):
    write(attempt_id, "".join(f"\r{number:5} of 50000" for number in range(50_001)) + "\n")
    assert OutputPages(attempt_id).last().lines[0].html.strip() == "50000 of 50000"


def test_a_position_from_anywhere_gives_a_page(attempt_id):
    write(attempt_id, "one\ntwo\nthree\n")
    pages = OutputPages(attempt_id)
    assert [line.html for line in pages.page_from(5).lines] == ["three"]
    assert [line.html for line in pages.page_before(5).lines] == ["one", "two"]
    assert pages.page_from(10**15).lines == []
    assert len(pages.page_before(10**15).lines) == 3


# A line as a terminal would show it


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", "plain"),
        ("10 %\r55 %\r100 %", "100 %"),
        ("a long text\rshort", "shortg text"),
        ("windows\r", "windows"),
        ("\r\r", ""),
        ("\x1b[31mlong red\rnew", "new"),
    ],
)
def test_carriage_returns_write_over(line, shown):
    assert collapse(line) == shown


@pytest.mark.parametrize(
    ("line", "html"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\x1b[31m<b>\x1b[0m", '<span class="ansi31">&lt;b&gt;</span>'),
        ("\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07", "click"),
        ("\x1b]8;;javascript:alert(1)\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b[2K\x1b[1Aup\x1b[10Cright", "upright"),
        ('\x1b[31"><b onclick=x>mtext', "31&quot;&gt;&lt;b onclick=x&gt;mtext"),
        ("bell\x07 nul\x00 c1\x9b31m", "bell nul c131m"),
        ("\x1b[38;5;208mx", '<span class="ansi38-208">x</span>'),
        ("\x1b[38:5:208mx", '<span class="ansi38-208">x</span>'),
    ],
)
def test_only_colours_survive(line, html):
    assert Terminal().html(line) == html


def test_a_colour_stays_on_the_following_lines_until_it_is_reset():
    terminal = Terminal()
    assert terminal.html("\x1b[31mred") == '<span class="ansi31">red</span>'
    assert terminal.html("still") == '<span class="ansi31">still</span>'
    assert terminal.html("done\x1b[0m") == '<span class="ansi31">done</span>'
    assert terminal.html("plain") == "plain"


def test_no_line_makes_the_server_write_a_style():
    html = Terminal().html(
        "\x1b[38;2;1;2;3mx\x1b[48;5;300my\x1b[999m\x1b[;;;mz\x1b[38mq\x1b[38;5mr\x1b[38;2;1ms"
    )
    assert "style" not in html


@pytest.mark.parametrize(
    "text", ["\x1b" * 100_000, "\x1b[" + "1;" * 50_000, "\x1b]" * 50_000, "\r" * 100_000]
)
def test_no_line_takes_long(text):
    import time

    began = time.process_time()
    Terminal().html(text)
    assert time.process_time() - began < 2
