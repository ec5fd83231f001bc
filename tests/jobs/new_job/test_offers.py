"""Who may use which environment, and what the profiles' cards say about room."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now
from django.urls import reverse

from clusters.models import Cluster, ClusterHealth
from jobs.models import Job
from jobs.submission import submit
from jobs.submission.offers import offer_for
from tests import cast

GIB = 1024**3


@pytest.fixture
def blue(alice, team):
    """A second team of Alice's."""
    found = cast.new_team("Zebra") if hasattr(cast, "new_team") else None
    found = found or type(team).objects.create(name="Zebra", slug="zebra")
    alice.memberships.create(team=found)
    return found


@pytest.fixture
def secret(image, blue):
    """An environment that only the second team may use."""
    found = cast.new_image(image.cluster, label="Licensed", position=5)
    found.teams.add(blue)
    return found


def run(client, url, **fields):
    script = SimpleUploadedFile("a.py", b"print(1)\n")
    return client.post(url, {"file": script, "action": "run", **fields})


def test_an_environment_that_names_teams_is_offered_to_their_members_only(secret, image, alice, bob, dana):
    assert [each.label for each in offer_for(alice).images] == [image.label, "Licensed"]
    assert [each.label for each in offer_for(bob).images] == [image.label]
    assert len(offer_for(dana).images) == 2


def test_somebody_without_a_team_is_told_at_the_top_before_filling_anything_in(client_of, image, client, url):
    lonely = client_of(cast.new_user("lonely"))
    page = lonely.get(reverse("job_new"), follow=True).content.decode()
    assert "You are in no team yet, so nothing can be run." in page[: page.index('id="new-job"')]
    assert "You are in no team" not in client.get(url).content.decode()


def test_the_form_offers_what_the_chosen_team_may_use(client, url, secret, team, blue):
    option = f'<option value="{secret.pk}">{secret.label}<'
    assert option not in client.get(url).content.decode()
    client.post(url, {"team": blue.pk, "action": "save"})
    assert option in client.get(url).content.decode()


def test_an_environment_of_another_team_is_refused_with_a_sentence(client, url, secret, team, blue):
    page = run(client, url, image=secret.pk, team=team.pk).content.decode()
    assert f"The environment “Licensed” is not open to {team.name}." in page
    assert "or the team Zebra" in page
    assert not Job.objects.exists()
    assert run(client, url, image=secret.pk, team=blue.pk).status_code == 302
    assert Job.objects.get().image == secret


def test_a_guess_is_never_an_environment_that_the_team_may_not_use(client, url, secret, image, team):
    image.entry_commands = {}
    image.save()
    run(client, url)
    assert not Job.objects.filter(image=secret).exists()


def test_what_was_closed_to_the_team_since_is_not_run_again(alice, team, image, profile, blue):
    job = cast.new_job(alice, team, image, profile, status="succeeded")
    image.teams.add(blue)
    with pytest.raises(submit.CannotRun, match=rf"no longer open to {team.name}\..*Run with changes"):
        submit.run_again(alice, job, uuid.uuid4())
    image.teams.add(team)
    assert submit.run_again(alice, job, uuid.uuid4()).image == image


def health(cluster, **node):
    figures = {"cpu_millis": 4000, "memory_bytes": 8 * GIB, "disk_bytes": 50 * GIB, "gpus": {}} | node
    capacity = {"nodes": [{**figures, "labels": {}, "taints": [], "free": figures}]}
    return ClusterHealth.objects.create(cluster=cluster, checked_at=Now(), capacity=capacity)


def test_the_cards_tell_for_how_many_there_is_room_and_what_does_not_fit(client, url, image, profile):
    cast.new_profile(image.cluster, name="Huge", memory_bytes=64 * GIB)
    assert "Room for" not in client.get(url).content.decode()
    health(image.cluster)
    Cluster.objects.update(driver="kubernetes")
    page = client.get(url).content.decode()
    assert "Room for 3 now" in page
    assert "Does not fit. No node of This machine has 64 GiB of memory" in page
    Cluster.objects.update(driver="local")
    assert "Room for 4 now" in client.get(url).content.decode()


@pytest.mark.parametrize(
    ("driver", "cores", "free", "says"),
    [
        ("kubernetes", 0.5, 0.5, "It cannot start there. No node of "),
        ("kubernetes", 4, 0, "There is no room for it now: it waits until there is."),
        ("kubernetes", 16, 16, "Starts at once."),
        ("local", 4, 0, "Starts at once."),
    ],
)
def test_when_it_starts_depends_on_what_fits(client, url, image, profile, driver, cores, free, says):
    node = {"cpu_millis": int(cores * 1000), "memory_bytes": 64 * GIB, "disk_bytes": 100 * GIB}
    left = node | {"cpu_millis": int(free * 1000)}
    capacity = {"nodes": [{**node, "gpus": {}, "labels": {}, "taints": [], "free": left}]}
    ClusterHealth.objects.create(cluster=image.cluster, checked_at=Now(), capacity=capacity)
    Cluster.objects.update(driver=driver)
    client.post(url, {"file": SimpleUploadedFile("train.py", b"print(1)\n"), "action": "save"})
    assert says in client.get(url).content.decode()


def test_what_was_known_long_ago_says_nothing_about_now(client, url, image, profile):
    health(image.cluster)
    ClusterHealth.objects.update(checked_at="2020-01-01T00:00Z")
    assert "Room for" not in client.get(url).content.decode()
