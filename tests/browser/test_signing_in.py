"""Signing in, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.cast import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def sign_in(page, password):
    page.get_by_label("User name or email").fill("alice")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_wrong_password_then_the_right_one_leads_to_where_one_wanted_to_go(page_of, make_job, alice):
    job, page = make_job(name="train"), page_of()
    page.goto(f"/jobs/{job.pk}/details/")
    expect(page).to_have_title("Sign in · Stellwerk")
    sign_in(page, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("not correct")
    expect(page.get_by_label("User name or email")).to_have_value("alice")
    sign_in(page, PASSWORD)
    page.wait_for_url(f"**/jobs/{job.pk}/details/")
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")


def test_the_password_can_be_shown(page_of, alice):
    page = page_of()
    page.goto("/accounts/login/")
    page.get_by_label("Password", exact=True).fill("secret")
    page.get_by_role("button", name="Show the password").click()
    expect(page.locator("#id_password")).to_have_attribute("type", "text")


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious(page_of, alice, colour):
    for width in (360, 1280, 2560):
        page = page_of(width=width, colour=colour)
        page.goto("/accounts/login/")
        found = Axe().run(page).response["violations"]
        assert [
            violation["id"] for violation in found if violation["impact"] in ("serious", "critical")
        ] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
