"""The history: what is listed, for whom, and how it is filtered and paged."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.history import overview, pages
from jobs.models import Job
from jobs.search import pending
from teams.models import Membership
from tests import cast


@pytest.fixture
def names(client_of, alice):
    """`names("?status=failed")`: the names on that page, as Alice sees it."""

    def read(query="", user=None):
        pending.read_pending()
        response = client_of(user or alice).get("/" + query)
        assert response.status_code == 200
        return [job.name for job in response.context.get("jobs", [])]

    return read


def test_a_stranger_is_led_to_the_sign_in_page(client, db):
    response = client.get("/?status=failed")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/%3Fstatus%3Dfailed"


def test_the_jobs_of_the_team_are_listed_newest_first(make_job, names, alice, bob, charlie, other_team):
    make_job(name="first", owner=alice)
    make_job(name="second", owner=bob)
    make_job(name="hidden", owner=charlie, team=other_team)
    assert names() == ["second", "first"]


def test_an_admin_sees_every_team(make_job, names, charlie, dana, alice):
    make_job(name="hers", owner=alice)
    make_job(name="his", owner=charlie)
    assert names(user=dana) == ["his", "hers"]


def test_the_jobs_of_several_teams_are_one_list(make_job, names, bob, charlie, alice, other_team):
    Membership.objects.create(user=bob, team=other_team)
    for number, owner in enumerate([alice, charlie, alice, charlie]):
        make_job(name=f"job-{number}", owner=owner)
    assert names(user=bob) == ["job-3", "job-2", "job-1", "job-0"]
    assert names(f"?team={other_team.pk}", user=bob) == ["job-3", "job-1"]


def test_a_team_that_is_not_mine_shows_nothing(make_job, names, charlie, other_team):
    make_job(name="hidden", owner=charlie)
    assert names(f"?team={other_team.pk}") == []


def test_somebody_who_left_the_team_sees_its_jobs_no_more(make_job, names, alice, team):
    make_job(owner=alice)
    Membership.objects.filter(user=alice, team=team).update(
        team=cast.Team.objects.create(name="New", slug="new")
    )
    assert names(f"?owner={alice.pk}") == []


def test_deleted_jobs_are_not_listed(make_job, names):
    make_job(name="gone", deleted_at=timezone.now())
    make_job(name="here")
    assert names() == ["here"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?status=failed", ["failed"]),
        ("?status=active", ["finishing", "running", "starting", "queued"]),
        ("?status=running", ["running"]),
        ("?status=nonsense", ["failed", "succeeded", "finishing", "running", "starting", "queued"]),
    ],
)
def test_status_filter(make_job, names, query, expected):
    for status in ("queued", "starting", "running", "finishing", "succeeded", "failed"):
        make_job(name=status, status=status)
    assert names(query) == expected


def test_owner_filter_shows_mine_or_a_colleagues(make_job, names, alice, bob):
    make_job(name="mine", owner=alice)
    make_job(name="bobs", owner=bob)
    assert names(f"?owner={alice.pk}") == ["mine"]
    assert names(f"?owner={bob.pk}&status=active") == ["bobs"]


def test_the_owner_filter_opens_no_other_team(make_job, names, charlie):
    make_job(name="hidden", owner=charlie)
    assert names(f"?owner={charlie.pk}") == []


def test_tag_filter_needs_the_whole_tag(make_job, names):
    make_job(name="a", tags=["paper", "draft"])
    make_job(name="b", tags=["papers"])
    assert names("?tag=paper") == ["a"]


def test_cluster_filter(make_job, names, profile):
    other = cast.new_cluster("other", "Other")
    make_job(name="here")
    make_job(name="there", image=cast.new_image(other), profile=cast.new_profile(other))
    assert names(f"?cluster={other.pk}") == ["there"]
    assert names(f"?cluster={other.pk}&status=active") == ["there"]


def test_text_filter_finds_a_piece_of_the_name_in_any_case(make_job, names):
    make_job(name="Train model")
    make_job(name="evaluate")
    assert names("?text=RAIN") == ["Train model"]
    assert names("?text=tr") == ["Train model"]


@pytest.mark.parametrize("text", ["100%", "a_b", "back\\slash", "quote's", "drop;--"])
def test_special_signs_in_a_text_mean_themselves(make_job, names, text):
    make_job(name=f"with {text} inside")
    make_job(name="1000 axb backslash quotes drop")
    response = names("?" + cast_query(text=text))
    assert response == [f"with {text} inside"]


def cast_query(**values):
    from urllib.parse import urlencode

    return urlencode(values)


def test_time_filters(make_job, names):
    now = timezone.now()
    for days in (40, 20, 3, 0):
        make_job(name=f"{days} days", created_at=now - timedelta(days=days))
    assert names("?time=today") == ["0 days"]
    assert names("?time=7d") == ["0 days", "3 days"]
    assert names("?time=30d") == ["0 days", "3 days", "20 days"]
    day = (now - timedelta(days=20)).date()
    assert names(f"?start={day}&end={day}") == ["20 days"]
    assert names(f"?end={day}") == ["20 days", "40 days"]
    assert names(f"?start={day}&time=today") == ["0 days", "3 days", "20 days"]


@pytest.mark.parametrize(
    "query",
    [
        "?owner=x&cluster=-1&team=99999999999999999999",
        "?before=abc&after=%00",
        "?before=9223372036854775808",
        "?start=yesterday&end=2026-13-40",
        "?start=0001-01-01&end=9999-12-31",
        "?tag=%00&text=%00",
        "?status=failed&status=queued&owner=1&owner=2",
        "?text=" + "x" * 5000,
    ],
)
def test_an_address_that_makes_no_sense_is_no_error(make_job, client_of, alice, query):
    make_job()
    assert client_of(alice).get("/" + query).status_code == 200


def test_pages_lead_to_older_jobs_and_back_without_a_gap(make_job, client_of, alice, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 3)
    ids = [make_job().pk for _ in range(8)][::-1]
    client = client_of(alice)
    first = client.get("/").context
    second = client.get(first["next_url"]).context
    third = client.get(second["next_url"]).context
    assert [[job.pk for job in page["jobs"]] for page in (first, second, third)] == [
        ids[:3],
        ids[3:6],
        ids[6:],
    ]
    assert not first["previous_url"]
    assert not third["next_url"]
    back = client.get(third["previous_url"]).context
    assert [job.pk for job in back["jobs"]] == ids[3:6]
    assert back["next_url"]
    assert client.get(back["previous_url"], follow=True).context["jobs"] == first["jobs"]


def test_a_new_job_does_not_shift_the_next_page(make_job, client_of, alice, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    ids = [make_job().pk for _ in range(4)][::-1]
    client = client_of(alice)
    address = client.get("/").context["next_url"]
    make_job()
    assert [job.pk for job in client.get(address).context["jobs"]] == ids[2:]


def test_filters_stay_while_paging(make_job, client_of, alice, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 1)
    for status in ("failed", "succeeded", "failed"):
        make_job(status=status)
    client = client_of(alice)
    first = client.get("/?status=failed").context
    second = client.get(first["next_url"]).context
    assert [job.status for job in second["jobs"]] == ["failed"]
    assert not second["next_url"]


def test_a_search_ends_after_its_window_and_goes_on_from_there(make_job, client_of, alice, monkeypatch):
    monkeypatch.setattr(pages, "SEARCHED", 4)
    other = cast.new_cluster("other", "Other")
    wanted = make_job(image=cast.new_image(other), profile=cast.new_profile(other))
    for _ in range(6):
        make_job()
    client = client_of(alice)
    first = client.get(f"/?owner={alice.pk}&cluster={other.pk}")
    assert first.context["no_match"]
    assert "Look further back" in first.content.decode()
    assert client.get(first.context["next_url"]).context["jobs"] == [wanted]


def test_what_an_index_finds_is_found_beyond_the_window(make_job, names, monkeypatch, client_of, alice):
    monkeypatch.setattr(pages, "TAGGED", 3)
    monkeypatch.setattr(overview, "READ", 3)
    make_job(name="needle", tags=["paper"], status="failed")
    for _ in range(6):
        make_job(name="hay")
    make_job(name="needle two", tags=["paper"])
    assert names("?tag=paper") == ["needle two", "needle"]
    assert names("?text=needle") == ["needle two", "needle"]
    page = client_of(alice).get("/?text=needle").context["filters"]
    assert {count.label: count.count for count in page.counts}["All"] == "2"


def test_counts_are_above_the_list_and_follow_the_other_filters(make_job, client_of, alice, bob):
    for owner, status in ((alice, "failed"), (alice, "queued"), (bob, "failed"), (bob, "running")):
        make_job(owner=owner, status=status)
    everybody = client_of(alice).get("/?status=failed").context["filters"].counts
    assert {count.label: count.count for count in everybody} == {
        "All": "4", "Active": "2", "Succeeded": "0", "Failed": "2", "Cancelled": "0", "Error": "0",
    }  # fmt: skip
    assert [count.label for count in everybody if count.is_active] == ["Failed"]
    mine = client_of(alice).get(f"/?owner={alice.pk}").context["filters"].counts
    assert mine[0].count == "2"


def test_counts_that_are_not_whole_say_so(make_job, client_of, alice, monkeypatch):
    monkeypatch.setattr(pages, "COUNTED", 2)
    for _ in range(3):
        make_job()
    counts = client_of(alice).get("/").context["filters"].counts
    assert [(count.label, count.count) for count in counts[:3]] == [
        ("All", "2+"),
        ("Active", "2+"),
        ("Succeeded", "–"),
    ]


def test_the_counts_of_a_frequent_tag_say_that_there_are_more(make_job, client_of, alice, monkeypatch):
    """The walk met enough of it, so its own index was not asked: what was counted is not all."""
    monkeypatch.setattr(overview, "READ", 3)
    monkeypatch.setattr(overview, "FEW", 2)
    for _ in range(4):
        make_job(tags=["nightly"])
    counts = client_of(alice).get("/?tag=nightly").context["filters"].counts
    assert (counts[0].label, counts[0].count) == ("All", "3+")


def test_the_counts_are_a_fragment_of_their_own(make_job, client_of, alice, charlie):
    make_job(status="failed")
    response = client_of(alice).get("/jobs/counts/?status=failed")
    assert response.content.decode().strip().startswith('<ul class="counts" id="job-counts"')
    assert "Failed<strong>1</strong>" in response.content.decode()
    assert "Failed<strong>0</strong>" in client_of(charlie).get("/jobs/counts/").content.decode()


def test_chips_offer_what_there_is_with_addresses_of_their_own(make_job, client_of, alice, bob, charlie):
    make_job(owner=bob, tags=["paper"])
    make_job(owner=charlie, tags=["secret"])
    bar = client_of(alice).get("/?status=active&text=job").context["filters"]
    menus = {menu.name: menu for menu in bar.menus}
    assert [chip.label for chip in menus["owner"].chips] == ["Everybody", "Mine", "Bob Bauer"]
    assert [chip.label for chip in menus["tag"].chips] == ["Any tag", "paper"]
    assert menus["tag"].chips[1].url == "/?status=active&tag=paper&text=job"
    assert ("status", "active") in bar.hidden


def test_the_first_page_of_a_new_team_offers_the_examples(client_of, alice, image):
    page = client_of(alice).get("/").content.decode()
    assert "Run your first script" in page
    assert "/examples/python-model/run/" in page


def test_no_match_is_not_the_empty_state(make_job, client_of, alice):
    make_job()
    page = client_of(alice).get("/?status=error").content.decode()
    assert "No job matches these filters" in page
    assert "Run your first script" not in page


def test_somebody_without_a_team_reads_what_to_do(client_of, django_user_model, dana):
    page = client_of(django_user_model.objects.create(username="new")).get("/").content.decode()
    assert "You are not in a team yet" in page
    assert "dana" in page


def test_all_can_be_selected_and_who_may_send_nothing_can_compare(
    make_job, client_of, alice, bob, django_user_model
):
    hers = make_job(owner=alice)
    page = client_of(bob).get("/").content.decode()
    assert f'name="job" value="{hers.pk}"' in page
    assert 'value="compare"' in page
    assert 'value="again"' in page
    auditor = django_user_model.objects.create(username="otto", is_auditor=True)
    page = client_of(auditor).get("/").content.decode()
    assert f'name="job" value="{hers.pk}"' in page
    assert 'value="compare"' in page
    assert 'value="again"' not in page
    assert 'value="delete"' not in page


def test_a_name_is_never_markup(make_job, client_of, alice):
    make_job(name="<script>alert(1)</script>", tags=["<b>"])
    page = client_of(alice).get("/?text=%22%3E%3Cscript%3E").content.decode()
    page += client_of(alice).get("/").content.decode()
    assert "<script>alert" not in page
    assert '"><script>' not in page
    assert "<b>" not in page


def test_a_page_loads_no_long_fields(make_job, client_of, alice):
    make_job()
    job = client_of(alice).get("/").context["jobs"][0]
    assert {"command", "arguments"} <= job.get_deferred_fields()
    assert Job.objects.get(pk=job.pk).command


def test_what_is_too_common_for_its_index_is_left_to_the_walk(make_job, client_of, alice, monkeypatch):
    monkeypatch.setattr(pages, "TAGGED", 2)
    monkeypatch.setattr(overview, "READ", 2)
    monkeypatch.setattr(pages, "RARE", 3)
    monkeypatch.setattr(overview, "RARE", 3)
    for _ in range(4):
        make_job(tags=["needle"])
    for _ in range(3):
        make_job()
    client = client_of(alice)
    page = client.get("/?tag=needle").context
    found = 0
    assert page["no_match"]
    while page["next_url"]:
        page = client.get(page["next_url"]).context
        found += len(page["jobs"])
    assert found == 4
