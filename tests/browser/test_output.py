"""The output in a real browser: live, complete after a cut, fast with 100,000 lines, harmless whatever it holds."""

import time

import pytest
from django.contrib.sessions.models import Session

from tests.browser.output_page import open_output
from tests.jobs.output_writer import finish, store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PATIENCE = 30_000


@pytest.fixture
def running(make_job, make_attempt):
    job = make_job(status="running", name="Train the model")
    return job, make_attempt(job, started_at=job.running_at)


def wait_lines(page, count):
    """Until the viewer holds so many lines."""
    page.wait_for_function(
        "count => document.getElementById('output').viewer.lines.length >= count", arg=count, timeout=PATIENCE
    )


def texts(page):
    """What each line of the whole output says."""
    return page.evaluate(
        "async () => { const { said } = await import(document.querySelector('script[src$=\"viewer.js\"]').src"
        ".replace('viewer.js', 'lines.js')); const { list } = document.getElementById('output').viewer.lines;"
        " return list.filter((line) => !line.isMark).map(said) }"
    )


def test_lines_appear_while_the_script_writes(running, alice, page_of):
    job, attempt = running
    store(attempt, "epoch 1\n")
    page = open_output(page_of(alice), job)
    page.get_by_text("epoch 1", exact=True).wait_for()
    store(attempt, "epoch 2\n")
    page.get_by_text("epoch 2", exact=True).wait_for()
    assert page.get_by_text("Live", exact=True).is_visible()
    assert page.get_by_role("button", name="Follow", pressed=True).is_visible()
    finish(job)
    page.get_by_text("Complete", exact=True).wait_for()
    assert page.get_by_role("button", name="Follow").count() == 0
    assert page.get_by_role("button", name="To the end").get_attribute("aria-pressed") is None


def test_a_printed_line_is_on_the_page_within_a_second(running, alice, page_of):
    job, attempt = running
    store(attempt, "begin\n")
    page = open_output(page_of(alice), job)
    page.get_by_text("begin", exact=True).wait_for()
    took = []
    for number in range(20):
        began = time.monotonic()
        store(attempt, f"line {number}\n")
        page.get_by_text(f"line {number}", exact=True).wait_for()
        took.append(time.monotonic() - began)
    assert sorted(took)[18] < 1.0, took


def test_a_killed_live_process_costs_no_line(running, alice, page_of, site):
    job, attempt = running
    page = page_of(alice)
    open_output(page, job)
    expected = []
    for number in range(60):
        expected.append(f"line {number}")
        store(attempt, f"line {number}\n")
        if number == 20:
            wait_lines(page, 10)
            site.processes["live"].popen.kill()
            site.processes["live"].popen.wait()
        if number == 40:
            site.start("live")
    finish(job)
    wait_lines(page, 60)
    page.get_by_text("Complete", exact=True).wait_for(timeout=PATIENCE)
    assert texts(page) == expected


def test_a_finished_stream_is_not_asked_for_again(running, alice, page_of):
    job, attempt = running
    store(attempt, "all\n")
    finish(job)
    page = page_of(alice)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/live/" in request.url else None)
    open_output(page, job)
    page.get_by_text("Complete", exact=True).wait_for()
    page.wait_for_timeout(4500)  # longer than any pause before a reconnect
    assert len(asked) == 1


def test_who_is_signed_out_is_told_and_asks_no_more(running, alice, page_of):
    job, attempt = running
    store(attempt, "secret 1\n")
    page = page_of(alice)
    with page.expect_response("**/live/jobs/*/output*"):  # the stream is open before its right ends
        open_output(page, job)
    page.get_by_text("secret 1", exact=True).wait_for()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/output" in request.url else None)
    Session.objects.all().delete()
    page.get_by_text("The live output has ended: you are signed out").wait_for(timeout=PATIENCE)
    store(attempt, "secret 2\n")
    page.wait_for_timeout(4500)  # longer than any pause before a reconnect
    assert asked == []
    assert page.get_by_text("secret 2").count() == 0


def test_who_is_signed_out_before_the_stream_begins_is_told(running, alice, page_of):
    job, attempt = running
    store(attempt, "secret 1\n")
    page = page_of(alice)

    def sign_out_first(route):
        Session.objects.all().delete()
        route.continue_()

    page.route("**/live/jobs/*/output*", sign_out_first)
    open_output(page, job)
    page.get_by_text("The live output has ended: you are signed out").wait_for(timeout=PATIENCE)


def test_a_hundred_thousand_lines_scroll_with_few_rows_on_the_page(running, alice, page_of):
    job, attempt = running
    store(attempt, "".join(f"{number} {'x' * (number % 90)}\n" for number in range(1, 100_001)))
    finish(job)
    page = page_of(alice)
    began = time.monotonic()
    open_output(page, job)
    wait_lines(page, 100_000)
    assert time.monotonic() - began < 30
    page.get_by_text("100,000 lines").wait_for()
    page.locator("#L100000").wait_for()
    frames = page.evaluate(
        """async () => {
            const viewport = document.querySelector('[data-output-viewer]');
            const times = [];
            let most = 0;
            let last = performance.now();
            for (let step = 0; step <= 60; step += 1) {
                viewport.scrollTop = viewport.scrollHeight * step / 60;
                await new Promise(requestAnimationFrame);
                const now = performance.now();
                times.push(now - last);
                last = now;
                most = Math.max(most, document.querySelectorAll('.line').length);
            }
            return { median: times.sort((a, b) => a - b)[30], most };
        }"""
    )
    assert frames["most"] < 500
    assert frames["median"] < 100, "scrolling jerks"


def test_following_stops_when_one_looks_back_and_goes_on_at_the_end(running, alice, page_of):
    job, attempt = running
    store(attempt, "".join(f"line {number}\n" for number in range(1, 301)))
    page = open_output(page_of(alice), job)
    page.locator("[data-output-viewer] #L300").wait_for()
    follow = page.get_by_role("button", name="Follow")
    assert follow.get_attribute("aria-pressed") == "true"
    page.evaluate("document.querySelector('[data-output-viewer]').scrollTop = 0")
    page.locator("[data-output-viewer] #L1").wait_for()
    store(attempt, "more\n")
    wait_lines(page, 301)
    assert follow.get_attribute("aria-pressed") == "false"
    assert page.locator("#L1").is_visible()
    follow.click()
    page.locator("#L301").wait_for()


def test_looking_back_right_after_new_lines_stops_following(running, alice, page_of):
    job, attempt = running
    store(attempt, "".join(f"line {number}\n" for number in range(1, 301)))
    page = open_output(page_of(alice), job)
    page.locator("[data-output-viewer] #L300").wait_for()
    # New lines and the look back within one frame: the browser tells of one scroll only.
    page.evaluate(
        """() => new Promise(resolve => requestAnimationFrame(() => {
            const { viewer } = document.getElementById('output');
            viewer.wasAt = 0;
            viewer.take([["out", "more\\n"]]);
            requestAnimationFrame(() => { viewer.viewport.scrollTop = 0; setTimeout(resolve, 200); });
        }))"""
    )
    assert page.get_by_role("button", name="Follow").get_attribute("aria-pressed") == "false"


def test_a_permalink_leads_to_its_line(running, alice, page_of):
    job, attempt = running
    store(attempt, "".join(f"line {number}\n" for number in range(1, 5001)))
    finish(job)
    page = open_output(page_of(alice), job, "#L2500")
    page.locator(".is-marked #L2500").wait_for()
    assert page.locator("#L2500").is_visible()
    page.locator("#L2503").click()
    page.locator(".is-marked #L2503").wait_for()
    assert page.url.endswith("#L2503")


def test_search_finds_what_is_not_on_the_page(running, alice, page_of):
    job, attempt = running
    lines = [f"line {number}" for number in range(1, 3001)]
    lines[99] = "Needle one"
    lines[1999] = "another needle"
    store(attempt, "\n".join(lines) + "\n")
    finish(job)
    page = open_output(page_of(alice), job)
    wait_lines(page, 3000)
    page.keyboard.press("/")
    page.keyboard.type("needle")
    page.get_by_text("1 of 2").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("2 of 2").wait_for()
    page.locator("mark.is-current").wait_for()
    page.locator("#L2000, #L100").first.wait_for()
    page.keyboard.press("Shift+Enter")
    page.get_by_text("1 of 2").wait_for()


def test_stdout_and_stderr_can_be_seen_alone(running, alice, page_of):
    job, attempt = running
    store(attempt, "good\n")
    store(attempt, "bad\n", "stderr")
    finish(job)
    page = open_output(page_of(alice), job)
    page.get_by_text("bad", exact=True).wait_for()
    page.get_by_role("link", name="stdout").first.click()
    page.get_by_text("bad", exact=True).wait_for(state="detached")
    page.get_by_role("link", name="stderr").first.click()
    page.get_by_text("bad", exact=True).wait_for()
    assert page.locator(".line-number").all_inner_texts() == ["2"]
    assert page.url.endswith("?stream=stderr")
    assert page.text_content("[data-output-count]").startswith("1 of ")


def test_a_progress_bar_stays_one_line(running, alice, page_of):
    job, attempt = running
    page = open_output(page_of(alice), job)
    for percent in (10, 55, 100):
        store(attempt, f"\rdone {percent} %")
    page.get_by_text("done 100 %", exact=True).wait_for()
    store(attempt, "\nnext\n")
    page.get_by_text("next", exact=True).wait_for()
    assert texts(page) == ["done 100 %", "next"]


def test_colours_are_shown(running, alice, page_of):
    job, attempt = running
    store(attempt, "\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;200mblue\x1b[0m\n")
    finish(job)
    page = open_output(page_of(alice), job)
    red = page.locator(".output-viewer .ansi-fg-1.ansi-bold")
    red.wait_for()
    assert red.inner_text() == "red"
    colour = page.get_by_text("blue", exact=True).evaluate("e => getComputedStyle(e).color")
    assert colour == "rgb(1, 2, 200)"


def test_hostile_text_is_only_text(running, alice, page_of):
    job, attempt = running
    evil = (
        "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>\n"
        "\x1b]8;;javascript:window.hacked=1\x07click\x1b]8;;\x07\n"
        '\x1b[31"><b onclick=x>m styled\n'
        "\u202eright to left\x07\x00\x9b31m\n"
    )
    store(attempt, evil)
    page = open_output(page_of(alice), job)
    wait_lines(page, 4)
    page.get_by_text("click", exact=True).wait_for()
    assert page.evaluate("window.hacked") is None
    inside = page.locator(".output-viewer")
    assert inside.locator("script, img, b, a[href^=javascript]").count() == 0
    assert "<script>window.hacked = 1</script>" in inside.inner_text()


def test_a_line_of_a_megabyte_is_cut_and_can_be_seen_whole(running, alice, page_of):
    job, attempt = running
    store(attempt, "y" * 1_000_000 + "END\n" + "after\n")
    finish(job)
    page = open_output(page_of(alice), job)
    page.get_by_text("after", exact=True).wait_for()
    button = page.get_by_role("button", name="Show whole line")
    assert len(page.locator(".line-text").first.inner_text()) < 20_000
    button.click()
    page.wait_for_function("() => document.querySelector('.line-text').textContent.endsWith('END')")


def test_long_lines_wrap_on_demand(running, alice, page_of):
    job, attempt = running
    store(attempt, "word " * 400 + "\nshort\n")
    finish(job)
    page = open_output(page_of(alice), job)
    page.get_by_text("short", exact=True).wait_for()
    # Asked in the page itself: lines are drawn anew, and one that was found may be gone the next moment.
    before = page.evaluate("document.querySelector('.line').offsetHeight")
    page.get_by_role("button", name="Wrap").click()
    page.wait_for_function("h => document.querySelector('.line').offsetHeight > h * 3", arg=before)


def test_the_output_can_be_copied(running, alice, page_of):
    job, attempt = running
    store(attempt, "\x1b[32mone\x1b[0m\ntwo\n")
    finish(job)
    page = page_of(alice, permissions=["clipboard-read", "clipboard-write"])
    open_output(page, job)
    page.get_by_text("two", exact=True).wait_for()
    page.get_by_role("button", name="Copy the output").click()
    page.wait_for_function("() => navigator.clipboard.readText().then(text => text === 'one\\ntwo')")


def test_without_javascript_the_last_lines_are_there(running, alice, page_of):
    job, attempt = running
    store(attempt, "".join(f"line {number}\n" for number in range(1, 1201)))
    finish(job)
    page = page_of(alice, java_script_enabled=False)
    page.goto(f"/jobs/{job.pk}/")
    assert page.locator("#L1200").is_visible()
    assert page.locator(".line").count() == 500
    page.get_by_role("link", name="Earlier lines").click()
    page.locator("#L700").wait_for()
    page.get_by_role("link", name="Later lines").click()
    page.locator("#L1200").wait_for()
    assert page.locator("#L700").count() == 0


def test_the_downloads_come_through_nginx_byte_for_byte(running, alice, page_of):
    job, attempt = running
    store(attempt, b"a\xff\x00b")
    page = page_of(alice)
    answer = page.request.get(f"/jobs/{job.pk}/output/stdout.log")
    assert answer.body() == b"a\xff\x00b"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["accept-ranges"] == "bytes"
    part = page.request.get(f"/jobs/{job.pk}/output/stdout.log", headers={"Range": "bytes=1-2"})
    assert (part.status, part.body()) == (206, b"\xff\x00")


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious(running, alice, page_of, colour):
    from axe_playwright_python.sync_playwright import Axe

    job, attempt = running
    colours = "".join(f"\x1b[{code}mcolour {code}\x1b[0m " for code in [*range(30, 38), *range(90, 98)])
    store(attempt, f"plain\n{colours}\n")
    store(attempt, "error\n", "stderr")
    finish(job)
    page = open_output(page_of(alice, colour=colour), job)
    page.get_by_text("error", exact=True).wait_for()
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
