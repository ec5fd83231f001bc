"""Teams and people in a real browser: an invitation from end to end, without JavaScript, accessibility, widths."""

import pytest
from playwright.sync_api import expect

from jobs.models import Job
from teams.models import Membership, Team, User
from tests import cast
from tests.browser.test_clusters import patience, serious  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
NEW = "staple battery horse"
PAGES = (
    "/teams/", "/teams/?text=nothing", "/teams/add/", "/teams/data-science/", "/teams/data-science/edit/",
    "/teams/data-science/disable/", "/teams/closed/", "/teams/data-science/members/add/",
    "/teams/data-science/members/{alice}/", "/teams/data-science/members/{alice}/remove/", "/people/",
    "/people/?show=disabled", "/people/{alice}/", "/people/{gone}/", "/people/{alice}/edit/",
    "/people/{alice}/disable/", "/people/invite/", "/invitation/unknown/",
)  # fmt: skip


@pytest.fixture
def crowd(make_job, alice, bob, charlie, manager, manfred, otto, dana, team):
    """Everything that the pages can show: long names, many people, somebody disabled, somebody invited."""
    make_job(status="running")
    make_job(status="queued")
    for number in range(60):
        cast.new_user(f"analyst{number:02}", team, first_name=f"Ana {number}", last_name="Lytikerin")
    gone = cast.new_user("gone", team, is_active=False, first_name="Wolfeschlegelsteinhausenbergerdorff" * 2)
    User.objects.filter(pk=cast.new_user("eve", team).pk).update(password="!nothing")
    Team.objects.create(name="Abteilung für Versuchsplanung und Auswertung " * 1, slug="long")
    Team.objects.create(name="Closed", slug="closed", disabled_at="2026-11-01T10:00Z")
    Membership.objects.create(user=dana, team=Team.objects.create(name="Platform", slug="platform"))
    return {"alice": alice.pk, "gone": gone.pk}


def test_somebody_is_invited_comes_and_is_disabled_while_following_a_job(page_of, make_job, dana, team):
    admin, job = page_of(dana), make_job(status="running")
    admin.goto("/teams/")
    admin.get_by_role("link", name="Data science").click()
    admin.get_by_role("navigation", name="This team").get_by_role("link", name="People").click()
    admin.get_by_role("link", name="Invite somebody new").click()
    expect(admin.get_by_label("Team", exact=True)).to_have_value("Data science")
    admin.get_by_role("button", name="Make the invitation").click()
    expect(admin.get_by_role("alert")).to_contain_text("Choose the user name")
    admin.get_by_label("User name").fill("eve")
    admin.get_by_role("button", name="Make the invitation").click()
    link = admin.locator("#link").inner_text()
    visitor = page_of()
    visitor.goto(link)
    expect(visitor).to_have_url("/invitation/")
    visitor.get_by_label("First name").fill("Eve")
    for label in ("Password", "The password once more"):
        visitor.get_by_label(label, exact=True).fill(NEW)
    visitor.get_by_role("button", name="Save and sign in").click()
    expect(visitor.get_by_role("heading", name="Jobs")).to_be_visible()
    visitor.goto(f"/jobs/{job.pk}/")
    admin.get_by_role("link", name="Done").click()
    admin.get_by_role("link", name="Disable…").click()
    admin.get_by_role("button", name="Disable Eve").click()
    expect(admin.get_by_text("Eve was disabled and signed out everywhere.")).to_be_visible()
    visitor.reload()
    expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()


def test_without_javascript_a_manager_looks_after_the_team(page_of, manager, alice, charlie, team, make_job):
    job = make_job(status="running")
    page = page_of(manager, java_script_enabled=False)
    page.goto("/teams/data-science/")
    page.get_by_role("link", name="Add somebody").click()
    page.get_by_label("User name or email").fill("charlie")
    page.get_by_text("Team manager", exact=True).click()
    page.get_by_role("button", name="Add to the team").click()
    expect(page.get_by_text("charlie is in Data science now.")).to_be_visible()
    assert Membership.objects.get(user=charlie, team=team).role == "manager"
    page.get_by_role("link", name="Remove Alice Ames").click()
    page.get_by_role("button", name="Remove from the team").click()
    expect(page.get_by_text("Alice Ames is no longer in Data science.")).to_be_visible()
    assert Job.objects.get(pk=job.pk).cancel_requested_at is None


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious(page_of, crowd, dana, colour):
    page, found = page_of(dana, colour=colour), {}
    for path in PAGES:
        page.goto(path.format(**crowd))
        found[path] = serious(page)
    page.goto("/people/invite/")
    page.get_by_role("button", name="Make the invitation").click()
    found["with mistakes"] = serious(page)
    page.get_by_label("User name").fill("new")
    page.get_by_role("button", name="Make the invitation").click()
    found["the link"] = serious(page)
    page.goto(page.locator("#link").inner_text())
    found["accepting"] = serious(page)
    assert {path: troubles for path, troubles in found.items() if troubles} == {}


@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
def test_nothing_overflows(page_of, crowd, dana, width):
    page, wide = page_of(dana, width=width), []
    for path in PAGES:
        page.goto(path.format(**crowd))
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            wide.append(path)
    assert wide == []
