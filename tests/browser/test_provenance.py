"""Metrics, comparison, what changed and the capsule in a real browser: drawn curves, accessibility, small screens."""

import math

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from jobs.metrics.left_out import LeftOut
from jobs.models import Metric, MetricsTaken
from tests import cast
from tests.browser.test_usage import COLOURS

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
SCRIPT = """import sys

rate = {rate}
epochs = 40


def train(rate: float) -> float:
    # As well as it can be done here
    return 1 / (1 + rate)


print(train(rate))
"""


@pytest.fixture
def jobs(transactional_db, make_job):
    """Three runs of one script with their curves; the last one still runs."""
    made = []
    for number, rate in enumerate((0.1, 0.3, 0.05)):
        job = make_job(
            name="boost orders",
            entry="train.py",
            files={
                "train.py": SCRIPT.format(rate=rate).encode(),
                "data/orders.csv": b"a,b\n" * (10 + number),
            },
            arguments=["--rate", str(rate), "--epochs", "40"],
            environment={"SEED": "7", "API_TOKEN": f"x{number}"},
            status="running" if number == 2 else "succeeded",
        )
        attempt = cast.new_attempt(job, image_digest="sha256:" + "ab" * 32)
        _tell(attempt, rate)
        made.append(job)
    return made


def _tell(attempt, rate):
    steps = [float(step) for step in range(1, 41)]
    loss = [0.3 + math.exp(-step * rate) for step in steps]
    for name, values in (("loss", loss), ("valid/accuracy", [1 - value / 2 for value in loss])):
        extremes = {"lowest": min(values), "highest": max(values), "last": values[-1]}
        Metric.objects.create(attempt=attempt, name=name, count=40, steps=steps, values=values, **extremes)
    Metric.objects.create(attempt=attempt, name="seconds", count=1, last=12.5, lowest=12.5, highest=12.5)
    left_out = LeftOut()
    left_out.not_finite("gradient")
    MetricsTaken.objects.create(attempt=attempt, left_out=left_out, parameters={"depth": "6"})


def addresses(jobs):
    ids = ",".join(str(job.pk) for job in jobs)
    last = jobs[-1].pk
    return {
        "metrics": f"/jobs/{last}/metrics/",
        "capsule": f"/jobs/{jobs[0].pk}/capsule/",
        "changes": f"/jobs/{last}/changes/?since={jobs[0].pk}",
        "compare": f"/jobs/compare/?ids={ids}",
    }


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_pages_are_accessible_and_fit_a_phone(page_of, alice, jobs, colour):
    wide, small = (page_of(alice, width=width, colour=colour) for width in (1280, 360))
    for address in addresses(jobs).values():
        for page in (wide, small):
            page.goto(address)
            found = Axe().run(page).response["violations"]
            serious = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
            assert serious == [], (address, found)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address


def test_curves_are_drawn_in_a_colour_for_each_job(page_of, alice, jobs):
    page = page_of(alice)
    page.goto(addresses(jobs)["compare"])
    canvas = page.locator("[data-curve] canvas").first
    expect(canvas).to_be_visible()
    assert canvas.evaluate(COLOURS) > 3
    page.locator("[data-curve] .u-over").first.hover()
    expect(page.locator(".curve-tip").first).to_contain_text("boost orders")


def test_a_running_jobs_curves_grow_by_themselves(page_of, alice, jobs):
    page = page_of(alice)
    page.goto(addresses(jobs)["metrics"])
    expect(page.locator("[data-curve] canvas")).to_have_count(2)
    Metric.objects.filter(attempt__job=jobs[-1], name="loss").update(last=0.125)
    expect(page.locator(".metric-table")).to_contain_text("0.125", timeout=15_000)
    expect(page.locator("[data-curve] canvas")).to_have_count(2)


def test_without_javascript_the_points_are_there(page_of, alice, jobs):
    page = page_of(alice, java_script_enabled=False)
    page.goto(addresses(jobs)["compare"])
    page.locator(".curve-points summary").first.click()
    expect(page.locator(".curve-points table").first).to_be_visible()
    expect(page.locator("[data-curve-canvas]").first).to_be_hidden()


def test_two_to_twenty_selected_jobs_are_compared(page_of, bob, jobs):
    page = page_of(bob)
    page.goto("/")
    boxes = page.locator('input[name="job"]')
    boxes.nth(0).check()
    button = page.get_by_role("button", name="Compare")
    expect(button).to_be_disabled()
    boxes.nth(1).check()
    button.click()
    page.wait_for_url(f"**/jobs/compare/?ids={jobs[2].pk},{jobs[1].pk}")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 jobs compared")
