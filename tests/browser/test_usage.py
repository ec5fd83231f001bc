"""The usage report in a real browser: charts that are drawn, without JavaScript too, accessibility, its weight."""

import gzip
import random
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from jobs.usage.asked import month_after, this_month
from jobs.usage.counting import count_ended
from teams.models import Membership, Team
from tests import cast
from tests.browser.axe import serious

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
GPU = "nvidia.com/gpu"
BUDGET = 150_000
PAGES = (
    "/usage/",
    "/usage/?{months}",
    "/usage/?by=user&{months}",
    "/usage/?by=profile&{months}",
    "/usage/?by=cluster&{months}",
    "/usage/?by=month&{months}",
    "/usage/?from=2001-01&to=2001-01",
)
# The same picture again and again is one colour: nothing was drawn.
COLOURS = """canvas => {
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) seen.add(data.slice(at, at + 3).join());
    return seen.size;
}"""


@pytest.fixture
def months():
    """The last twelve, all that have jobs of four teams."""
    return f"from={month_after(this_month(), -11):%Y-%m}&to={this_month():%Y-%m}"


@pytest.fixture
def used(make_job, alice, profile, team):
    chance, now = random.Random(5), timezone.now()
    days = (timezone.localdate(now) - month_after(this_month(), -11)).days
    large = cast.new_profile(profile.cluster, name="Large with a GPU", cpu_millis=8000)
    teams = [team, *(Team.objects.create(name=f"Team {n} of the lab", slug=f"team-{n}") for n in range(3))]
    Membership.objects.bulk_create(Membership(user=alice, team=one) for one in teams[1:])
    bundle = cast.new_bundle()
    for number in range(120):
        start = now - timedelta(days=chance.randrange(days), hours=2)
        end = start + timedelta(minutes=chance.randrange(5, 110))
        make_job(
            bundle=bundle, team=chance.choice(teams), status=chance.choice(["succeeded", "succeeded", "failed"]),
            profile=large if number % 3 == 0 else profile, gpu_count=int(number % 3 == 0), gpu_resource=GPU,
            created_at=start - timedelta(seconds=chance.randrange(300)), starting_at=start, running_at=start,
            finishing_at=end, finished_at=end,
        )  # fmt: skip
    count_ended()
    make_job(status="running", running_at=now - timedelta(minutes=5))


def test_charts_are_drawn_and_follow_the_theme(page_of, used, alice, months):
    page = page_of(alice)
    page.goto(f"/usage/?{months}")
    charts = page.locator(".chart-canvas canvas")
    expect(charts).to_have_count(3)
    page.wait_for_timeout(300)
    light = charts.first.evaluate("canvas => canvas.toDataURL()")
    assert charts.first.evaluate(COLOURS) > 4
    page.evaluate("localStorage.setItem('theme', 'dark'); dispatchEvent(new Event('stellwerk:theme'))")
    page.wait_for_timeout(500)
    assert charts.first.evaluate("canvas => canvas.toDataURL()") != light
    box = charts.first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    expect(page.locator(".chart-tip").first).to_contain_text("Data science")


def test_without_javascript_the_numbers_are_there(page_of, used, alice, months):
    page = page_of(alice, java_script_enabled=False)
    page.goto(f"/usage/?{months}")
    expect(page.locator(".chart-canvas").first).to_be_hidden()
    page.locator(".chart-numbers summary").first.click()
    expect(page.locator("[data-chart-table]").first).to_be_visible()
    page.get_by_role("navigation", name="Usage by").get_by_role("link", name="Profiles").click()
    expect(page.get_by_role("rowheader", name="Large with a GPU")).to_be_visible()


def test_months_are_chosen_and_gone_through(page_of, used, alice):
    page = page_of(alice)
    page.goto("/usage/")
    page.get_by_role("link", name="12 months").click()
    expect(page.get_by_role("link", name="12 months")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Earlier").first.click()
    expect(page.get_by_role("heading", name="Nothing was used in")).to_be_visible()
    page.get_by_role("link", name="Later").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert download.value.suggested_filename.endswith(".csv")


def test_the_page_is_light(page_of, used, alice, months):
    page, sizes = page_of(alice), {}

    def note(response):
        if response.request.resource_type in ("script", "stylesheet"):
            sizes[response.url] = len(gzip.compress(response.body()))

    page.on("response", note)
    page.goto(f"/usage/?{months}")
    page.wait_for_load_state("networkidle")
    assert any("uplot" in url for url in sizes)
    assert sum(sizes.values()) < BUDGET
    assert len(sizes) < 20


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious_and_nothing_overflows(page_of, used, alice, dana, colour, months):
    troubles = []
    for width in (360, 1280, 2560):
        page = page_of(dana if width == 1280 else alice, width=width, colour=colour)
        for path in PAGES:
            page.goto(path.format(months=months))
            for numbers in page.locator(".chart-numbers").all():
                numbers.evaluate("details => { details.open = true }")
            troubles += [(path, width, trouble) for trouble in serious(page)]
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                troubles.append((path, width, "overflows"))
    assert troubles == []


# Everything that a chart writes beside its axes, by chart.
WRITTEN = """
window.written = new Map();
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    const name = this.canvas.closest("figure")?.querySelector("figcaption").textContent ?? "detached";
    written.set(name, [...(written.get(name) ?? []), text]);
    return write.call(this, text, ...rest);
};
"""


def ticks_of(page, name):
    """The numbers at the axis of a chart, as they are written."""
    written = page.evaluate("name => written.get(name) ?? written.get('detached')", name)
    return [text for text in dict.fromkeys(written) if text.replace(",", "").replace(".", "").isdigit()]


def test_jobs_are_counted_in_whole_steps_and_little_hours_in_round_ones(
    page_of, alice, make_job, profile, months
):
    end = (timezone.now() - timedelta(days=1)).replace(hour=12, minute=0)
    for minutes in (4, 2):
        make_job(
            status="succeeded", starting_at=end - timedelta(minutes=minutes), profile=profile,
            running_at=end - timedelta(minutes=minutes), finishing_at=end, finished_at=end,
        )  # fmt: skip
    count_ended()
    page = page_of(alice)
    page.add_init_script(WRITTEN)
    page.goto(f"/usage/?{months}")
    expect(page.locator(".chart-canvas canvas")).to_have_count(2)
    page.wait_for_timeout(300)
    assert ticks_of(page, "Jobs by month") == ["0", "1", "2"]
    assert ticks_of(page, "CPU-hours by month") == ["0", "0.02", "0.04", "0.06", "0.08", "0.10"]
