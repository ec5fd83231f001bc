"""Search in a job's output: what matches is found with its line's number, in pages, in bounded steps."""

import random
import re
import threading

import pytest
from django.db import connection
from django.urls import reverse

from jobs.output import landmarks, outputlog, outputsearch
from jobs.output.outputpages import OutputPages
from jobs.output.outputsearch import OutputSearch, Stop, compiled
from jobs.views import output_search

pytestmark = pytest.mark.django_db
LONG = float("inf")


@pytest.fixture
def job(make_job, make_attempt):
    job = make_job(status="running")
    attempt = make_attempt(job)
    yield job
    outputlog.delete(attempt.pk)


@pytest.fixture
def short_steps(monkeypatch):
    """Stretches and groups of a few bytes, so that lines lie across many of them."""
    monkeypatch.setattr(landmarks, "STRETCH_BYTES", 40)
    monkeypatch.setattr(landmarks, "STRETCH_RECORDS", 5)
    monkeypatch.setattr(outputsearch, "GROUP_BYTES", 90)


def write(job, data, stream="stdout"):
    attempt_id = job.attempts.get().pk
    data = data.encode() if isinstance(data, str) else data
    for at in range(0, len(data), 1024 * 1024):
        size = getattr(outputlog.sizes(attempt_id), stream)
        outputlog.append(attempt_id, stream, size, data[at : at + 1024 * 1024])


def search(job, query="", client=None, **headers):
    return client.get(reverse("job_output_search", args=[job.pk]) + query, headers=headers)


def found(answer):
    """The lines' numbers and texts, with the matches in brackets."""
    rows = re.findall(
        r'class="line-number">(\d+)</span><span class="line-text">(.*?)</span></a>', answer.text, re.DOTALL
    )
    return [(int(number), text.replace("<mark>", "[").replace("</mark>", "]")) for number, text in rows]


def searching(job, text, stream="all", **how):
    return OutputSearch(OutputPages(job.attempts.get().pk, stream), compiled(text, **how))


# What is found


def test_each_match_is_a_link_to_its_line_with_the_match_marked(client_of, alice, job):
    write(job, "one\nNeedle here, needle there\nthree\n")
    write(job, "no needle\n", "stderr")
    answer = search(job, "?q=needle", client_of(alice))
    assert found(answer) == [(2, "[Needle] here, [needle] there"), (4, "no [needle]")]
    assert f'href="/jobs/{job.pk}/?line=2#L2"' in answer.text
    assert "2 lines match" in answer.text


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("q=needle", [1, 2, 4]),
        ("q=Needle&case=1", [2]),
        ("q=needle&stream=stderr", [4]),
        ("q=needle&stream=stdout", [1, 2]),
        ("q=^n.*e$&regex=1", [1, 2]),
        ("q=.*", [3]),
        ("q=äöü", [5]),
        ("q=ÄÖÜ", [5]),
        ("q=nothing", []),
        ("q=^$&regex=1", []),
    ],
)
def test_text_and_patterns_in_either_case_and_stream(client_of, alice, job, query, numbers):
    write(job, "needle\nNEEDLE".replace("NEEDLE", "Needle") + "\na.*b\n")
    write(job, "a needle!\n", "stderr")
    write(job, "äÖü\n")
    answer = search(job, "?" + query.replace("^", "%5E").replace("+", "%2B"), client_of(alice))
    assert [number for number, _ in found(answer)] == numbers


def test_text_of_the_log_stays_text(client_of, alice, job):
    write(job, "<script>alert(1)</script> needle\n")
    answer = search(job, "?q=needle", client_of(alice))
    assert found(answer) == [(1, "&lt;script&gt;alert(1)&lt;/script&gt; [needle]")]


def test_colours_do_not_hide_a_match(client_of, alice, job):
    write(job, "plain\n\x1b[31mnee\x1b[0;1mdle\x1b[0m and\x1b]8;;x\x07 more\nlast needle\n")
    assert found(search(job, "?q=needle+and+more", client_of(alice))) == [(2, "[needle and more]")]
    assert found(search(job, "?q=last", client_of(alice))) == [(3, "[last] needle")]


def test_of_a_long_line_the_part_about_the_match_is_shown(client_of, alice, job):
    write(job, "x" * 500_000 + "needle" + "y" * 500_000 + "\n")
    ((number, text),) = found(search(job, "?q=needle", client_of(alice)))
    assert number == 1
    assert "x[needle]y" in text
    assert len(text) < 700


def test_a_bad_pattern_is_told_at_the_form(client_of, alice, job):
    answer = search(job, "?q=(&regex=1", client_of(alice))
    assert answer.status_code == 422
    assert "no regular expression" in answer.text
    assert search(job, "?q=" + "x" * 201, client_of(alice)).status_code == 422


def test_without_a_question_there_is_the_form(client_of, alice, job):
    assert "Each match is a link" in search(job, "", client_of(alice)).text
    assert search(job, "?q=x", client_of(alice)).status_code == 200


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(?:a?){40}a{40}", ".*.*.*=.*x"])
def test_no_pattern_is_slow(job, pattern):
    import time

    write(job, b"a" * 2_000_000 + b"\n")
    began = time.process_time()
    searching(job, pattern, is_pattern=True).forward(0, Stop(100, 1000, LONG))
    assert time.process_time() - began < 5


# Pages and steps


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("stream", ["all", "stdout", "stderr"])
def test_every_match_is_on_one_page_forwards_and_backwards(job, short_steps, seed, stream):
    dice = random.Random(seed)
    for _ in range(60):
        data = bytes(dice.choice(b"ab\x1b[1m\n") for _ in range(dice.randint(1, 40)))
        write(job, data, dice.choice(outputlog.STREAMS))
    pages = OutputPages(job.attempts.get().pk, stream)
    expected, page = [], pages.page_from(0)
    expected += page.lines
    while page.later is not None:
        page = pages.page_from(page.later)
        expected += page.lines
    expected = [(line.number, line.stream) for line in expected if "ab" in re.sub("<.*?>", "", line.html)]

    # The time is always up: a step is one group.
    for deadline in (0, LONG):
        forwards, position, steps = [], 0, 0
        while position is not None:
            step = searching(job, "ab", stream).forward(position, Stop(3, 5, deadline))
            forwards += step.hits
            position, steps = step.following, steps + 1
        assert [(hit.number, hit.stream) for hit in forwards] == expected
        backwards, position = [], pages.size + 1
        while position is not None:
            step = searching(job, "ab", stream).backward(position, Stop(3, 5, deadline))
            backwards = step.hits + backwards
            position = step.following
        assert [(hit.number, hit.stream) for hit in backwards] == expected


def test_next_and_previous_lead_through_all_matches(client_of, alice, job, monkeypatch):
    monkeypatch.setattr(output_search, "PAGE_HITS", 10)
    write(job, "".join(f"needle {number}\nhay\n" for number in range(25)))
    client, pages = client_of(alice), []
    answer = search(job, "?q=needle", client)
    assert "25 lines match" in answer.text
    while True:
        pages.append([number for number, _ in found(answer)])
        link = re.search(r'<a href="([^"]+)" rel="next">', answer.text)
        if not link:
            break
        answer = search(job, link[1].replace("&amp;", "&"), client)
        assert "25 lines match" in answer.text
    assert pages == [list(range(1, 21, 2)), list(range(21, 41, 2)), list(range(41, 51, 2))]
    back = re.search(r'<a href="([^"]+)" rel="prev">', answer.text)
    answer = search(job, back[1].replace("&amp;", "&"), client)
    assert [number for number, _ in found(answer)] == pages[1]


def test_more_than_a_thousand_are_not_counted(client_of, alice, job):
    write(job, "needle\n" * 3000)
    answer = search(job, "?q=needle", client_of(alice))
    assert "1,000+ lines match" in answer.text
    assert len(found(answer)) == 100


def test_a_search_that_takes_long_goes_on_step_by_step(client_of, alice, job, short_steps, monkeypatch):
    monkeypatch.setattr(output_search, "SECONDS", 0)
    monkeypatch.setattr(output_search, "STEP_SECONDS", 0)
    write(job, "".join(f"{'needle' if number % 10 == 0 else 'hay'} {number}\n" for number in range(1, 101)))
    client, numbers = client_of(alice), []
    answer = search(job, "?q=needle", client)
    while True:
        numbers += [number for number, _ in found(answer)]
        link = re.search(r'hx-get="([^"]+)" hx-trigger="load"', answer.text)
        if not link:
            break
        assert "Search on" in answer.text  # for browsers without JavaScript
        answer = search(job, link[1].replace("&amp;", "&"), client, HX_Request="true")
        assert "<html" not in answer.text
    assert numbers == list(range(10, 101, 10))
    assert "10 lines match" in answer.text


def test_lines_that_come_meanwhile_shift_nothing(client_of, alice, job, monkeypatch):
    monkeypatch.setattr(output_search, "PAGE_HITS", 2)
    write(job, "needle\nhay\nneedle\nneedle")
    client = client_of(alice)
    link = re.search(r'<a href="([^"]+)" rel="next">', search(job, "?q=needle", client).text)[1]
    write(job, " and on\nneedle\n")
    answer = search(job, link.replace("&amp;", "&"), client)
    assert found(answer) == [(4, "[needle] and on"), (5, "[needle]")]


# Limits and rights


def test_a_search_holds_little_of_a_large_log(job):
    import tracemalloc

    write(job, b"some line of the output\n" * 2_000_000)
    OutputPages(job.attempts.get().pk)
    tracemalloc.start()
    step = searching(job, "not there").forward(0, Stop(100, 1000, LONG))
    assert (step.hits, step.is_all) == ([], True)
    assert tracemalloc.get_traced_memory()[1] < 8 * outputsearch.GROUP_BYTES
    tracemalloc.stop()


@pytest.mark.django_db(transaction=True)
def test_one_person_has_two_searches_at_once(client_of, alice, bob, job):
    write(job, "needle\n")
    inside, may_go = threading.Barrier(3), threading.Event()

    def hold():
        try:
            with output_search._place_for(alice):
                inside.wait(20)
                may_go.wait(20)
        finally:
            connection.close()

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
    inside.wait(20)
    try:
        answer = search(job, "?q=needle", client_of(alice))
        assert answer.status_code == 429
        assert "Try again" in answer.text
        step = search(job, "?q=needle&after=0", client_of(alice), HX_Request="true")
        assert (step.status_code, "load delay:1s" in step.text) == (200, True)
        assert search(job, "?q=needle", client_of(bob)).status_code == 200
    finally:
        may_go.set()
        for holder in holders:
            holder.join()
    assert search(job, "?q=needle", client_of(alice)).status_code == 200


def test_a_process_searches_for_three_at_once(client_of, alice, job):
    write(job, "needle\n")
    for _ in range(output_search.MOST_AT_ONCE):
        assert output_search._places.acquire(blocking=False)
    try:
        assert search(job, "?q=needle", client_of(alice)).status_code == 429
    finally:
        for _ in range(output_search.MOST_AT_ONCE):
            output_search._places.release()
    assert search(job, "?q=needle", client_of(alice)).status_code == 200


def test_strangers_find_no_job(client_of, bob, charlie, job):
    write(job, "needle\n")
    assert search(job, "?q=needle", client_of(bob)).status_code == 200
    assert search(job, "?q=needle", client_of(charlie)).status_code == 404
