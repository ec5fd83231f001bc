"""A real browser before the real web, live and front processes, on the tests' own database (tests/site.py)."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from teams.models import User
from tests.site import Site


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for all tests; each test has contexts of its own."""
    # Playwright runs an event loop in this thread, and Django would refuse its ORM beside one.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        # Debian's wrapper asks for rasterizing by a GPU, which is software here, and frames may then stall for long.
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-gpu-rasterization"]
        running = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield running
        running.close()


@pytest.fixture
def page_of(site: Site, browser: Browser) -> Iterator[Callable[..., Page]]:
    """`page_of(user, width=1280, colour="light", **context_options)`: a new page with the user signed in.

    Whatever the page's scripts throw or the browser refuses (CSP) fails the test.
    """
    contexts, troubles = [], []

    def make(user: User | None = None, *, width: int = 1280, colour: str = "light", **options) -> Page:
        context = browser.new_context(
            base_url=site.url, viewport={"width": width, "height": 900}, color_scheme=colour, **options
        )
        contexts.append(context)
        if user:
            context.add_cookies([site.cookie_of(user)])
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: _note(troubles, said.text))
        return page

    yield make
    for context in contexts:
        context.close()
    assert troubles == []


def _note(troubles: list[str], text: str) -> None:
    if "Content Security Policy" in text or "Uncaught" in text:
        troubles.append(text)
