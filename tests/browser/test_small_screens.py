"""What a phone shows (360 px): the tab that is open, whole tables, room between fields."""

import pytest

from jobs.models import TOLD, JobEvent
from tests.clusters.pages.connected import new_connected

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
IS_SEEN = """element => {
    const [inner, outer] = [element, element.parentElement].map(each => each.getBoundingClientRect());
    return inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
}"""
IS_WHOLE = "element => element.scrollWidth <= element.clientWidth"


@pytest.fixture
def page(page_of, dana):
    return page_of(dana, width=360)


@pytest.mark.parametrize("address", ["/clusters/connect/eks/", "/clusters/research/credentials/"])
def test_the_tab_that_is_open_is_scrolled_to(page, address):
    new_connected()
    page.goto(address)
    tab = page.locator(".tabs [aria-current]")
    page.wait_for_function(f"() => ({IS_SEEN})(document.querySelector('.tabs [aria-current]'))")
    assert not tab.evaluate("element => (" + IS_WHOLE + ")(element.parentElement)")


def test_what_the_cluster_said_is_not_cut(page, make_job):
    job = make_job(status="failed")
    words = 'Back-off pulling image "registry.example.org/team/some/very/long/image-name:1.2.3"'
    data = {"uid": "1", "kind": "Warning", "reason": "BackOff", "about": "pod sw-abcdef-1-xyz", "count": 7}
    JobEvent.objects.create(job=job, kind=TOLD, sentence=words, data=data)
    page.goto(f"/jobs/{job.pk}/details/")
    assert page.locator(".told-frame").evaluate(IS_WHOLE)
    assert page.get_by_text(words).is_visible()


@pytest.mark.parametrize(
    ("address", "above", "below"),
    [
        ("/clusters/connect/eks/", "#id_eks_region", "label[for=id_server]"),
        ("/clusters/research/edit/", "#id_runner_pull_secret_helptext", "#id_adds_nodes"),
    ],
)
def test_fields_that_stood_side_by_side_have_room_below_them(page, address, above, below):
    new_connected()
    page.goto(address)
    boxes = [page.locator(each).bounding_box() for each in (above, below)]
    assert boxes[1]["y"] - boxes[0]["y"] - boxes[0]["height"] >= 12


@pytest.mark.parametrize("javascript", [True, False])
def test_what_is_rare_is_below_more(page_of, dana, javascript):
    page = page_of(dana, width=360, java_script_enabled=javascript)
    page.goto("/")
    bar = page.locator("#navigation")
    seen = [each.inner_text() for each in bar.locator(".nav-item:visible").all()]
    assert seen == ["Jobs", "New job", "Teams", "Usage", "More", "dana"]
    assert all(
        box["width"] >= 44 for box in (each.bounding_box() for each in bar.locator(".nav-item:visible").all())
    )
    bar.get_by_text("More").click()
    assert [each.inner_text() for each in bar.locator(".nav-panel a").all()] == [
        "People",
        "Clusters",
        "Audit",
    ]
    panel = bar.locator(".nav-panel").bounding_box()
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= 360
    bar.get_by_role("link", name="Audit").click()
    page.get_by_role("heading", name="Audit").wait_for()
    assert bar.locator("details:not(.user-menu) [aria-current]").count() == 1


def test_a_wide_screen_and_who_has_nothing_rare_have_no_more(page_of, dana, alice):
    wide, small = page_of(dana), page_of(alice, width=360)
    for page, items in ((wide, 7), (small, 4)):
        page.goto("/")
        assert page.locator(".nav-items .nav-item:visible").count() == items
        assert not page.get_by_text("More", exact=True).is_visible()


@pytest.mark.parametrize("width", [360, 768, 992, 1120])
def test_the_list_of_jobs_is_never_wider_than_the_window(page_of, make_job, alice, width):
    make_job(
        name="train a model with a rather long name for a list", status="running", tags=["orders", "paper"]
    )
    make_job(name="nightly", status="queued")
    page = page_of(alice, width=width)
    page.goto("/")
    page.locator('input[name="job"]').first.check()
    assert page.evaluate("document.documentElement.scrollWidth") == width
