"""Quotas and pauses in a real browser: gauges that follow, a change with its preview, without JavaScript, widths."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from jobs.admission.admit import admit_team
from jobs.models import Attempt, Job
from teams.models import Pause, QuotaLine, Scope, Team
from teams.quota.book import Account
from teams.quota.limits import limits_of, set_limits, set_sharing
from tests import cast
from tests.browser.test_clusters import patience, serious  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
GIB = 1024**3
USE, QUOTA = "/teams/data-science/use/", "/teams/data-science/quota/"
PAGES = (
    *("/teams/", USE, USE + "?people=2", QUOTA, "/teams/finance/use/", "/teams/empty/use/"),
    *("/teams/data-science/pause/", "/teams/finance/pause/", "/clusters/this-machine/pause/", "/pause/", "/"),
    *("/clusters/this-machine/", "/new/"),
)


@pytest.fixture
def busy(make_job, alice, bob, charlie, manager, dana, team, other_team, cluster, image, profile):
    """Everything that the pages can show: borrowed and lowered limits, long names, causes, pages of people."""
    cast.new_profile(cluster, name="GPU", gpu_resource="nvidia.com/gpu", gpu_count=1)
    Team.objects.create(name="Empty", slug="empty")
    shares = {"jobs": 30, "cpu_millis": 40_000, "memory_bytes": 160 * GIB, "gpu:nvidia.com/gpu": 4}
    set_limits(team.pk, {Account(Scope.TEAM, name): amount for name, amount in shares.items()})
    set_limits(other_team.pk, {Account(Scope.TEAM, "cpu_millis"): 16_000})
    for each in (team, other_team):
        set_sharing(each.pk, shares=True)
    set_limits(team.pk, {
        Account(Scope.CLUSTER, "gpu:nvidia.com/gpu", cluster_id=cluster.pk): 3,
        Account(Scope.MEMBER, "jobs"): 6,
        Account(Scope.USER, "jobs", user_id=bob.pk): 2,
        Account(Scope.TEAM, "gpu:amd.com/instinct-mi300x-with-a-long-name"): 0,
        Account(Scope.TEAM, "cpu_hours"): 500 * 3_600_000_000,
    })  # fmt: skip
    long = cast.new_user("wolf", team, first_name="Wolfeschlegelsteinhausenbergerdorff" * 2)
    crowd = [
        cast.new_user(f"analyst{n:02}", team, first_name="Ana", last_name=f"Lytikerin {n}") for n in range(22)
    ]
    gpu = {"gpu_resource": "nvidia.com/gpu", "gpu_count": 1}
    jobs = [make_job(cpu_millis=8000, memory_bytes=16 * GIB, **gpu) for _ in range(3)]
    jobs += [make_job(owner=bob, cpu_millis=4000, memory_bytes=8 * GIB) for _ in range(4)]
    jobs += [make_job(owner=long, cpu_millis=500) for _ in range(2)]
    jobs += [make_job(owner=person, cpu_millis=250) for person in crowd]
    jobs += [make_job(cpu_millis=16000, memory_bytes=32 * GIB, **gpu), make_job(cpu_millis=640_000)]
    admit_team(team.pk)
    started = list(Attempt.objects.order_by("pk").values_list("job", flat=True))
    Job.objects.filter(pk__in=started[:14]).update(status="running", running_at=timezone.now())
    admit_team(team.pk)
    Pause.objects.create(message="The storage is being moved, until noon.", team=other_team, by=dana)
    return team


def test_an_admin_looks_what_a_limit_would_do_and_saves_it(page_of, busy, dana):
    page = page_of(dana)
    page.goto("/teams/")
    page.get_by_role("link", name="Data science").click()
    expect(page.get_by_role("heading", name="In use now")).to_be_visible()
    page.get_by_role("link", name="Change limits").click()
    field = page.get_by_label("Running jobs, The team")
    field.fill("two")
    page.get_by_role("button", name="Show what it would do").last.click()
    page.get_by_role("link", name="Running jobs: “two” is no amount").click()
    expect(field).to_be_focused()
    expect(field).to_have_value("two")
    field.fill("2")
    page.keyboard.press("Enter")  # looks, and does not save
    expect(page.get_by_role("region", name="If you save this")).to_contain_text(
        "above the new limit and go on"
    )
    assert limits_of(busy.pk)[Account(Scope.TEAM, "jobs")] == 30
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The quota of Data science was saved.")).to_be_visible()
    assert limits_of(busy.pk)[Account(Scope.TEAM, "jobs")] == 2


def test_the_page_of_use_follows_without_a_reload_and_only_while_it_is_seen(page_of, busy, alice):
    page = page_of(alice)
    page.clock.install()
    page.goto(USE)
    page.evaluate("window.stayed = true")
    QuotaLine.objects.filter(team=busy, scope=Scope.TEAM, resource="jobs").update(limit=77)
    page.clock.run_for(11_000)
    expect(page.get_by_text("of 77")).to_be_visible()
    assert page.evaluate("window.stayed")
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(30_000)
    page.wait_for_timeout(300)
    assert asked == []


def test_without_javascript_a_team_is_paused_and_goes_on(page_of, busy, dana):
    page = page_of(dana, java_script_enabled=False)
    page.goto(USE)
    page.get_by_role("link", name="Pause…").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("link", name="Say why, and until when")).to_be_visible()
    page.get_by_label("What people are told").fill("Until noon.")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("Paused by an admin: Data science.")).to_be_visible()
    page.get_by_role("link", name="Let it go on…").click()
    page.get_by_role("button", name="Let it go on").click()
    expect(page.get_by_text("Paused by an admin")).to_have_count(0)
    assert not Pause.objects.filter(team=busy).exists()


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious(page_of, busy, dana, colour):
    page, found = page_of(dana, colour=colour), {}
    for path in PAGES:
        page.goto(path)
        found[path] = serious(page)
    page.goto(QUOTA)
    page.get_by_label("Running jobs, The team").fill("two")
    page.get_by_role("button", name="Show what it would do").last.click()
    found["with mistakes"] = serious(page)
    page.get_by_label("Running jobs, The team").fill("0")
    page.get_by_role("button", name="Show what it would do").last.click()
    found["preview"] = serious(page)
    Pause.objects.create(message="The storage is being moved, until noon.")
    for path in ("/", "/new/", USE):
        page.goto(path)
        found[path + " paused"] = serious(page)
    assert {path: troubles for path, troubles in found.items() if troubles} == {}


@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
def test_nothing_overflows(page_of, busy, dana, width):
    page, wide = page_of(dana, width=width), []
    Pause.objects.create(message="W" * 300)
    # The list of jobs with all its columns is wider than a tablet; test_history.py has its widths.
    for path in PAGES if width != 768 else set(PAGES) - {"/"}:
        page.goto(path)
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            wide.append(path)
    assert wide == []
