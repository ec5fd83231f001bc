"""A cluster is removed only when nothing of ours is there; its jobs stay in the history."""

import pytest

from clusters.models import Cluster, Image, KubernetesConnection, Profile
from jobs.models import Job, UsageSum
from jobs.usage.counting import count_ended, let_go
from tests import cast
from tests.clusters.pages.connected import CANARY, new_connected

URL = "/clusters/research/remove/"


@pytest.fixture
def off(research):
    Cluster.objects.filter(pk=research.pk).update(is_enabled=False)
    return research


@pytest.fixture
def old_job(off, make_job):
    return make_job(image=cast.new_image(off), profile=cast.new_profile(off), status="succeeded")


def test_it_asks_first_and_says_what_stays(admin, old_job, text):
    page = text(admin.get(URL))
    assert "Remove Research from the portal?" in page
    assert "stay in the history" in page
    assert "Remove this cluster" in page
    assert Cluster.objects.get(slug="research")


def test_the_way_there_is_shown_where_it_is_switched_off(admin, research, text):
    assert URL not in admin.get("/clusters/research/").text
    Cluster.objects.filter(pk=research.pk).update(is_enabled=False)
    assert URL in admin.get("/clusters/research/").text


def test_what_is_in_the_way_is_named_and_nothing_is_changed(admin, research, make_job, make_attempt, text):
    image, profile = cast.new_image(research), cast.new_profile(research)
    make_job(image=image, profile=profile, status="running")
    make_attempt(make_job(image=image, profile=profile, status="cancelled"))
    for page in (text(admin.get(URL)), text(admin.post(URL))):
        assert "Research cannot be removed yet" in page
        assert "Switch it off" in page
        assert "1 job there has not ended" in page
        assert "1 ended job may still have a pod there" in page
        assert "Remove this cluster" not in page
    assert KubernetesConnection.objects.filter(cluster=research).exists()
    assert not Cluster.objects.get(pk=research.pk).removed_at


def test_its_credentials_and_offers_go_and_its_jobs_and_their_cluster_s_name_stay(admin, old_job, text):
    answer = admin.post(URL, follow=True)
    assert "Research was removed" in text(answer)
    assert not KubernetesConnection.objects.exists()
    assert not Image.objects.filter(cluster__slug="research").exists()
    assert not Profile.objects.filter(cluster__slug="research").exists()
    kept = Job.objects.get(pk=old_job.pk).cluster
    assert kept.removed_at
    assert kept.name.startswith("Research (removed 20")
    assert admin.get("/clusters/research/").status_code == 404
    assert admin.get(f"/clusters/{kept.slug}/").status_code == 404
    assert "Research (removed" not in text(admin.get("/clusters/"))
    assert "Research (removed" in text(admin.get(f"/jobs/{old_job.pk}/details/"))


def test_without_jobs_nothing_of_it_stays(admin, off):
    admin.post(URL)
    assert not Cluster.objects.filter(pk=off.pk).exists()


def test_its_name_may_be_given_again_and_be_removed_again(admin, old_job, make_job):
    admin.post(URL)
    again = new_connected()
    make_job(image=cast.new_image(again), profile=cast.new_profile(again), status="failed")
    Cluster.objects.filter(pk=again.pk).update(is_enabled=False)
    admin.post(URL)
    names = sorted(Cluster.objects.filter(name__startswith="Research").values_list("name", flat=True))
    assert len(names) == 2
    assert f"Research (removed, {again.pk})" in names


def test_a_second_click_changes_nothing_and_this_machine_stays(admin, old_job, cluster):
    assert admin.post(URL)["Location"] == "/clusters/"
    assert admin.post(URL).status_code == 404
    assert admin.post(f"/clusters/{cluster.slug}/remove/").status_code == 404


def test_no_credential_is_left_in_the_database(admin, old_job):
    admin.post(URL)
    assert CANARY not in str(list(Cluster.objects.values()))
    assert not KubernetesConnection.objects.exists()


def test_what_deleted_jobs_used_there_keeps_its_name(admin, old_job):
    count_ended()
    let_go(old_job.pk)
    old_job.delete()
    admin.post(URL)
    assert Cluster.objects.get(slug__startswith="removed-").name.startswith("Research (removed ")
    assert UsageSum.objects.filter(cluster__slug__startswith="removed-").exists()
