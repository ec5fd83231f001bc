"""From a line that a script prints to the same line in front of the person."""

import time
from collections.abc import Iterator

from tests.bench.in_chromium import signed_in
from tests.bench.report import Figure, at_most, p50, p95
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

LINES, PAUSE = 60, 0.37
# The script says when it prints: both clocks are this machine's.
CODE = f"import time\nfor _ in range({LINES}):\n    time.sleep({PAUSE})\n    print(time.time())\n"
# Where the page shows lines; each new one is noted with the time at which it is in the document.
COLLECT = """() => {
    window.seen = [];
    const known = new Set();
    const began = Date.now() / 1000;
    const look = () => {
        const now = Date.now() / 1000;
        for (const line of document.querySelectorAll("[data-output-viewer] .line-text")) {
            const text = line.textContent.trim();
            if (!/^\\d+\\.\\d+$/.test(text) || known.has(text)) continue;
            known.add(text);
            // A line that was there before the page was says how long Chromium took to start.
            if (Number(text) > began) window.seen.push(now - Number(text));
        }
        requestAnimationFrame(look);
    };
    look();
}"""


def measure() -> Iterator[Figure]:
    """Once for an HTTP client that reads the event stream, once for a page in Chromium."""
    with PortalProcess() as portal:
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        by_http = _over_http(visitor)
        in_browser = _in_chromium(visitor)
    yield at_most(
        "line", "printed → received, p95", p95(by_http), "s", 1.0, f"{len(by_http)} lines, HTTP client"
    )
    yield Figure("line", "printed → received, p50", p50(by_http), "s")
    if in_browser:
        note = f"{len(in_browser)} lines, seen in the page at its next frame"
        yield at_most("line", "printed → in Chromium, p95", p95(in_browser), "s", 1.0, note)
        yield Figure("line", "printed → in Chromium, p50", p50(in_browser), "s")


def _over_http(visitor: Visitor) -> list[float]:
    job_id = visitor.send_form(visitor.new_form(), CODE)
    lags = [time.time() - float(line) for line in visitor.lines(job_id)]
    assert len(lags) == LINES, f"{len(lags)} of {LINES} lines arrived"
    return lags


def _in_chromium(visitor: Visitor) -> list[float]:
    with signed_in(visitor) as page:
        if page is None:
            return []
        job_id = visitor.send_form(visitor.new_form(), CODE)
        page.goto(f"{visitor.url}/jobs/{job_id}/")
        page.evaluate(COLLECT)
        visitor.wait_until_finished(job_id)
        page.wait_for_timeout(1000)
        lags = page.evaluate("window.seen")
    assert len(lags) > LINES // 2, f"only {len(lags)} of {LINES} lines were seen in the page"
    return list(lags)
