"""A job's page, which begins with its output."""

import re

import pytest
from django.urls import reverse

from jobs.output import outputlog

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(make_job, make_attempt):
    """A succeeded job that wrote to both streams."""
    job = make_job(status="succeeded", name="Train & test")
    attempt = make_attempt(job)
    outputlog.append(attempt.pk, "stdout", 0, b"hello\n\x1b[32mgreen\x1b[0m <b>\n")
    outputlog.append(attempt.pk, "stderr", 0, b"warning\n")
    yield job
    outputlog.delete(attempt.pk)


def get(client, job, query=""):
    return client.get(reverse("job_detail", args=[job.pk]) + query)


def test_the_page_shows_the_output_with_numbers_that_are_links(client_of, alice, job):
    response = get(client_of(alice), job)
    text = response.content.decode()
    assert response.status_code == 200
    assert 'id="L1" href="?line=1#L1">1</a><span class="line-text">hello</span>' in text
    assert '<span class="ansi32">green</span> &lt;b&gt;' in text
    assert "warning" in text
    assert "3 lines" in text
    assert "Train &amp; test" in text


def test_the_page_names_the_live_stream(client_of, alice, job):
    assert f'data-output-url="/live/jobs/{job.pk}/output"' in get(client_of(alice), job).content.decode()


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("?stream=stdout", [1, 2]),
        ("?stream=stderr", [3]),
        ("?stream=all", [1, 2, 3]),
        ("?stream=x", [1, 2, 3]),
    ],
)
def test_one_stream_alone_keeps_its_numbers(client_of, alice, job, query, numbers):
    assert [line.number for line in get(client_of(alice), job, query).context["lines"]] == numbers


def test_no_style_is_written_into_the_page(client_of, alice, job):
    text = get(client_of(alice), job).content.decode()
    assert "style=" not in text
    assert "<script>" not in text


def test_a_long_output_comes_in_pages(client_of, alice, make_job, make_attempt):
    job = make_job(status="succeeded")
    attempt = make_attempt(job)
    text = "".join(f"line {number}\n" for number in range(1, 1201))
    outputlog.append(attempt.pk, "stdout", 0, text.encode())
    client = client_of(alice)

    response = get(client, job)
    assert response.context["lines"][-1].number == 1200
    assert response.context["later_url"] == ""
    response = get(client, job, response.context["earlier_url"])
    assert response.context["lines"][-1].number == 700
    response = get(client, job, response.context["later_url"])
    assert response.context["lines"][0].number == 701
    outputlog.delete(attempt.pk)


@pytest.mark.parametrize("query", ["?from=abc", "?to=-1", "?from=99999999999999999999", "?to=²"])
def test_a_position_that_is_none_shows_the_end(client_of, alice, job, query):
    response = get(client_of(alice), job, query)
    assert response.status_code == 200
    assert len(response.context["lines"]) == 3


def test_a_job_without_output_says_so(client_of, alice, make_job):
    assert "has written nothing" in get(client_of(alice), make_job(status="succeeded")).content.decode()
    assert "Nothing yet" in get(client_of(alice), make_job(status="queued")).content.decode()


def test_a_job_that_was_cancelled_before_it_started_never_ran(client_of, alice, make_job):
    never = make_job(status="cancelled", starting_at=None, running_at=None, finishing_at=None)
    text = get(client_of(alice), never).content.decode()
    assert "This job never ran: it was cancelled before its script started." in text
    assert "has written nothing" in get(client_of(alice), make_job(status="cancelled")).content.decode()


def test_the_empty_output_is_live_until_the_end(client_of, alice, make_job):
    def is_live(job):
        empty = re.search(
            r'<p class="output-empty"[^>]*>', get(client_of(alice), job, "?stream=stderr").content.decode()
        )
        return f'data-live-url="/jobs/{job.pk}/?stream=stderr"' in empty[0]

    assert is_live(make_job(status="queued"))
    assert not is_live(make_job(status="cancelled"))


def test_colleagues_and_admins_see_it_strangers_get_404(client_of, bob, dana, charlie, job):
    assert get(client_of(bob), job).status_code == 200
    assert get(client_of(dana), job).status_code == 200
    assert get(client_of(charlie), job).status_code == 404


def test_nobody_sees_it_without_signing_in(client, job):
    assert get(client, job).status_code == 302


def test_the_page_is_only_read(client_of, alice, job):
    assert client_of(alice).post(reverse("job_detail", args=[job.pk])).status_code == 405


def test_the_page_asks_the_database_little(client_of, alice, job, django_assert_max_num_queries):
    client = client_of(alice)
    with django_assert_max_num_queries(8):
        get(client, job)


def test_the_number_of_a_line_leads_back_to_it_without_a_script(client_of, alice, make_job, make_attempt):
    job = make_job(status="succeeded")
    attempt = make_attempt(job)
    outputlog.append(attempt.pk, "stdout", 0, b"".join(b"line %d\n" % number for number in range(1, 2001)))
    client = client_of(alice)
    page = client.get(f"/jobs/{job.pk}/?from={len(b'line 1') + 1}").content.decode()
    address = re.search(r'id="L7" href="([^"]+)"', page)[1].replace("&amp;", "&")
    there = client.get(f"/jobs/{job.pk}/{address}").content.decode()
    assert '<div class="line is-marked"><a class="line-number" id="L7"' in there


# Going to a place


@pytest.mark.parametrize(
    ("wish", "address"),
    [
        ("2", "?line=2#L2"),
        ("line 2", "?line=2#L2"),
        ("1,000", "?line=1000#L1000"),
        ("0%", "?line=1#L1"),
        ("50 %", "?line=6#L6"),
        ("12,5%", "?line=3#L3"),
        ("100%", ""),
        ("start", "?line=1#L1"),
        ("end", ""),
        ("nowhere", ""),
        ("-1", ""),
    ],
)
def test_one_can_go_to_a_line_a_part_or_an_end(client_of, alice, make_job, make_attempt, wish, address):
    job = make_job(status="running")
    attempt = make_attempt(job)
    outputlog.append(attempt.pk, "stdout", 0, b"1234567\n" * 10)
    answer = client_of(alice).get(f"/jobs/{job.pk}/", {"go": wish})
    assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.pk}/{address}")
    outputlog.delete(attempt.pk)


def test_a_line_s_address_shows_it_marked_and_stays_true(client_of, alice, make_job, make_attempt):
    job = make_job(status="running")
    attempt = make_attempt(job)
    for number in range(1, 2001):
        outputlog.append(attempt.pk, "stdout", 8 * (number - 1), b"%7d\n" % number)
        if number in (1500, 2000):
            text = client_of(alice).get(f"/jobs/{job.pk}/?line=700").text
            row = '<div class="line is-marked"><a class="line-number" id="L700" href="?line=700#L700">700</a>'
            assert f'{row}<span class="line-text">    700</span>' in text
            assert 'id="L660"' in text
            assert 'id="L659"' not in text
    outputlog.delete(attempt.pk)


def test_the_live_view_of_a_large_log_begins_with_the_last_lines(
    client_of, alice, make_job, make_attempt, monkeypatch
):
    from jobs.views import output

    monkeypatch.setattr(output, "WHOLE_BYTES", 10_000)
    job = make_job(status="running")
    attempt = make_attempt(job)
    outputlog.append(attempt.pk, "stderr", 0, b"half a line")
    outputlog.append(attempt.pk, "stdout", 0, b"1234567\n" * 2000)
    page = client_of(alice).get(f"/jobs/{job.pk}/").text
    assert 'data-live-place="12000,11" data-lines-before="1501" data-halfway="stderr"' in page
    # Elsewhere in it the page stands still: the browser would have to load all that lies between.
    for rest in ("?line=100", "?from=800", "?to=800"):
        assert 'data-live="no"' in client_of(alice).get(f"/jobs/{job.pk}/{rest}").text
    monkeypatch.setattr(output, "WHOLE_BYTES", 20_000)
    assert 'data-live-place="0,0" data-lines-before="0"' in client_of(alice).get(f"/jobs/{job.pk}/").text
    outputlog.delete(attempt.pk)
