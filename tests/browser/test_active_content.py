"""Hundreds of files with active content, each opened as a result in a real browser behind the real nginx.

At its page, at its raw address and as a download: no script runs in the portal's origin, no request of the file's
carries the session, nothing reaches another site, and the page stays where it is.
"""

import contextlib
import itertools
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from django.utils import timezone
from playwright.sync_api import Error, Page, TimeoutError

from jobs.models import Artifact
from jobs.previews.kinds import kind_of
from tests.browser.payloads.corpus import FAMILIES, payloads
from tests.browser.payloads.witness import AUDIT, Elsewhere, Witness
from tests.cast import new_artifact

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TABS = 8
# How long a file's scripts may try before the tab is looked at and used for the next one.
GRACE = 250


EMBEDDED = """
<script src="@RAW@"></script><img src="@RAW@" onload="loaded = 1"><iframe src="@RAW@"></iframe>
<object data="@RAW@"></object><link rel="stylesheet" href="@RAW@" onload="loaded = 1">
<script>fetch("@RAW@", { mode: "no-cors", credentials: "include" }).then(() => { loaded = 1; });</script>
"""


@pytest.fixture
def attempt(make_job, make_attempt):
    job = make_job(status="succeeded", name="Hostile")
    return make_attempt(job, started_at=timezone.now(), collected_at=timezone.now())


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


@pytest.fixture
def witness(page_of, alice, site) -> Witness:
    """Of a browser in which Alice is signed in. The browser's complaints about the files are what the test wants."""
    context = page_of(alice).context
    context.pages[0].close()
    return Witness(context, site.url)


@pytest.fixture
def tabs(witness) -> list[Page]:
    return [witness.watch(witness.context.new_page()) for _ in range(TABS)]


def made(attempt, family: str, evil: str) -> list[Artifact]:
    own = f"/jobs/{attempt.job_id}/results"
    other = new_artifact(attempt, "zz-other.html", b"<script>canary(self.origin)</script>")
    return [
        new_artifact(attempt, payload.path, payload.content)
        for payload in payloads(family, evil, f"{own}/{other.pk}/raw/")
    ]


def go(page: Page, address: str) -> None:
    try:
        page.goto(address, wait_until="commit")
    except Error as error:  # a download is no page
        assert "Download is starting" in str(error) or "ERR_ABORTED" in str(error), error


def visit(tabs: list[Page], addresses: list[str], *, click: bool) -> None:
    """Open one address per tab, act as a person who clicks on what is shown, and give the scripts their time."""
    for page, address in zip(tabs, addresses, strict=False):
        go(page, address)
    for page, _ in zip(tabs, addresses, strict=False):
        page.wait_for_load_state("load")
        if click:
            click_in(page)
    tabs[0].wait_for_timeout(GRACE)


def click_in(page: Page) -> None:
    """On what is shown: some files wait for a person's gesture. A file may take the place away meanwhile."""
    with contextlib.suppress(TimeoutError):
        place = page.locator(".artifact, :root").last
        place.click(position={"x": 200, "y": 200}, force=True, no_wait_after=True, timeout=1500)


def batches(artifacts: list[Artifact]) -> Iterator[list[Artifact]]:
    rest = iter(artifacts)
    while batch := list(itertools.islice(rest, TABS)):
        yield batch


def test_the_corpus_has_at_least_300_different_payloads():
    contents = {payload.content for family in FAMILIES for payload in payloads(family)}
    assert len(contents) >= 400
    for family in FAMILIES:
        paths = [payload.path for payload in payloads(family)]
        assert len(paths) == len(set(paths)), family


def test_the_witness_hears_a_script_of_the_portals_and_sees_its_request(witness, elsewhere, tabs):
    page = tabs[0]
    page.goto("/")
    assert witness.with_session(f"{witness.portal}/") == []
    page.evaluate("async () => { canary(self.origin); await fetch('/hole/1').catch(() => {}); }")
    page.context.request.get(f"{elsewhere.url}/1")
    page.wait_for_timeout(GRACE)
    assert witness.origins() == [witness.portal]
    assert witness.with_session() == [f"{witness.portal}/hole/1"]
    assert elsewhere.hits == ["GET /1"]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_file_acts_on_its_page(family, attempt, witness, elsewhere, tabs):
    artifacts = made(attempt, family, elsewhere.url)
    results = f"{witness.portal}/jobs/{attempt.job_id}/results/"
    ran = 0
    for batch in batches(artifacts):
        pages = [f"{results}{artifact.pk}/" for artifact in batch]
        visit(tabs, pages, click=family in {"html", "pdf", "svg"})
        what = [artifact.path for artifact in batch]
        assert [page.url for page, _ in zip(tabs, pages, strict=False)] == pages, what
        for page, artifact in zip(tabs, batch, strict=False):
            assert page.evaluate(AUDIT) == [], artifact.path
        origins = witness.origins()
        ran += len(origins)
        assert set(origins) <= ({"null"} if family == "html" else set()), what
        assert witness.with_session(*pages, *(f"{page}raw/" for page in pages)) == [], what
        assert elsewhere.hits == [], what
        assert witness.downloads == [], what
        assert len(witness.context.pages) == TABS, what
    assert witness.context.service_workers == []
    assert (ran > 50) == (family == "html"), "the files' scripts are alive where they may be"


@pytest.mark.parametrize("family", FAMILIES)
def test_no_file_acts_at_its_raw_address_or_when_it_is_saved(family, attempt, witness, elsewhere, tabs):
    artifacts = made(attempt, family, elsewhere.url)
    results = f"{witness.portal}/jobs/{attempt.job_id}/results/"
    # HTML is led to its page, which the test above has opened.
    for batch in batches(artifacts[:TABS] if family == "html" else artifacts):
        raws = [f"{results}{artifact.pk}/raw/" for artifact in batch]
        places = [page.url for page in tabs]
        visit(tabs, raws, click=True)
        what = [artifact.path for artifact in batch]
        for page, artifact, address, before in zip(tabs, batch, raws, places, strict=False):
            framed = f"{results}{artifact.pk}/"
            is_html = kind_of(artifact.path) == "html"
            # A file that is saved leaves the tab where it was.
            assert page.url in ({framed} if is_html else {address, before}), artifact.path
        assert set(witness.origins()) <= ({"null"} if family == "html" else set()), what
        assert witness.with_session(*raws, *(raw.removesuffix("raw/") for raw in raws)) == [], what
        assert elsewhere.hits == [], what
        assert len(witness.context.pages) == TABS, what
    for artifact in artifacts:
        answer = witness.context.request.get(f"{results}{artifact.pk}/download/")
        assert answer.headers["content-disposition"].startswith("attachment"), artifact.path
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-security-policy"] == "sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.body()) == artifact.size


@pytest.mark.parametrize("family", FAMILIES)
def test_no_file_acts_in_the_grid_of_results(family, attempt, witness, elsewhere, tabs):
    artifacts = made(attempt, family, elsewhere.url)
    results = f"{witness.portal}/jobs/{attempt.job_id}/results/"
    expected = [f"{results}{artifact.pk}/raw/" for artifact in artifacts]
    page, address, seen = tabs[0], results, 0
    while address:
        page.goto(address, wait_until="networkidle")
        assert page.url == address
        assert page.evaluate(AUDIT) == []
        assert witness.with_session(address, *expected) == []
        seen += page.locator("li.result").count()
        following = page.locator('nav.pager a[rel="next"]').first
        address = urljoin(address, following.get_attribute("href")) if following.count() else ""
    assert seen == attempt.artifacts.count()
    assert witness.origins() == []
    assert elsewhere.hits == []


def test_another_site_cannot_embed_a_result(attempt, witness, elsewhere, tabs):
    script = new_artifact(attempt, "app.js", b"canary(self.origin)")
    raw = f"{witness.portal}/jobs/{attempt.job_id}/results/{script.pk}/raw/"
    others = {
        new_artifact(attempt, f"a.{s}", b"<svg/>").pk for s in ("svg", "html", "css", "png", "pdf", "json")
    }
    addresses = [raw, *(raw.replace(str(script.pk), str(pk)) for pk in others)]
    elsewhere.page = "".join(EMBEDDED.replace("@RAW@", address) for address in addresses)
    page = tabs[0]
    page.goto(elsewhere.url, wait_until="networkidle")
    assert page.evaluate("window.loaded") is None
    assert witness.origins() == []
    assert {frame.url for frame in page.frames[1:]} <= {"chrome-error://chromewebdata/", "about:blank", ""}
