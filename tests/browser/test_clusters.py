"""Clusters in a real browser: an admin who makes mistakes, a visit that is watched, accessibility."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from clusters.models import Cluster, DoctorRun, Image, KubernetesConnection, TeamSpace
from tests import cast
from tests.browser.axe import serious
from tests.clusters.pages.connected import CA, CANARY, healthy, line, new_connected, node, visited

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def patience():
    """A page may take long where many tests share a machine."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def research(team, other_team):
    cluster = new_connected(expires_at=timezone.now() + timedelta(days=3), space_mode="prepared")
    gpu = {"gpus": {"nvidia.com/gpu": 2}, "taints": [{"key": "gpu", "value": "", "effect": "NoSchedule"}]}
    healthy(cluster, node("worker-1"), node("gpu-1", **gpu))
    visited(
        cluster,
        line("reachable"),
        line(
            "rights", "fail", "It may not create Secrets.", "kind: Role\n" + "verbs: [create]\n" * 9, "yaml"
        ),
        line(
            "image",
            "warn",
            "The pull took 48 s.",
            "kubectl create secret docker-registry registry",
            "command",
        ),
        line("pod", "skip", "It was not started.", "Mend the rights first.", "text"),
    )
    TeamSpace.objects.create(cluster=cluster, team=team, namespace="sw-data", trouble="It has no quota.")
    cast.new_image(cluster).teams.add(team)
    cast.new_profile(cluster)
    cast.new_profile(cluster, name="Huge", cpu_millis=640_000)
    return cluster


def connect(page):
    page.get_by_role("button", name="Connect", exact=True).last.click()


def test_an_admin_who_makes_mistakes_connects_a_cluster_and_offers_something(page_of, cluster, dana):
    page = page_of(dana)
    page.goto("/clusters/")
    page.get_by_role("link", name="Connect your first cluster").click()
    page.get_by_role("textbox", name="Kubeconfig").fill("not: a kubeconfig")
    page.get_by_role("textbox", name="Name", exact=True).fill("Research")
    connect(page)
    expect(page.get_by_role("alert")).to_contain_text("This kubeconfig has no context")
    # What was typed comes along to another way.
    page.get_by_role("textbox", name="Name", exact=True).fill("Research lab")
    page.get_by_role("navigation", name="Ways to connect").get_by_role(
        "link", name="Address and token"
    ).click()
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("Research lab")
    page.get_by_label("API address").fill("10.0.0.1:6443")
    page.get_by_label("CA certificate").fill(CA)
    page.get_by_label("Token", exact=True).fill(CANARY)
    connect(page)
    page.get_by_role("link", name="The API address begins with https://").click()
    expect(page.get_by_label("API address")).to_be_focused()
    expect(page.get_by_text("Kept, not shown")).to_be_visible()
    assert CANARY not in page.content()
    page.get_by_label("API address").fill("https://10.0.0.1:6443")
    connect(page)
    expect(page).to_have_url("/clusters/research-lab/")
    expect(page.get_by_text("The doctor is on the way.")).to_be_visible()
    assert KubernetesConnection.objects.get().secrets == {"token": CANARY}
    page.get_by_role("navigation", name="This cluster").get_by_role("link", name="Environments").click()
    page.get_by_role("button", name="Add Python 3.11").click()
    expect(page.get_by_role("heading", name="Python 3.11")).to_be_visible()
    page.get_by_role("navigation", name="This cluster").get_by_role("link", name="Profiles").click()
    page.get_by_role("button", name="Add Small").click()
    expect(page.get_by_text("1 core, 2 GiB memory")).to_be_visible()


def test_the_yaml_follows_the_namespace_while_it_is_typed(page_of, cluster, dana):
    page = page_of(dana)
    page.goto("/clusters/connect/address/")
    page.get_by_label("Namespace", exact=True).fill("analytics")
    expect(page.locator("#paste-yaml")).to_contain_text("name: analytics", timeout=20_000)
    expect(page.locator("#paste-token")).to_contain_text("kubectl -n analytics")
    page.get_by_label("Namespace", exact=True).fill("biology")
    expect(page.locator("#paste-yaml")).to_contain_text("name: biology", timeout=20_000)
    page.get_by_text("A client certificate", exact=True).click()
    expect(page.get_by_label("Private key")).to_be_visible()
    expect(page.get_by_label("Token", exact=True)).to_be_hidden()


def test_a_visit_is_followed_to_its_end_without_a_reload(page_of, research, dana):
    page = page_of(dana)
    page.goto("/clusters/research/")
    page.get_by_role("button", name="Test now").click()
    expect(page.get_by_text("The doctor is on the way.")).to_be_visible()
    page.evaluate("window.stayed = true")
    DoctorRun.objects.filter(ended_at=None).update(lines=[line("reachable"), line("version")])
    expect(page.get_by_text("Still looking: 2 things looked at.")).to_be_visible(timeout=20_000)
    DoctorRun.objects.filter(ended_at=None).update(ended_at=timezone.now())
    expect(page.get_by_text("2 passed")).to_be_visible(timeout=20_000)
    assert page.evaluate("window.stayed")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(3500)  # it would have asked again twice
    assert asked == []


def test_without_javascript_everything_works(page_of, cluster, dana):
    page = page_of(dana, java_script_enabled=False)
    page.goto("/clusters/connect/address/")
    page.get_by_label("Namespace", exact=True).fill("analytics")
    page.get_by_role("button", name="Keep what is typed").click()
    expect(page.locator("#paste-yaml")).to_contain_text("name: analytics")
    page.get_by_role("textbox", name="Name", exact=True).fill("Research")
    page.get_by_label("API address").fill("https://10.0.0.1:6443")
    page.get_by_label("CA certificate").fill(CA)
    page.get_by_label("Token", exact=True).fill(CANARY)
    connect(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Research")
    page.get_by_role("link", name="Environments").click()
    page.get_by_role("link", name="Add an environment").click()
    page.get_by_label("Name", exact=True).fill("R")
    page.get_by_label("Image", exact=True).fill("rocker/r-ver:4.4")
    page.get_by_role("checkbox", name="R .R, .r").check()
    page.get_by_role("button", name="Add", exact=True).click()
    assert Image.objects.get().entry_commands == {".R": ["Rscript"], ".r": ["Rscript"]}
    page.get_by_role("button", name="Switch R off").click()
    assert not Image.objects.get().is_enabled
    page.get_by_role("link", name="Health", exact=True).click()
    page.get_by_role("link", name="Switch off…").click()
    page.get_by_role("button", name="Switch off").click()
    assert not Cluster.objects.get(slug="research").is_enabled


PAGES = (
    "/clusters/",
    "/clusters/connect/",
    "/clusters/connect/address/",
    "/clusters/connect/inside/",
    "/clusters/connect/eks/",
    "/clusters/research/",
    "/clusters/research/edit/",
    "/clusters/research/switch/",
    "/clusters/research/remove/",
    "/clusters/research/credentials/",
    "/clusters/research/spaces/{team}/",
    "/clusters/research/environments/",
    "/clusters/research/environments/add/",
    "/clusters/research/profiles/",
    "/clusters/research/profiles/add/",
    "/clusters/this-machine/",
)


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious(page_of, cluster, research, team, dana, colour):
    page, found = page_of(dana, colour=colour), {}
    for path in PAGES:
        page.goto(path.format(team=team.pk))
        found[path] = serious(page)
    page.goto("/clusters/connect/address/")
    connect(page)
    found["with mistakes"] = serious(page)
    assert {path: troubles for path, troubles in found.items() if troubles} == {}


@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
def test_nothing_overflows(page_of, cluster, research, team, dana, width):
    page, wide = page_of(dana, width=width), []
    for path in PAGES:
        page.goto(path.format(team=team.pk))
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            wide.append(path)
    assert wide == []
