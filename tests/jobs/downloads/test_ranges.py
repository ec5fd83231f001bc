"""One range of bytes, as RFC 9110 has it: each row names the sentence that it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.ranges import Span, Unsatisfiable, may_resume, settled, span_of

TAG, MODIFIED = '"abc"', 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("wanted", "span"),
    [
        ("bytes=0-499", Span(0, 500)),
        ("bytes=500-999", Span(500, 1000)),
        ("bytes=9500-", Span(9500, 10000)),
        ("bytes=-500", Span(9500, 10000)),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=-1", Span(9999, 10000)),
        # 14.1.2: longer than the content is up to its end; as a suffix, all of it
        ("bytes=9999-99999", Span(9999, 10000)),
        ("bytes=-99999", Span(0, 10000)),
        ("bytes=0-" + "9" * 5000, Span(0, 10000)),
        ("bytes=" + "0" * 5000 + "7-8", Span(7, 9)),
        # 14.1: names of units know no case; 5.6.1.2: empty elements of a list are passed over
        ("Bytes=1-2", Span(1, 3)),
        ("bytes=,1-2", Span(1, 3)),
        ("bytes= 1-2 ,\t", Span(1, 3)),
    ],
)
def test_one_range_is_understood(wanted, span):
    assert span_of(wanted, 10_000) == span


@pytest.mark.parametrize(
    "wanted",
    [
        # 14.2: what is not understood, and several ranges, may be passed over
        "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5", "bytes=0x1-2", "bytes=1-2-3", "bytes=--5",
        "bytes=5-2", "bytes =1-2", "bytes=1 - 2", "bytes=+1-2", "bytes=1_0-20", "bytes=٣-٥", "lines=1-2",
        "bytes=0-1,3-4", "bytes=0-1,x",
    ],
)  # fmt: skip
def test_all_else_asks_for_everything(wanted):
    assert span_of(wanted, 10_000) is None


@pytest.mark.parametrize(("wanted", "size"), [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10)])
def test_a_range_behind_the_end_is_unsatisfiable(wanted, size):
    with pytest.raises(Unsatisfiable):
        span_of(wanted, size)


def test_of_nothing_there_is_no_range():
    for wanted in ("bytes=0-", "bytes=0-0", "bytes=" + "9" * 30 + "-"):
        with pytest.raises(Unsatisfiable):
            span_of(wanted, 0)
    assert span_of("bytes=-5", 0) is None


@given(st.integers(0, 60), st.integers(0, 80), st.one_of(st.none(), st.integers(0, 80)))
def test_a_range_is_the_slice_of_the_same_numbers(size, first, last):
    data = bytes(range(size))
    try:
        span = span_of(f"bytes={first}-{'' if last is None else last}", size)
    except Unsatisfiable:
        assert not data[first:]
        return
    if span is None:
        assert last is not None
        assert last < first
        return
    assert data[span.start : span.end] == data[first : None if last is None else last + 1]
    assert span.words(size) == f"bytes {span.start}-{span.end - 1}/{size}"


@given(st.text(max_size=30), st.integers(0, 100))
def test_whatever_is_asked_for_is_within_the_content(wanted, size):
    for text in (wanted, "bytes=" + wanted):
        try:
            span = span_of(text, size)
        except Unsatisfiable:
            continue
        assert span is None or 0 <= span.start < span.end <= size


@pytest.mark.parametrize(
    ("if_range", "may"),
    [
        ("", True),
        ('"abc"', True),
        ('"abd"', False),
        # 13.1.5: the comparison is the strong one, and a client must not send a weak tag
        ('W/"abc"', False),
        ("abc", False),
        ('"abc", "abd"', False),
        ("*", False),
        (DATE, True),
        ("Sunday, 06-Nov-94 08:49:37 GMT", True),
        ("Sun Nov  6 08:49:37 1994", True),
        # The same and nothing else: no "not modified since"
        ("Sun, 06 Nov 1994 08:49:38 GMT", False),
        ("Sun, 06 Nov 1994 08:49:36 GMT", False),
        ("some day", False),
    ],
)
def test_if_range_compares_strongly(if_range, may):
    assert may_resume(if_range, TAG, MODIFIED) is may


def test_a_weak_tag_is_equal_to_nothing():
    assert not may_resume('W/"abc"', 'W/"abc"', MODIFIED)


def test_a_date_that_was_never_told_is_nobodys():
    assert not may_resume(DATE, TAG, None)


def test_a_date_is_told_once_its_second_is_over():
    assert settled(100.0, 100.9) is None
    assert settled(100.9, 100.95) is None
    assert settled(100.9, 101.0) == 100
    assert settled(100.9, 5000.0) == 100
