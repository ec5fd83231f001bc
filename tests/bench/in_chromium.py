"""A page in a real Chromium with somebody's session."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from tests.chromium import find_chromium
from tests.visitor import Visitor


@contextmanager
def signed_in(visitor: Visitor) -> Iterator[Page | None]:
    """A new page; None where there is no Chromium."""
    path = find_chromium()
    if path is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        context = browser.new_context()
        context.add_cookies(
            [{"name": c.name, "value": c.value or "", "url": visitor.url} for c in visitor.http.cookies]
        )
        yield context.new_page()
        browser.close()
