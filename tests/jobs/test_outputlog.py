"""The stored output: exactly the script's bytes, in order of arrival, through every crash."""

import os
import threading

import pytest

from jobs.output import outputlog
from jobs.output.outputlog import RECORD, Gap, Place, Reader, append, folder_of, sizes

ATTEMPT = 4_000_001


@pytest.fixture(autouse=True)
def clean():
    yield
    outputlog.delete(ATTEMPT)


def records():
    return list(RECORD.iter_unpack((folder_of(ATTEMPT) / "order.idx").read_bytes()))


def everything(reader=None, most=outputlog.READ_BYTES):
    """All that a reader gives out until there is no more."""
    reader = reader or Reader(ATTEMPT)
    found = []
    while some := reader.read(most):
        found += some
    return found


def text_of(pairs, stream):
    return "".join(text for name, text in pairs if name == stream)


def test_what_is_appended_is_read_in_order_of_arrival():
    append(ATTEMPT, "stdout", 0, b"one\n")
    append(ATTEMPT, "stderr", 0, b"oh\n")
    append(ATTEMPT, "stdout", 4, b"two\n")
    assert everything() == [("stdout", "one\n"), ("stderr", "oh\n"), ("stdout", "two\n")]
    assert sizes(ATTEMPT) == Place(8, 3)
    assert records() == [(0, 0, 4), (1, 0, 3), (0, 4, 4)]


def test_a_gap_is_refused_and_a_repeat_passed_over():
    append(ATTEMPT, "stdout", 0, b"abc")
    with pytest.raises(Gap) as gap:
        append(ATTEMPT, "stdout", 4, b"e")
    assert gap.value.size == 3
    assert append(ATTEMPT, "stdout", 0, b"abc") == 3
    assert append(ATTEMPT, "stdout", 1, b"bcd") == 4
    assert (folder_of(ATTEMPT) / "stdout.log").read_bytes() == b"abcd"
    assert records() == [(0, 0, 3), (0, 3, 1)]


def test_a_crash_between_bytes_and_record_is_mended_by_the_next_piece():
    append(ATTEMPT, "stdout", 0, b"abc")
    with (folder_of(ATTEMPT) / "stdout.log").open("ab") as log:
        log.write(b"def")
    assert append(ATTEMPT, "stdout", 3, b"defghi") == 9
    assert text_of(everything(), "stdout") == "abcdefghi"
    assert records() == [(0, 0, 3), (0, 3, 6)]


def test_a_torn_record_is_mended_by_the_next_piece():
    append(ATTEMPT, "stdout", 0, b"abc")
    index = folder_of(ATTEMPT) / "order.idx"
    with index.open("ab") as file:
        file.write(RECORD.pack(1, 0, 7)[:5])
    append(ATTEMPT, "stderr", 0, b"oh")
    assert records() == [(0, 0, 3), (1, 0, 2)]
    assert everything() == [("stdout", "abc"), ("stderr", "oh")]


def test_the_last_record_of_a_quiet_stream_is_found_far_back(monkeypatch):
    monkeypatch.setattr(outputlog, "RECORDS_AT_ONCE", 3)
    append(ATTEMPT, "stderr", 0, b"warning")
    for number in range(20):
        append(ATTEMPT, "stdout", number, b"x")
    append(ATTEMPT, "stderr", 7, b"!")
    assert records()[0] == (1, 0, 7)
    assert records()[-1] == (1, 7, 1)
    assert text_of(everything(), "stderr") == "warning!"


def test_a_full_disk_takes_a_half_written_piece_back(monkeypatch):
    append(ATTEMPT, "stdout", 0, b"abc")
    write, calls = os.write, []

    def half_then_full(descriptor, data):
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:2])

    with monkeypatch.context() as patch:
        patch.setattr(outputlog.os, "write", half_then_full)
        with pytest.raises(OSError, match="No space"):
            append(ATTEMPT, "stdout", 3, b"defg")
    assert sizes(ATTEMPT).stdout == 3
    assert append(ATTEMPT, "stdout", 3, b"defg") == 7
    assert text_of(everything(), "stdout") == "abcdefg"


def test_many_writers_of_the_same_pieces_store_each_once():
    pieces = [(offset, f"{offset:05d}".encode()) for offset in range(0, 500, 5)]

    def write_all():
        for offset, data in pieces:
            append(ATTEMPT, "stdout", offset, data)

    threads = [threading.Thread(target=write_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (folder_of(ATTEMPT) / "stdout.log").read_bytes() == b"".join(data for _, data in pieces)
    assert text_of(everything(), "stdout") == "".join(data.decode() for _, data in pieces)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 1000])
def test_a_reader_may_stop_anywhere_and_another_goes_on_there(most):
    written = ["äöü€", "plain\n", "🙂🙃", "end"]
    offset = 0
    for number, text in enumerate(written):
        append(ATTEMPT, "stdout", offset, text.encode())
        append(ATTEMPT, "stderr", number, b"e")
        offset += len(text.encode())
    found, place = [], Place()
    for _ in range(200):
        reader = Reader(ATTEMPT, place)
        # A character cut in two needs as many reads as it has bytes.
        some = next((some for some in (reader.read(most) for _ in range(4)) if some), [])
        found += some
        place = Place.parse(str(reader.place))
    assert text_of(found, "stdout") == "".join(written)
    assert text_of(found, "stderr") == "eeee"
    assert place == sizes(ATTEMPT)


def test_bytes_that_are_no_text_are_shown_as_replacements_and_lose_nothing():
    append(ATTEMPT, "stdout", 0, b"a\xff\xfe\0b")
    assert everything() == [("stdout", "a\ufffd\ufffd\0b")]
    assert (folder_of(ATTEMPT) / "stdout.log").read_bytes() == b"a\xff\xfe\0b"


def test_an_attempt_without_output_reads_as_nothing():
    assert Reader(ATTEMPT).read() == []
    assert sizes(ATTEMPT) == Place()
    outputlog.delete(ATTEMPT)


@pytest.mark.parametrize("text", ["", ",", "1", "1,", ",1", "-1,2", "a,b", "1;2", "１,２x"])
def test_a_place_that_means_nothing_is_the_beginning(text):
    assert Place.parse(text) == Place()


def test_an_append_reads_the_end_of_a_long_index_only(monkeypatch):
    append(ATTEMPT, "stdout", 0, b"x" * 100)
    with (folder_of(ATTEMPT) / "order.idx").open("wb") as file:
        file.write(RECORD.pack(0, 10**12, 1) * 50)  # would be believed, were it read
        file.write(b"".join(RECORD.pack(0, n, 1) for n in range(90, 100)))
    monkeypatch.setattr(outputlog, "RECORDS_AT_ONCE", 10)
    assert append(ATTEMPT, "stdout", 100, b"y") == 101
    assert records()[-1] == (0, 100, 1)


def test_a_repeat_gives_bytes_their_place_in_the_order_that_a_crash_left_out():
    outputlog.append(4242, "stdout", 0, b"one\n")
    try:
        with (outputlog.folder_of(4242) / "stdout.log").open("ab") as log:
            log.write(b"two\n")  # the process died before it wrote the index
        assert outputlog.append(4242, "stdout", 4, b"two\n") == 8
        assert "".join(text for _, text in outputlog.Reader(4242).read()) == "one\ntwo\n"
    finally:
        outputlog.delete(4242)
