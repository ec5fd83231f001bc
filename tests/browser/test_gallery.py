"""The gallery in a real browser: pictures large, by keyboard, zoomed, from one page to the next, on a phone."""

import struct
import zlib

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from jobs import gallery
from tests.cast import new_artifact

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def png(width: int, height: int, shade: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + bytes((x * 255 // width, y * 255 // height, shade)[i] for x in range(width) for i in range(3))
        for y in range(height)
    )
    head = struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def attempt(make_job, make_attempt):
    job = make_job(status="succeeded", name="Plots of the week")
    return make_attempt(job, started_at=timezone.now(), collected_at=timezone.now())


@pytest.fixture
def plots(attempt):
    return [new_artifact(attempt, f"plots/{n:03}.png", png(400, 300, n * 40)) for n in range(5)]


def address(attempt) -> str:
    return f"/jobs/{attempt.job_id}/gallery/"


def shown(page) -> str:
    return page.locator("#viewer-name").inner_text()


def open_first(page, attempt):
    page.goto(address(attempt), wait_until="networkidle")
    page.locator(".gallery-picture").first.click()
    page.locator("#viewer").wait_for()


def test_arrow_keys_go_through_the_pictures_and_escape_comes_back_to_the_last_one(
    attempt, plots, alice, page_of
):
    page = page_of(alice)
    page.goto(address(attempt), wait_until="networkidle")
    page.locator(".gallery-picture").nth(1).focus()
    page.keyboard.press("Enter")
    assert shown(page) == "plots/001.png"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert shown(page) == "plots/003.png"
    page.keyboard.press("ArrowLeft")
    assert page.url.endswith(f"#picture-{plots[2].pk}")
    assert page.locator("#viewer-place").inner_text() == "3 of 5"
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert shown(page) == "plots/004.png"
    assert page.get_by_role("button", name="Next picture").is_hidden()
    page.keyboard.press("Escape")
    assert page.locator("#viewer").is_hidden()
    expect(page.locator('.gallery-picture[data-name="plots/004.png"]')).to_be_focused()
    assert "#" not in page.url


def test_a_picture_has_an_address_of_its_own(attempt, plots, alice, page_of):
    page = page_of(alice)
    page.goto(f"{address(attempt)}#picture-{plots[3].pk}")
    page.locator("#viewer").wait_for()
    assert shown(page) == "plots/003.png"


def test_zoom_by_keys_buttons_and_a_click(attempt, plots, alice, page_of):
    page = page_of(alice)
    open_first(page, attempt)
    width = lambda: page.locator("#viewer-picture").bounding_box()["width"]  # noqa: E731
    assert page.locator("#viewer-zoom").inner_text() == "Fit"
    for key, zoom, pixels in (("+", "50 %", 200), ("+", "100 %", 400), ("+", "200 %", 800)):
        page.keyboard.press(key)
        assert page.locator("#viewer-zoom").inner_text() == zoom
        assert width() == pixels
    page.keyboard.press("0")
    assert page.locator("#viewer-zoom").inner_text() == "Fit"
    page.locator("#viewer-picture").click()
    assert width() == 400
    page.get_by_role("button", name="Larger").click()
    assert width() == 800
    page.keyboard.press("ArrowRight")
    assert page.locator("#viewer-zoom").inner_text() == "Fit", "each picture is shown whole first"


def test_the_last_picture_of_a_page_leads_to_the_next_page_and_back(attempt, plots, alice, page_of):
    for n in range(gallery.PAGE_PICTURES):
        new_artifact(attempt, f"plots/{n + 5:03}.png", key=plots[0].key)
    page = page_of(alice)
    open_first(page, attempt)
    page.keyboard.press("End")
    last = shown(page)
    assert last == "plots/047.png"
    for key, there in (("ArrowRight", "plots/048.png"), ("ArrowLeft", "plots/047.png")):
        page.keyboard.press(key)
        page.get_by_role("dialog", name=there).wait_for()


def test_only_pictures_near_the_window_are_loaded(attempt, plots, alice, page_of):
    for n in range(43):
        new_artifact(attempt, f"plots/{n + 5:03}.png", png(20, 20, n))
    page = page_of(alice, width=360)
    page.goto(address(attempt), wait_until="networkidle")
    loaded = page.evaluate(
        "[...document.querySelectorAll('.gallery-picture img')].filter(i => i.complete && i.naturalWidth).length"
    )
    assert 1 <= loaded < 20


def test_a_picture_is_downloaded_from_the_viewer(attempt, plots, alice, page_of):
    page = page_of(alice)
    open_first(page, attempt)
    page.keyboard.press("ArrowRight")
    with page.expect_download() as caught:
        page.keyboard.press("d")
    assert caught.value.suggested_filename == "001.png"


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_nothing_scrolls_sideways_and_the_tools_are_in_sight(attempt, plots, alice, page_of, width):
    new_artifact(attempt, "a_very_long_folder_name/" + "a_very_long_name_" * 9 + ".png", png(40, 30, 1))
    page = page_of(alice, width=width)
    open_first(page, attempt)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate("viewer.scrollWidth - innerWidth") <= 0
    for name in ("Close", "Larger", "Next picture"):
        box = page.get_by_role("button", name=name, exact=True).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert min(box["width"], box["height"]) >= 24


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious(attempt, plots, alice, page_of, colour):
    page = page_of(alice, colour=colour)
    page.goto(address(attempt), wait_until="networkidle")
    found = Axe().run(page).response["violations"]
    page.locator(".gallery-picture").first.click()
    found += Axe().run(page).response["violations"]
    assert [
        (v["id"], v["nodes"][0]["html"][:150]) for v in found if v["impact"] in {"serious", "critical"}
    ] == []


def test_without_scripts_a_picture_leads_to_its_page(attempt, plots, alice, page_of):
    page = page_of(alice, java_script_enabled=False)
    page.goto(address(attempt))
    page.locator(".gallery-picture").first.click()
    assert page.url.endswith(f"/results/{plots[0].pk}/")
