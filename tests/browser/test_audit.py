"""The audit log in a real browser: filters, links, accessibility, every width."""

import pytest
import requests
from playwright.sync_api import expect

from teams.audit import Origin, record, record_by
from tests.browser.test_clusters import serious

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
PAGES = ("/audit/", "/audit/?area=team&time=7d", "/audit/?target=teams.team:{team}", "/audit/?by=nobody")
LONG = "registry.example.org/a-very-long-path/with-many-parts/" + "x" * 120


@pytest.fixture
def entries(alice, dana, team, image, make_job):
    by_alice = Origin("Alice Ames (alice)", alice.pk, "203.0.113.9", "a" * 32)
    by_dana = Origin("dana", dana.pk, "2001:db8:85a3:1234:5678:8a2e:370:7334", "b" * 32)
    record_by("manage.py seed", "cluster.connected", image.cluster)
    record(by_dana, "team.added", team, team=team, new={"name": "Data science", "slug": "data-science"})
    record(by_dana, "team.member_added", alice, team=team, new={"role": "analyst"})
    record(by_alice, "job.submitted", make_job(), team=team, new={"entry": "train.py", "profile": "Small"})
    old, new = {"reference": LONG, "teams": []}, {"reference": LONG + "y", "teams": ["Data science"]}
    record(by_dana, "environment.changed", image, old=old, new=new)
    record(by_dana, "cluster.credentials_replaced", image.cluster, new={"credentials": "changed"})
    record(
        by_alice,
        "access.denied",
        "/clusters/" + "y" * 200,
        new={"method": "GET", "why": "There is no such page."},
    )
    record(Origin("Somebody", None, "203.0.113.77"), "account.sign_in_failed", dana)


def test_an_admin_finds_what_was_done_to_a_team(page_of, entries, dana, team):
    page = page_of(dana)
    page.goto("/")
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_role("row", name="dana added the team Data science")).to_be_visible()
    page.get_by_text("What", exact=True).click()
    page.locator("main").get_by_role("link", name="Teams and members", exact=True).click()
    expect(page).to_have_url("/audit/?area=team")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Everything about Alice Ames (alice)").first.click()
    expect(page.get_by_text("About: Alice Ames (alice)")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert "added Alice Ames (alice) to the team" in download.value.path().read_text()


def test_an_analyst_is_not_offered_it(page_of, entries, alice):
    page = page_of(alice)
    page.goto("/")
    expect(page.get_by_role("link", name="Audit")).to_have_count(0)


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious(page_of, entries, team, dana, colour):
    page, found = page_of(dana, colour=colour), {}
    for path in PAGES:
        page.goto(path.format(team=team.pk))
        found[path] = serious(page)
    assert {path: troubles for path, troubles in found.items() if troubles} == {}


@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
def test_nothing_overflows(page_of, entries, team, dana, width):
    page, wide = page_of(dana, width=width), []
    for path in PAGES:
        page.goto(path.format(team=team.pk))
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            wide.append(path)
    assert wide == []


def test_nginx_gives_each_request_its_id_and_takes_none_from_a_browser(site):
    given = "0" * 32
    with requests.Session() as http:
        http.trust_env = False
        headers = {"X-Request-ID": given, "X-Forwarded-For": "1.2.3.4"}
        ids = [http.get(f"{site.url}/health/", headers=headers).headers["X-Request-ID"] for _ in range(30)]
    assert len({*ids, given}) == 31
    # Ids of our own are UUIDs of version 4 and have that number at this place; nginx's have any.
    assert {number[12] for number in ids} != {"4"}


ALONE = """() => [...document.querySelectorAll(".audit-about")].filter((link) => {
    const cell = link.closest("td"), words = document.createRange();
    words.setStart(cell, 0);
    words.setEndBefore(link.closest(".audit-last") ?? link);
    const line = [...words.getClientRects()].filter((box) => box.width).at(-1), icon = link.getBoundingClientRect();
    return icon.top >= line.bottom - 2 || icon.left < line.right;
}).map((link) => link.closest("tr").innerText)"""


def test_the_icon_of_a_row_never_stands_alone_on_a_line(page_of, entries, dana):
    page, alone = page_of(dana), {}
    page.goto("/audit/")
    for width in (*range(320, 440, 4), 768, 1000, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        alone[width] = page.evaluate(ALONE)
    assert {width: rows for width, rows in alone.items() if rows} == {}


def test_the_menus_stand_on_one_line_of_a_phone(page_of, entries, dana):
    page = page_of(dana, width=360)
    page.goto("/audit/")
    tops = [menu.bounding_box()["y"] for menu in page.locator(".filter-line summary").all()]
    assert len(tops) == 4
    assert len(set(tops)) == 1
