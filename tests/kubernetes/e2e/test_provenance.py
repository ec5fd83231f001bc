"""Where a result came from, on a real cluster: versions from Python's and R's images, and a run again by digest."""

import re
import subprocess

import pytest
from playwright.sync_api import Page, expect

from jobs.models import Attempt
from tests.kubernetes import cluster
from tests.kubernetes.e2e.test_story import connected, expect_status, open_job, page, send  # noqa: F401
from tests.kubernetes.world import PYTHON_IMAGE

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.timeout(900),
]
PYTHON = 'print("trained")\nopen("results/model.txt", "w").write("model")\n'
R = 'cat("from R\\n")\n'
NOWHERE = "sha256:" + "0" * 64


@pytest.fixture
def digest():
    """Of the Python image, as the runtime knows it after a pull; an image that was loaded has none."""
    socket = cluster.containerd_socket()
    if socket is None:
        pytest.skip("only on the test cluster it is known where its images are")

    def ctr(*words: str) -> str:
        command = ["ctr", "-a", str(socket), "-n", "k8s.io", "images", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    found = re.search(r"sha256:[0-9a-f]{64}", ctr("ls", f"name==docker.io/{PYTHON_IMAGE}"))
    assert found
    name = f"docker.io/{PYTHON_IMAGE.partition(':')[0]}@{found[0]}"
    ctr("tag", "--force", f"docker.io/{PYTHON_IMAGE}", name)
    yield found[0]
    ctr("rm", name)


def run_again_exactly(page: Page, pk: int) -> int:  # noqa: F811
    """Download the job's capsule, open it in New job, run what the form holds; the new job's id."""
    page.goto(f"/jobs/{pk}/capsule/")
    with page.expect_download() as caught:
        page.get_by_role("link", name="Download the capsule").click()
    page.goto("/new/capsule/")
    page.set_input_files("#id_capsule", caught.value.path())
    page.get_by_role("button", name="Open the capsule").click()
    page.wait_for_selector("[data-run]")
    page.click("[data-run]")
    page.wait_for_url("**/jobs/*/")
    return int(re.findall(r"\d+", page.url)[-1])


def test_versions_come_from_the_image_and_a_run_again_runs_its_digest(page, connected, digest, admin_api):  # noqa: F811
    world = connected
    first = send(page, PYTHON, "train.py", world.python, world.small)
    table = world.submit_script("table.R", R, image=world.r)
    for pk in (first, table):
        open_job(page, pk)
        expect_status(page, "succeeded")
    python, r = world.attempt(first), world.attempt(table)
    assert python.image_digest == digest
    assert python.versions["interpreters"]["Python"].startswith("3.11")
    assert r.versions["interpreters"]["R"].startswith("4.2")
    for attempt in (python, r):
        assert "Debian" in attempt.versions["system"]
        assert attempt.versions["libc"].startswith("glibc")
    assert (world.output(first), world.output(table)) == ("trained\n", "from R\n")
    page.goto(f"/jobs/{first}/capsule/")
    expect(page.get_by_text(python.versions["interpreters"]["Python"], exact=True)).to_be_visible()

    again = run_again_exactly(page, first)
    assert world.job(again).image_reference == f"{PYTHON_IMAGE}@{digest}"
    open_job(page, again)
    expect_status(page, "succeeded")
    assert world.attempt(again).image_digest == digest
    assert world.attempt(again).versions == python.versions

    # A digest that ran once and is to be had nowhere any more.
    Attempt.objects.filter(pk=python.pk).update(image_digest=NOWHERE)
    lost = run_again_exactly(page, first)
    world.wait(lambda: world.job(lost).reason.startswith("image"), "told that its image does not come", 60)
    print(world.job(lost).reason, "–", world.job(lost).sentence)
    assert world.python.label in world.job(lost).sentence
    world.cancel(lost)
    world.jobs += [first, again, lost]
    world.until_over()
