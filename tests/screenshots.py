"""`make screenshots`: the README's pictures, made anew from a portal that is started for it, light and dark."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.chromium import NOT_FOUND, find_chromium
from tests.up.portal_process import BASE, PortalProcess
from tests.visitor import Visitor

FOLDER = BASE / "docs" / "screenshots"
SIZE = {"width": 1280, "height": 800}
THEMES = ("light", "dark")
TRAINING = r"""
import math, sys, time
print("\x1b[1mTraining\x1b[0m gradient boosting on 48,213 rows, 12 features, 5 folds")
print("reading \x1b[36mdata/orders.parquet\x1b[0m … done in 1.9 s")
best = 9.9
for round in range(1, 400):
    loss = 0.31 + 0.9 * math.exp(-round / 9) + 0.01 * math.sin(round * 1.7)
    mark = ""
    if loss < best:
        best, mark = loss, "  \x1b[32m✓ best so far\x1b[0m"
    print(f"round {round:>3}  train {loss * 0.93:.4f}  valid {loss:.4f}{mark}")
    if round == 7:
        print("warning: 3 rows without a price were left out", file=sys.stderr)
    time.sleep(0.25)
"""
OTHERS = {
    "nightly report": ("import time\ntime.sleep(2.4)\nprint('rows: 12,408')", "report, nightly"),
    "clean orders": (
        "import sys, time\ntime.sleep(0.7)\nsys.exit('orders.csv has no column “price”')",
        "orders",
    ),
    "score customers": ("import time\ntime.sleep(3.1)\nprint('scored 9,311 customers')", "customers"),
}


def main() -> int:
    """0 when all pictures were made."""
    path = find_chromium()
    if path is None:
        print(NOT_FOUND)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with PortalProcess() as portal, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        example = _run_example_in_browser(_context(browser, visitor, "light"), visitor)
        _fill_history(visitor)
        training = visitor.send_form(visitor.new_form(), TRAINING, name="boost orders", tags="orders, model")
        for theme in THEMES:
            _take_all(_context(browser, visitor, theme), theme, training, example)
        browser.close()
    print(f"made {len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(BASE)}")
    return 0


def _context(browser: Browser, visitor: Visitor, theme: str) -> BrowserContext:
    """A window in which the visitor is signed in."""
    context = browser.new_context(
        base_url=visitor.url, viewport=SIZE, color_scheme=theme, reduced_motion="reduce", locale="en-GB"
    )
    cookies = [(cookie.name, cookie.value or "") for cookie in visitor.http.cookies]
    context.add_cookies([{"name": name, "value": value, "url": visitor.url} for name, value in cookies])
    return context


def _run_example_in_browser(context: BrowserContext, visitor: Visitor) -> int:
    """As a newcomer: one click on the first page, then wait for the result."""
    page = context.new_page()
    page.goto("/")
    page.locator('form[action="/examples/python-model/run/"] button').click()
    page.wait_for_url("**/jobs/*/")
    job_id = int(page.url.rstrip("/").rsplit("/", 1)[1])
    expect(page.locator("#job-header .is-succeeded")).to_be_visible(timeout=120_000)
    context.close()
    return job_id


def _fill_history(visitor: Visitor) -> None:
    for name, (code, tags) in OTHERS.items():
        visitor.wait_until_finished(visitor.send_form(visitor.new_form(), code, name=name, tags=tags))
    for slug in ("r-model", "failing") if shutil.which("Rscript") else ("failing",):
        visitor.wait_until_finished(visitor.run_example(slug))


def _take_all(context: BrowserContext, theme: str, training: int, example: int) -> None:
    page = context.new_page()
    pictures: dict[str, Callable[[], None]] = {
        "job": lambda: _job(page, training),
        "results": lambda: _results(page, example),
        "history": lambda: _history(page),
        "new-job": lambda: _new_job(page),
    }
    for name, go in pictures.items():
        go()
        page.wait_for_load_state("networkidle" if name in ("results", "new-job") else "load")
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=_file(name, theme), animations="disabled", caret="hide")
    context.close()


def _job(page: Page, job_id: int) -> None:
    page.goto(f"/jobs/{job_id}/")
    expect(page.get_by_text("best so far").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("round  24").first).to_be_visible(timeout=60_000)


def _results(page: Page, job_id: int) -> None:
    page.goto(f"/jobs/{job_id}/results/")
    expect(page.locator(".result img").first).to_be_visible()


def _history(page: Page) -> None:
    page.goto("/")
    expect(page.locator(".job-row").first).to_be_visible()


def _new_job(page: Page) -> None:
    page.goto("/new/")
    page.locator("[data-part]#draft-code summary").click()
    page.fill(
        "#id_code", 'import csv\n\nwith open("orders.csv") as file:\n    rows = list(csv.DictReader(file))\n'
    )
    page.fill("#id_code_name", "train")
    page.locator('[name="action"][value="add_code"]').click()
    expect(page.get_by_text("train.py").first).to_be_visible()


def _file(name: str, theme: str) -> Path:
    return FOLDER / f"{name}-{theme}.png"


if __name__ == "__main__":
    sys.exit(main())
