"""The story of the product in a real browser: an analyst's scripts run on a real cluster and come back.

The admin's half, connecting the cluster in the browser, is in test_story_of_an_admin.py.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.cast import PASSWORD

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.timeout(900),
]
PATIENCE = 150_000
PYTHON = """
import os, time, urllib.request
print("training on", os.environ["STELLWERK_JOB_ID"])
while urllib.request.urlopen("{url}/pass-seen/0/x").read() != b"yes":
    time.sleep(0.2)
with open("results/model.bin", "wb") as file:
    file.write(bytes(range(256)) * 64)
print("trained")
"""
MODEL = bytes(range(256)) * 64
R = 'cat("from R\\n"); write.csv(data.frame(a = 1:3), "results/table.csv", row.names = FALSE)\n'
TABLE = b'"a"\n1\n2\n3\n'
FAILING = 'import sys\nprint("no rows left")\nsys.exit("there is no column called price")\n'


@pytest.fixture
def connected(world):
    """A cluster with environments and profiles, as an admin leaves it."""
    return world


@pytest.fixture
def page(connected, portal, browser):
    """Alice, signed in by typing her password."""
    context = browser.new_context(base_url=portal.url, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto("/accounts/login/")
    page.get_by_label("User name or email").fill(connected.user.username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{portal.url}/")
    yield page
    context.close()
    assert troubles == []


def send(page: Page, code: str, name: str, image, profile) -> int:
    """New job: upload the script, choose where it runs, press “Run on cluster”; the job's id."""
    page.goto("/new/")
    page.set_input_files("#id_file", {"name": name, "mimeType": "text/plain", "buffer": code.encode()})
    page.wait_for_selector(f".is-entry >> text={name}")
    page.select_option("#id_image", str(image.pk))
    card = page.locator(f'input[name="profile"][value="{profile.pk}"]')
    page.locator(".profile-card").filter(has=card).click()
    expect(card).to_be_checked(timeout=PATIENCE)
    page.click("[data-run]")
    page.wait_for_url("**/jobs/*/")
    return int(re.findall(r"\d+", page.url)[-1])


def open_job(page: Page, pk: int) -> None:
    page.goto(f"/jobs/{pk}/")


def expect_status(page: Page, status: str) -> None:
    expect(page.locator(f"#job-header .is-{status}")).to_be_visible(timeout=PATIENCE)


def download(page: Page, pk: int, path: str) -> bytes:
    page.goto(f"/jobs/{pk}/results/")
    page.get_by_role("link", name=path.rpartition("/")[2]).first.click()
    with page.expect_download(timeout=PATIENCE) as caught:
        page.get_by_role("link", name="Download").first.click()
    with open(caught.value.path(), "rb") as file:  # noqa: PTH123 (Playwright's path)
        return file.read()


def test_scripts_in_python_and_r_on_cpu_and_gpu_run_on_the_cluster_and_their_results_come_back(
    page, connected, admin_api
):
    world = connected
    training = send(page, PYTHON.replace("{url}", world.witness.url), "train.py", world.python, world.gpu)
    expect(page.get_by_text(f"training on {training}")).to_be_visible(timeout=PATIENCE)
    expect_status(page, "running")
    (main,) = world.pod_of(training, admin_api)["spec"]["containers"]
    assert main["resources"]["limits"]["nvidia.com/gpu"] == "1"
    table = send(page, R, "table.R", world.r, world.small)
    failing = send(page, FAILING, "clean.py", world.python, world.small)
    world.witness.open("seen")

    expect_status(page, "failed")
    expect(page.get_by_text("there is no column called price").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("exit code 1").first).to_be_visible(timeout=PATIENCE)

    open_job(page, training)
    expect_status(page, "succeeded")
    expect(page.get_by_text("trained", exact=True)).to_be_visible(timeout=PATIENCE)
    assert download(page, training, "results/model.bin") == MODEL

    open_job(page, table)
    expect_status(page, "succeeded")
    expect(page.get_by_text("from R", exact=True)).to_be_visible(timeout=PATIENCE)
    assert download(page, table, "results/table.csv") == TABLE

    world.jobs = [training, table, failing]
    world.until_over()
