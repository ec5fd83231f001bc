"""Which answer a request for a part of a content gets."""

import pytest
from django.test import RequestFactory

from jobs.resuming import Opened, resumable

BYTES = b"0123456789"
TAG, MODIFIED, DATE = '"ten"', 784111777, "Sun, 06 Nov 1994 08:49:37 GMT"


class File:
    is_closed = False

    def close(self):
        self.is_closed = True


class Ten:
    """Ten bytes; `file` is what was opened to read them."""

    size, tag, modified = len(BYTES), TAG, MODIFIED
    file = None

    def read(self, start, end):
        self.file = File()
        return Opened(iter([BYTES[start:end]]), self.file)


def ask(content=None, method="get", **headers):
    request = getattr(RequestFactory(), method)(
        "/", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    return resumable(request, content or Ten(), "text/plain")


def test_all_of_it_comes_with_what_is_needed_to_go_on():
    answer = ask()
    assert (answer.status_code, answer.getvalue()) == (200, BYTES)
    assert answer["Accept-Ranges"] == "bytes"
    assert (answer["ETag"], answer["Last-Modified"]) == (TAG, DATE)
    assert answer["Content-Length"] == "10"
    assert not answer.has_header("Content-Range")


def test_a_part_says_which_it_is():
    answer = ask(range="bytes=2-4")
    assert (answer.status_code, answer.getvalue()) == (206, b"234")
    assert answer["Content-Range"] == "bytes 2-4/10"
    assert (answer["Content-Length"], answer["ETag"], answer["Last-Modified"]) == ("3", TAG, DATE)


def test_behind_the_end_nothing_is_read_and_the_size_is_told():
    content = Ten()
    answer = ask(content, range="bytes=10-")
    assert (answer.status_code, answer.content, content.file) == (416, b"", None)
    assert answer["Content-Range"] == "bytes */10"


def test_what_changed_meanwhile_comes_from_its_beginning():
    assert ask(range="bytes=2-", if_range=TAG).status_code == 206
    assert ask(range="bytes=2-", if_range=DATE).status_code == 206
    for other in ('"nine"', f"W/{TAG}", "Sun, 06 Nov 1994 08:49:38 GMT"):
        answer = ask(range="bytes=2-", if_range=other)
        assert (answer.status_code, answer.getvalue()) == (200, BYTES)
    # Not even the size is wrong then: it is that of another content.
    assert ask(range="bytes=99-", if_range='"nine"').status_code == 200


def test_head_says_what_get_would_and_opens_nothing():
    for headers in ({}, {"range": "bytes=2-4"}):
        content = Ten()
        answer = ask(content, "head", **headers)
        assert (answer.status_code, answer.content, content.file) == (200, b"", None)
        assert (answer["Content-Length"], answer["ETag"]) == ("10", TAG)
        assert answer["Accept-Ranges"] == "bytes"


def test_who_has_it_already_is_told_so():
    for headers in ({"if_none_match": TAG}, {"if_none_match": f'W/{TAG}, "x"'}, {"if_modified_since": DATE}):
        content = Ten()
        answer = ask(content, **headers, range="bytes=2-4")
        assert (answer.status_code, answer.content, content.file) == (304, b"", None)
        assert answer["ETag"] == TAG


def test_who_wants_only_the_same_gets_nothing_else():
    assert ask(if_match=TAG, range="bytes=2-4").status_code == 206
    assert ask(if_match='"nine"', range="bytes=2-4").status_code == 412


def test_without_a_date_none_is_told_and_none_is_believed():
    class Young(Ten):
        modified = None

    assert not ask(Young()).has_header("Last-Modified")
    assert ask(Young(), range="bytes=2-", if_range=DATE).status_code == 200
    assert ask(Young(), if_modified_since=DATE).status_code == 200


@pytest.mark.parametrize("is_read", [True, False])
def test_what_was_opened_is_closed_with_the_answer(is_read):
    content = Ten()
    answer = ask(content)
    if is_read:
        next(iter(answer))
    assert not content.file.is_closed
    answer.close()
    assert content.file.is_closed
