"""1 GiB of output as fast as a script can: its way in, and then its end, its middle, a word in it, and the whole."""

import hashlib
import re
import time
from collections import defaultdict
from collections.abc import Iterator

import psycopg

from tests.bench import floors, memory
from tests.bench.artefact import RunnerPeak, growth_of
from tests.bench.in_chromium import signed_in
from tests.bench.report import Figure, at_least, at_most, p50
from tests.up.portal_process import PortalProcess
from tests.visitor import FINISHED, Visitor

MIB = 1024**2
SIZE_MIB, ROUNDS, LOOKS, TAIL_LINES = 1024, 3, 30, 1000
PATIENCE = 300
LINE, LINES_OF_MIB = 128, MIB // 128
NEEDLE = "the-needle"
# Lines of 128 bytes; the first of each MiB counts, one of them, near the end, has a word of its own.
CODE = """
import os
def line(text):
    return text.ljust(127).encode() + b"\\n"
rest = b"".join(line(f"row {{number}} of many that a script prints about its work") for number in range(1, {lines}))
for block in range({size}):
    word = "{needle}" if block == {size} * 9 // 10 else "block"
    data = memoryview(line(f"{{word}} {{block}}") + rest)
    while data:
        data = data[os.write(1, data):]
"""
# Kept of each stream: all of it, and all of it in the half that is shipped while the script runs.
LIMITS = {"OUTPUT_MAX_BYTES": str(3 * SIZE_MIB * MIB)}
LARGEST_GROWTH = 32


def measure() -> Iterator[Figure]:
    """In, beside a bare copy of the same bytes; then what a person does with a log of that size."""
    seconds: dict[str, list[float]] = defaultdict(list)
    with PortalProcess(**LIMITS) as portal:
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        with RunnerPeak(portal.home) as usual:
            small = _run(visitor, 1)
        _look_around(visitor, small)
        memory.forget_peaks(portal)
        before = memory.peaks(portal)
        with RunnerPeak(portal.home) as runner:
            for _ in range(ROUNDS):
                seconds["bare"].append(floors.pipe(_code(SIZE_MIB), portal.home / "bare"))
                large = _run(visitor, SIZE_MIB)
                seconds["in"].append(_seconds_of_ingest(portal.database_url))
        figures = [*_reading(visitor, small, large), *_downloads(visitor, large)]
        growth = growth_of(before, memory.peaks(portal))
        growth["runner"] = runner.highest - usual.highest
        figures += _in_chromium(visitor, small, large)
    yield from _rates(seconds)
    yield from figures
    for name, value in sorted(growth.items()):
        yield at_most("biglog", f"growth of the peak RSS: {name}", value, "MiB", LARGEST_GROWTH)


def _rates(seconds: dict[str, list[float]]) -> Iterator[Figure]:
    rates = {name: [SIZE_MIB / value for value in values] for name, values in seconds.items()}
    labels = {"in": "script's start → all stored", "bare": "floor: pipe, loopback HTTP, file, in bare Python"}
    for name, label in labels.items():
        note = f"{min(rates[name]):,.0f} to {max(rates[name]):,.0f} in {ROUNDS} rounds of {SIZE_MIB} MiB"
        yield Figure("biglog", f"{label}, p50", p50(rates[name]), "MiB/s", note=note)
    share = 100 * p50(rates["in"]) / p50(rates["bare"])
    yield at_least("biglog", "all stored / floor", share, "%", 30)


def _reading(visitor: Visitor, small: int, large: int) -> Iterator[Figure]:
    """Both logs in turn, so that what else the machine does falls on both."""
    tails: dict[int, list[float]] = {small: [], large: []}
    for _ in range(LOOKS):
        for job_id in tails:
            tails[job_id].append(_tail(visitor, job_id))
    note = f"{LOOKS} times in turn with 1 MiB: {1000 * p50(tails[small]):.1f} ms; the page and the lines before it"
    yield at_most("biglog", f"last {TAIL_LINES:,} lines, p50", 1000 * p50(tails[large]), "ms", 50, note)
    ratio = p50(tails[large]) / p50(tails[small])
    yield at_most("biglog", "the same / of a log of 1 MiB", ratio, "×", 1.2)
    middles = [_middle(visitor, large) for _ in range(LOOKS)]
    yield Figure("biglog", "jump to the middle, p50", 1000 * p50(middles), "ms", note="50 % → its lines")
    found = _search(visitor, large)
    yield Figure(
        "biglog", "search all of it", found, "s", note="one match, at nine tenths; asked step by step"
    )


def _downloads(visitor: Visitor, job_id: int) -> Iterator[Figure]:
    wanted = floors.hash_of_output(_code(SIZE_MIB))
    for stream in ("stdout", "merged"):
        digest, began = hashlib.sha256(), time.monotonic()
        with visitor.get(f"/jobs/{job_id}/output/{stream}.log", stream=True) as answer:
            while block := answer.raw.read(MIB):
                digest.update(block)
        seconds = time.monotonic() - began
        assert digest.hexdigest() == wanted, f"{stream}.log is not what the script wrote"
        note = "hashed as it comes; the hash is that of what the script wrote"
        yield Figure("biglog", f"download {stream}.log", SIZE_MIB / seconds, "MiB/s", note=note)


def _in_chromium(visitor: Visitor, small: int, large: int) -> list[Figure]:
    """From a page's start, and from a click on its “To the end” → the last line painted where a person sees it."""
    times: dict[int, list[float]] = {small: [], large: []}
    floor, clicks, last = [], [], f"row {LINES_OF_MIB - 1} of many"
    with signed_in(visitor) as page:
        if page is None:
            return []
        for _ in range(LOOKS // 3):
            page.goto(visitor.url + EMPTY_PAGE, wait_until="commit")
            floor.append(page.evaluate(HEADING_SEEN))
            for job_id in times:
                page.goto(f"{visitor.url}/jobs/{job_id}/", wait_until="commit")
                times[job_id].append(page.evaluate(LAST_LINE_SEEN, last))
            # The large log's page.
            page.wait_for_function(LEFT_FOR_THE_TOP, arg=last)
            clicks.append(page.evaluate(TO_THE_END, last))
    note = f"1 MiB: {p50(times[small]):.0f} ms; from the navigation's start, with all of the page"
    return [
        Figure("biglog", "page → last line in Chromium, p50", p50(times[large]), "ms", note=note),
        Figure("biglog", "floor: a page of the portal without output in Chromium, p50", p50(floor), "ms"),
        at_most("biglog", "“To the end” → last line in Chromium, p50", p50(clicks), "ms", 50),
    ]


EMPTY_PAGE = "/accounts/password/change/"
# Answers when the page's heading was painted, in milliseconds of the navigation's clock.
HEADING_SEEN = """() => new Promise(done => {
    const look = () => {
        const isThere = document.querySelector("h1")?.getBoundingClientRect().height;
        requestAnimationFrame(isThere ? () => done(performance.now()) : look);
    };
    look();
})"""
# Whether the text is in a line within the window.
IS_SEEN = """text => {
    const lines = [...document.querySelectorAll("#output .line-text")].reverse();
    const box = lines.find(one => one.textContent.startsWith(text))?.getBoundingClientRect();
    return Boolean(box && box.height && box.top < innerHeight && box.bottom > 0);
}"""
# Answers when it is, in milliseconds of the navigation's clock.
LAST_LINE_SEEN = f"""text => new Promise(done => {{
    const isSeen = {IS_SEEN};
    const look = () => isSeen(text) ? done(performance.now()) : requestAnimationFrame(look);
    look();
}})"""
# Once the page has all of its lines: goes to the first of them; whether the text is far from there.
LEFT_FOR_THE_TOP = f"""text => {{
    const viewport = document.querySelector("[data-output-viewer]");
    if (document.querySelector("[data-output-state]").textContent !== "Complete") return false;
    viewport.scrollTop = 0;
    return viewport.scrollHeight > 2 * viewport.clientHeight && !({IS_SEEN})(text);
}}"""
# From a click on the button → the frame after the one with the text in sight, in milliseconds.
TO_THE_END = f"""text => new Promise(done => {{
    const isSeen = {IS_SEEN};
    const began = performance.now();
    document.querySelector("[data-output-follow]").click();
    const look = () => requestAnimationFrame(isSeen(text) ? () => done(performance.now() - began) : look);
    requestAnimationFrame(look);
}})"""


def _look_around(visitor: Visitor, job_id: int) -> None:
    """What is loaded at first use is no growth."""
    for _ in range(4):
        _tail(visitor, job_id)
        _middle(visitor, job_id)
        _search(visitor, job_id)
        visitor.get(f"/jobs/{job_id}/output/merged.log").close()


def _tail(visitor: Visitor, job_id: int) -> float:
    began, shown = time.monotonic(), 0
    page = visitor.get(f"/jobs/{job_id}/").text
    shown = page.count('class="line-text"')
    assert f"row {LINES_OF_MIB - 1} of many" in page
    while shown < TAIL_LINES:
        found = re.search(r'<a href="(\?stream=all&amp;to=\d+)">Earlier lines', page)
        assert found, "no earlier lines"
        page = visitor.get(f"/jobs/{job_id}/{found[1].replace('&amp;', '&')}").text
        shown += page.count('class="line-text"')
    return time.monotonic() - began


def _middle(visitor: Visitor, job_id: int) -> float:
    began = time.monotonic()
    there = visitor.get(f"/jobs/{job_id}/?go=50%25").headers["Location"]
    page = visitor.get(there.partition("#")[0]).text
    seconds = time.monotonic() - began
    number = re.search(r"line=(\d+)", there)
    assert number, there
    assert f'id="L{number[1]}"' in page
    return seconds


def _search(visitor: Visitor, job_id: int) -> float:
    """Seconds until all was searched: the page, and each step that it asks for by itself."""
    folder, began = f"/jobs/{job_id}/output/search/", time.monotonic()
    page = visitor.get(f"{folder}?q={NEEDLE}").text
    hits = page.count("<mark>")
    while found := re.search(r'class="hits-step" hx-get="([^"]+)"', page):
        page = visitor.get(folder + found[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).text
        hits += page.count("<mark>")
    assert hits == 1, f"{hits} matches"
    return time.monotonic() - began


def _code(size: int) -> str:
    return CODE.format(lines=LINES_OF_MIB, size=size, needle=NEEDLE)


def _run(visitor: Visitor, size: int) -> int:
    job_id = visitor.send_form(visitor.new_form(), _code(size))
    deadline = time.monotonic() + PATIENCE
    # Looks are rare: each costs the portal as much as a MiB of output.
    while (status := visitor.status(job_id)) not in FINISHED:
        assert time.monotonic() < deadline, f"{status} after {PATIENCE} s"
        time.sleep(0.5)
    assert status == "succeeded", status
    return job_id


def _seconds_of_ingest(database_url: str) -> float:
    """From the script's start to the manifest, as the portal noted both."""
    query = "SELECT extract(epoch FROM collected_at - started_at) FROM jobs_attempt ORDER BY id DESC LIMIT 1"
    with psycopg.connect(database_url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return float(row[0])
