"""Hostile result files opened through the real pages in a real browser, behind the real nginx.

A witness notes every request that carries a session; what the page itself needs is known, everything else is a hole.
"""

import io
import json
import zipfile

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Error

from tests.cast import new_artifact

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PATIENCE = 20_000
# Tried by every script that gets to run: each way to the session, to storage, to the page around, to the network.
ATTACK = """
window.said = {};
const attempts = {
  cookie: () => document.cookie,
  storage: () => localStorage.getItem("x"),
  parent: () => parent.document.title,
  top: () => { top.location = "/hole/top"; },
  parentLocation: () => { parent.location = "/hole/parent"; },
  form: () => { const f = document.createElement("form"); f.action = "/hole/form"; f.method = "post";
                document.documentElement.append(f); f.submit(); },
  popup: () => { if (!open("/hole/popup")) throw new Error("no window"); },
  image: () => { new Image().src = "/hole/image"; },
  beacon: () => navigator.sendBeacon("/hole/beacon", "x"),
  fetch: () => { fetch("/hole/fetch", { credentials: "include" }).catch(() => {}); },
  xhr: () => { const x = new XMLHttpRequest(); x.open("GET", "/hole/xhr"); x.withCredentials = true; x.send(); },
  events: () => { new EventSource("/hole/events", { withCredentials: true }); },
  worker: () => { new Worker("/hole/worker.js"); },
  script: () => { const s = document.createElement("script"); s.src = "/hole/script.js";
                  document.documentElement.append(s); },
  frame: () => { const f = document.createElement("iframe"); f.src = "/hole/frame";
                 document.documentElement.append(f); },
  self: () => { location.href = "/hole/self"; },
};
for (const [name, run] of Object.entries(attempts)) {
  if (name === "self" && !ATTACK_SELF) continue;
  try { window.said[name] = String(run()); } catch (error) { window.said[name] = "refused: " + error.name; }
}
document.title = "ran";
"""
SCRIPT = f"<script>{ATTACK}</script>".replace("ATTACK_SELF", "false")
SELF = f"<script>{ATTACK}</script>".replace("ATTACK_SELF", "true")
CANARY = "parent.hole = top.hole = window.hole = 1"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{CANARY}"><script>{CANARY}</script>' + (
    '<image href="/hole/svg-image" width="9" height="9"/><foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml"'
    ' src="/hole/svg-frame"/></foreignObject><rect width="9" height="9"/></svg>'
)
MARKDOWN = f"""# Report
[a](javascript:{CANARY.replace(" ", "")}) <a href="javascript:{CANARY}">b</a> <img src=/hole/md onerror="{CANARY}">
![x](/hole/md-image) <script>{CANARY}</script> <svg onload="{CANARY}"></svg> <iframe src=/hole/md-frame></iframe>
<form action=/hole/md-form><button>go</button></form> <details open ontoggle="{CANARY}">d</details>
<div class="nav-frame" id="main" hx-get="/hole/htmx" hx-trigger="load">x</div>
<div data-live-job="1" data-live-url="/hole/live">x</div><input autofocus onfocus="{CANARY}">
<meta http-equiv="refresh" content="0;url=/hole/refresh"><base href="//evil.example/">
"""
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "source": MARKDOWN},
            {
                "cell_type": "code",
                "source": f"</pre><script>{CANARY}</script>",
                "outputs": [
                    {"output_type": "display_data", "data": {"text/html": MARKDOWN + SVG}},
                    {"output_type": "display_data", "data": {"image/svg+xml": SVG}},
                    {"output_type": "display_data", "data": {"application/javascript": CANARY}},
                    {"output_type": "display_data", "data": {'image/png" onerror="' + CANARY: "AAAA"}},
                    {
                        "output_type": "stream",
                        "text": f"\x1b]8;;javascript:{CANARY}\x07x\x1b]8;;\x07<img src=/hole/ansi>",
                    },
                ],
            },
        ]
    }
)
TAG = f"<img src=/hole/tag onerror='{CANARY}'><script>{CANARY}</script>"
STILL = {
    "plot.svg": SVG,
    "polyglot.png": "\x89PNG\r\n\x1a\n" + TAG,
    "polyglot.jpg": "<html>" + TAG,
    "table.csv": f'name,value\n"{TAG}",1\n=HYPERLINK("javascript:{CANARY}"),2\n',
    "report.md": MARKDOWN,
    "book.ipynb": NOTEBOOK,
    "broken.ipynb": "{" + TAG,
    "metrics.json": json.dumps({TAG: [TAG]}),
    "broken.json": "{" + TAG,
    "lines.ndjson": json.dumps(TAG) + "\n" + TAG,
    "page.txt": "<!doctype html><html>" + TAG,
    "page.xml": f'<?xml-stylesheet href="/hole/xslt" type="text/xsl"?><x xmlns="http://www.w3.org/1999/xhtml">{TAG}</x>',
    "code.py": f'"""{TAG}"""\n',
    "page": "<!doctype html><html>" + TAG,
    "<img src=x onerror=parent.hole=1>.txt": "x",
    '"><script>top.hole=1<' + "script>.csv": "a,b\n",
}


@pytest.fixture
def attempt(make_job, make_attempt):
    job = make_job(status="succeeded", name="<b>Train</b>")
    return make_attempt(job, started_at=timezone.now(), collected_at=timezone.now())


# What only a hostile file could have brought into the content of a page.
ACTIVE = (
    "main script, main [hx-get], main [data-live-url], main [action*=hole], main base, main meta, main iframe"
)


class Witness:
    """Every request of the page's context, with whether it carried the session."""

    def __init__(self, page):
        self.requests = []
        page.context.on("requestfinished", self._note)
        page.context.on("requestfailed", self._note)

    def _note(self, request):
        if "csp" in (request.failure or "").lower() or "BLOCKED" in (request.failure or ""):
            return  # the browser refused to send it
        self.requests.append((request.url, "sessionid=" in request.all_headers().get("cookie", "")))

    @property
    def holes(self):
        return [url for url, has_session in self.requests if "/hole/" in url and has_session]

    @property
    def outside(self):
        return [url for url, _ in self.requests if "evil.example" in url]


def raw_page(page_of, alice):
    """A page whose refusals are expected: the policy's messages are what the test wants."""
    page = page_of(alice)
    page.context.pages[0].close()
    return page.context.new_page()


def test_no_result_runs_or_loads_anything_in_our_pages(attempt, alice, page_of):
    made = [new_artifact(attempt, path, text.encode("latin-1", "ignore")) for path, text in STILL.items()]
    page = raw_page(page_of, alice)
    witness = Witness(page)
    results = f"/jobs/{attempt.job_id}/results/"
    for address in (results, *(f"{results}{artifact.pk}/" for artifact in made)):
        page.goto(address, wait_until="networkidle")
        assert page.evaluate("window.hole") is None, address
        assert page.evaluate(f"document.querySelectorAll('{ACTIVE}').length") == 0, address
        assert page.url.endswith(address)
    for artifact in made:
        try:
            page.goto(f"{results}{artifact.pk}/raw/", wait_until="load")
            assert page.evaluate("window.hole") is None, artifact.path
        except Error as error:  # a download is no page
            assert "Download is starting" in str(error), error
    assert witness.holes == []
    assert witness.outside == []


def test_html_runs_in_an_origin_of_its_own_with_no_way_out(attempt, alice, page_of):
    artifact = new_artifact(attempt, "report.html", f"<h1>Report</h1><p id=p></p>{SCRIPT}".encode())
    page = raw_page(page_of, alice)
    witness = Witness(page)
    page.goto(f"/jobs/{attempt.job_id}/results/{artifact.pk}/", wait_until="networkidle")
    frame = page.frames[1]
    frame.wait_for_function("document.title === 'ran'", timeout=PATIENCE)
    said = frame.evaluate("window.said")
    for name in ("cookie", "storage", "parent", "top", "parentLocation", "popup", "worker"):
        assert said[name].startswith("refused"), (name, said[name])
    assert frame.evaluate("window.origin") == "null"
    assert page.url.endswith(f"/results/{artifact.pk}/")
    assert len(page.context.pages) == 1
    assert [url for url, _ in witness.requests if "/hole/" in url] == []


def test_html_that_leads_its_frame_elsewhere_takes_no_session_along(attempt, alice, page_of):
    artifact = new_artifact(attempt, "report.html", SELF.encode())
    page = raw_page(page_of, alice)
    witness = Witness(page)
    page.goto(f"/jobs/{attempt.job_id}/results/{artifact.pk}/", wait_until="networkidle")
    assert any("/hole/self" in url for url, _ in witness.requests)
    assert witness.holes == []


def test_html_opened_by_its_raw_address_is_shown_in_our_frame(attempt, alice, page_of):
    artifact = new_artifact(attempt, "report.html", b"<h1>Report</h1>")
    page = page_of(alice)
    page.goto(f"/jobs/{attempt.job_id}/results/{artifact.pk}/raw/")
    assert page.url.endswith(f"/results/{artifact.pk}/")
    page.frame_locator("iframe").get_by_role("heading", name="Report").wait_for()


def test_a_self_contained_report_works(attempt, alice, page_of):
    """What plotly, bokeh and htmlwidgets need: inline script and style, eval, data and blob addresses."""
    html = """<style>p { color: rgb(1, 2, 3) }</style><p id=p></p>
    <script src="data:text/javascript,window.fromData=1"></script>
    <script>
      const url = URL.createObjectURL(new Blob(["postMessage(eval('6*7'))"], { type: "text/javascript" }));
      const p = document.getElementById("p");
      new Worker(url).onmessage = (m) => { p.textContent = "w" + m.data + eval("1+1") + window.fromData; };
    </script>"""
    artifact = new_artifact(attempt, "plotly.html", html.encode())
    page = page_of(alice)
    page.goto(f"/jobs/{attempt.job_id}/results/{artifact.pk}/")
    words = page.frame_locator("iframe").get_by_text("w4221")
    words.wait_for(timeout=PATIENCE)
    assert words.evaluate("e => getComputedStyle(e).color") == "rgb(1, 2, 3)"


def test_nginx_keeps_every_header_that_keeps_a_file_harmless(attempt, alice, site, page_of):
    request = page_of(alice).context.request
    for path, start in {
        "a.html": "sandbox allow-scripts;",
        "a.svg": "sandbox;",
        "a.pdf": "default-src 'none'",
    }.items():
        artifact = new_artifact(attempt, path, b"<x/>")
        answer = request.get(f"{site.url}/jobs/{attempt.job_id}/results/{artifact.pk}/raw/")
        headers = answer.headers_array
        policies = [h["value"] for h in headers if h["name"].lower() == "content-security-policy"]
        assert len(policies) == 1
        assert policies[0].startswith(start)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert "private" in answer.headers["cache-control"]
        assert answer.headers["content-disposition"].startswith("inline")
        assert "x-accel-redirect" not in answer.headers
        assert answer.headers.get("accept-ranges") == "bytes", "nginx did not send it"


def test_a_download_has_its_name_and_content(attempt, alice, page_of):
    artifact = new_artifact(attempt, 'results/grö"ße <b>.html', b"<script>1</script>")
    page = page_of(alice)
    page.goto(f"/jobs/{attempt.job_id}/results/{artifact.pk}/")
    with page.expect_download() as caught:
        page.get_by_role("link", name="Download").click()
    assert caught.value.suggested_filename == "grö_ße _b_.html"
    with open(caught.value.path(), "rb") as file:  # noqa: PTH123
        assert file.read() == b"<script>1</script>"


def test_all_results_come_as_one_zip_and_a_changed_file_breaks_it_off(attempt, alice, site, page_of):
    new_artifact(attempt, "results/a.txt", b"a" * 600_000)
    context = page_of(alice).context
    address = f"{site.url}/jobs/{attempt.job_id}/results.zip"
    archive = zipfile.ZipFile(io.BytesIO(context.request.get(address).body()))
    assert archive.testzip() is None
    assert archive.namelist() == ["results/a.txt"]
    new_artifact(attempt, "results/b.txt", b"short", size=10)
    with pytest.raises(Exception, match="aborted|closed|reset|ECONN|terminated|socket hang up"):
        context.request.get(address).body()


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_kind_of_result(attempt, alice, page_of, colour):
    code = "import os\n# note\nclass A:\n    @staticmethod\n    def f(x=1):\n        return f'{x}' if None else 2.5\n"
    colours = "".join(f"\x1b[{n}mc{n}\x1b[0m " for n in (*range(30, 38), *range(90, 98)))
    outputs = [{"output_type": "stream", "name": name, "text": colours} for name in ("stdout", "stderr")]
    cells = [
        {"cell_type": "markdown", "source": "## T\n[l](https://example.org) `c`\n> q\n"},
        {"cell_type": "code", "source": code, "execution_count": 1, "outputs": outputs},
    ]
    files = {
        "a.py": code, "a.R": "f <- function(x) { x$y + 1L } # n\nlibrary(stats)\n'a'\n", "a.csv": "a,b\nx,1\n",
        "a.json": '{"a": [1, true, null, "s"]}', "a.md": "# T\n\n```python\n" + code + "```\n\n| a |\n|--|\n| 1 |\n",
        "a.ipynb": json.dumps({"cells": cells}), "a.txt": "t\n", "a.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "a.html": "<html lang=en><title>t</title><h1>t</h1>", "a.bin": "\0", "empty.txt": "",
    }  # fmt: skip
    made = [new_artifact(attempt, path, content.encode()) for path, content in files.items()]
    page = page_of(alice, colour=colour)
    for rest in ("", *(f"{artifact.pk}/" for artifact in made)):
        page.goto(f"/jobs/{attempt.job_id}/results/{rest}", wait_until="networkidle")
        found = Axe().run(page).response["violations"]
        serious = [
            (v["id"], [node["html"][:150] + node["failureSummary"][:150] for node in v["nodes"]][:3])
            for v in found
            if v["impact"] in {"serious", "critical"}
        ]
        assert serious == [], rest


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_no_page_scrolls_sideways(attempt, alice, page_of, width):
    long = "a_very_long_name_" * 12 + ".csv"
    made = [
        new_artifact(attempt, f"results/{long}", (",".join(["column"] * 60) + "\n").encode() * 4),
        new_artifact(attempt, "a.txt", b"x" * 3000),
        new_artifact(attempt, "a.py", b"x = '" + b"y" * 3000 + b"'"),
        new_artifact(attempt, "a.md", b"| " + b"a | " * 60 + b"\n|" + b"--|" * 60 + b"\n\n" + b"w" * 500),
    ]
    page = page_of(alice, width=width)
    for rest in ("", *(f"{artifact.pk}/" for artifact in made)):
        page.goto(f"/jobs/{attempt.job_id}/results/{rest}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, rest
