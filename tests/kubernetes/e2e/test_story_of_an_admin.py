"""The other half of the story, in a real browser: an admin connects a cluster with a kubeconfig and offers something.

It begins with what the connect page gives to paste (the fixture `namespace` applied it) and ends with a first job.
"""

import secrets
import time

import pytest
import yaml
from playwright.sync_api import Page, expect

from clusters.models import Cluster, Image, Profile
from jobs.models import Job
from tests import cast
from tests.kubernetes.e2e.test_story import PATIENCE, download, expect_status, send
from tests.kubernetes.world import PYTHON_IMAGE

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.timeout(900),
]
SCRIPT = 'print("first light")\nopen("results/first.txt", "w").write("it works\\n")\n'


@pytest.fixture
def page(database, portal, browser):
    """Dana, an admin with a team."""
    name = f"dana-{secrets.token_hex(2)}"
    team = cast.Team.objects.create(name=f"Team {name}", slug=name)
    dana = cast.new_user(name, team, is_superuser=True, is_staff=True)
    context = browser.new_context(base_url=portal.url, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page.goto("/accounts/login/")
    page.get_by_label("User name or email").fill(dana.username)
    page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{portal.url}/")
    yield page
    context.close()
    expect.set_options(timeout=5_000)


@pytest.fixture
def kubeconfig(account, test_cluster) -> str:
    """As the admin of a cluster writes it: the address and CA of their own, the token of the pasted account."""
    config = yaml.safe_load(test_cluster.kubeconfig)
    config["users"] = [{"name": user["name"], "user": {"token": account.token}} for user in config["users"]]
    return yaml.safe_dump(config)


def add_environment(page: Page, reference: str) -> None:
    page.get_by_role("navigation", name="This cluster").get_by_role("link", name="Environments").click()
    page.get_by_role("link", name="Add an environment").click()
    page.get_by_label("Name", exact=True).fill("Python 3.11")
    page.get_by_label("Image", exact=True).fill(reference)
    page.get_by_role("checkbox", name="Python .py").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Python 3.11")).to_be_visible()


def add_profile(page: Page) -> None:
    page.get_by_role("navigation", name="This cluster").get_by_role("link", name="Profiles").click()
    page.get_by_role("link", name="Add a profile").click()
    page.get_by_label("Name", exact=True).fill("Tiny")
    page.get_by_label("Cores", exact=True).fill("0.1")
    page.get_by_label("Memory, GiB", exact=True).fill("0.25")
    page.get_by_label("Disk, GiB", exact=True).fill("0.25")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Tiny")).to_be_visible()


def test_an_admin_connects_a_cluster_and_its_first_job_brings_a_result(
    page, portal, namespace, kubeconfig, auditor, installation
):
    name = f"Lab {namespace}"
    page.goto("/clusters/connect/")
    page.get_by_role("textbox", name="Kubeconfig").fill(kubeconfig)
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_label("Namespace", exact=True).fill(namespace)
    page.get_by_label("Runner image", exact=True).fill(PYTHON_IMAGE)
    page.get_by_label("Portal address for jobs", exact=True).fill(portal.url)
    page.get_by_role("button", name="Connect", exact=True).last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)

    # The doctor's visit is seen live, and nothing that jobs need is amiss.
    expect(page.get_by_role("status").filter(has_text="passed")).to_be_visible()
    failed = page.locator(".visit-line.is-fail")
    assert failed.all_inner_texts() == []
    assert page.locator(".visit-line.is-pass").count() > 10
    expect(page.locator("#line-callback.is-pass")).to_be_visible()

    add_environment(page, PYTHON_IMAGE)
    add_profile(page)
    cluster = Cluster.objects.get(name=name)
    image, profile = Image.objects.get(cluster=cluster), Profile.objects.get(cluster=cluster)
    pk = send(page, SCRIPT, "first.py", image, profile)
    expect_status(page, "succeeded")
    expect(page.get_by_text("first light", exact=True)).to_be_visible()
    assert download(page, pk, "results/first.txt") == b"it works\n"

    deadline = time.monotonic() + 150
    while auditor.left(namespace, installation):
        assert time.monotonic() < deadline, "something of the job is left at the cluster"
        time.sleep(0.2)
    assert Job.objects.get(pk=pk).cluster == cluster
    Cluster.objects.filter(pk=cluster.pk).update(is_enabled=False)
