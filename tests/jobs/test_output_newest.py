"""The newest lines of a stream that has more than is stored: shown below it while its script runs, without numbers."""

import pytest
from django.utils import timezone

from jobs.models import Job
from jobs.output import outputlog
from jobs.output.newest import SHOWN_BYTES, SHOWN_LINES, newest_of
from jobs.output.tails import MOST_BYTES, Tail
from tests.jobs.output_writer import store


@pytest.fixture
def attempt(make_job, make_attempt):
    attempt = make_attempt(make_job(status="running", name="big"))
    store(attempt, "one\n")
    yield attempt
    outputlog.delete(attempt.pk)


@pytest.fixture
def page(attempt, client_of, alice):
    def get(query=""):
        return client_of(alice).get(f"/jobs/{attempt.job_id}/{query}").content.decode()

    return get


def tell(attempt, at, data, stream="stdout"):
    outputlog.keep_tail(attempt.pk, stream, Tail(at, data))


def shown(attempt):
    (found,) = newest_of(attempt.pk)
    return found


def test_the_page_shows_them_below_the_stored_lines_behind_words_about_the_gap(attempt, page):
    tell(attempt, 3_141_596, b"second to last\n\x1b[31mlast <b>\x1b[0m")
    html = page()
    words = "3,141,592 bytes of stdout are not shown while the script runs. Its newest lines:"
    assert html.index('id="L1"') < html.index(words) < html.index("second to last")
    assert 'id="L2"' not in html
    assert '<span class="ansi31">last &lt;b&gt;</span>' in html
    assert html.count('<span class="line-gutter">') == 2
    assert "1 line<" in html


def test_of_one_stream_only_that_ones(attempt, page):
    tell(attempt, 500, b"out\n")
    tell(attempt, 800, b"err\n", "stderr")
    newest = [(each.stream, each.text) for each in newest_of(attempt.pk)]
    assert newest == [("stdout", "out\n"), ("stderr", "err\n")]
    assert page().count('class="line-gutter"') == 2
    assert "800 bytes of stderr" not in page("?stream=stdout")
    assert "496 bytes of stdout" in page("?stream=stdout")


def test_an_earlier_page_and_a_job_that_is_over_have_none(attempt, page):
    store(attempt, "line\n" * 2000)
    tell(attempt, 500_000, b"newest\n")
    assert "output-newest" in page()
    assert "output-newest" not in page("?stream=all&from=0")
    Job.objects.update(status="error", finished_at=timezone.now())
    assert "output-newest" not in page()


def test_what_follows_the_stored_lines_at_once_is_not_called_missing(attempt):
    tell(attempt, 4, b"two\n")
    assert shown(attempt)[1:] == ("The newest lines of stdout:", "two\n")


def test_what_was_stored_meanwhile_is_not_shown_twice(attempt):
    tell(attempt, 4, b"two\nthree\n")
    store(attempt, "two\n")
    assert shown(attempt)[1:] == ("The newest lines of stdout:", "three\n")


def test_a_page_shows_some_of_them_and_counts_the_others_as_missing(attempt):
    data = b"".join(b"%05d\n" % number for number in range(MOST_BYTES // 6))
    tell(attempt, 1004, data)
    found = shown(attempt)
    assert found.text.encode() == data[-SHOWN_LINES * 6 :]
    assert found.words.startswith(f"{1000 + len(data) - SHOWN_LINES * 6:,} bytes of stdout are not shown")


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_of_a_long_line_its_end_is_shown_from_a_whole_character_on(attempt, end):
    tell(attempt, 1004, b"x" + "é".encode() * 20_000 + end)
    text = shown(attempt).text
    assert "\ufffd" not in text
    assert SHOWN_BYTES - 2 <= len(text.encode()) <= SHOWN_BYTES


def test_a_character_that_is_not_whole_yet_waits(attempt):
    tell(attempt, 1004, "aé".encode()[:-1])
    assert shown(attempt).text == "a"


def test_a_file_that_a_crash_left_empty_is_none(attempt):
    (outputlog.folder_of(attempt.pk) / "stdout.tail").write_bytes(b"")
    assert newest_of(attempt.pk) == []
    tell(attempt, 1004, b"next\n")
    assert shown(attempt).text == "next\n"
