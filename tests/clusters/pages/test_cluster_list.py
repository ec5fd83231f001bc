"""Every cluster at a glance: health, free room, jobs, and what to do about it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clusters.kubernetes.api import ApiRefused
from clusters.models import Cluster, ClusterHealth, DoctorRun
from tests import cast
from tests.clusters.pages.connected import healthy, line, new_connected, node


def test_with_only_this_machine_the_page_says_how_to_connect_a_cluster(admin, cluster, text):
    page = text(admin.get("/clusters/"))
    assert "Connect your first cluster" in page


def test_health_room_and_jobs_of_a_cluster_are_shown(admin, research, make_job, text):
    gpus = {"nvidia.com/gpu": 2}
    healthy(research, node(), node("gpu-1", gpus=gpus, free_gpus={"nvidia.com/gpu": 1}))
    image, profile = cast.new_image(research), cast.new_profile(research)
    for status in ("running", "finishing", "starting", "starting", "starting", "queued", "succeeded"):
        make_job(image=image, profile=profile, status=status)
    page = text(admin.get("/clusters/"))
    assert "Connect your first cluster" not in page
    for shown in (
        '<span class="status-word">Healthy</span>',
        "<strong>16</strong> of 32 cores",
        "<strong>64 GiB</strong> of 128 GiB memory",
        "<strong>1</strong> of 2 nvidia.com/gpu",
        "2 running</a>",
        "3 starting</span>",
        "1 waiting</span>",
        "Kubernetes v1.36.0",
        "answers in 12 ms",
        'aria-label="Test Research now"',
    ):
        assert shown in page, shown


def test_what_the_doctor_found_broken_is_not_healthy_until_it_is_tested_again(admin, research, text):
    healthy(research)
    broken = [line("network"), line("pod", "fail", "The test pod did not call back.")]
    DoctorRun.objects.create(cluster=research, lines=broken, ended_at=timezone.now())
    for path in ("/clusters/", "/clusters/research/"):
        page = text(admin.get(path))
        assert '<span class="status-word">Not usable</span>' in page
        assert "The test pod did not call back." in page
        assert "Test it again" in page
    # One that is on its way takes nothing back yet.
    again = DoctorRun.objects.create(cluster=research, lines=[line("network")])
    assert "Not usable" in text(admin.get("/clusters/"))
    DoctorRun.objects.filter(pk=again.pk).update(ended_at=timezone.now())
    assert '<span class="status-word">Healthy</span>' in text(admin.get("/clusters/"))


def test_one_broken_environment_does_not_make_the_cluster_unusable(admin, research, text):
    healthy(research)
    works, broken = line("environment"), line("environment:x:1", "fail", "x:1 has no shell.")
    run = DoctorRun.objects.create(cluster=research, lines=[works, broken], ended_at=timezone.now())
    for path in ("/clusters/", "/clusters/research/"):
        page = text(admin.get(path))
        assert '<span class="status-word">Needs a look</span>' in page
        assert "It works, but not with every environment. x:1 has no shell." in page
    Cluster.objects.filter(pk=research.pk).update(is_enabled=False)
    assert "It works, but" not in text(admin.get("/clusters/research/"))
    Cluster.objects.filter(pk=research.pk).update(is_enabled=True)
    # Where none works, no job can run.
    DoctorRun.objects.filter(pk=run.pk).update(lines=[line("environment", "fail", "r:1 is gone."), broken])
    page = text(admin.get("/clusters/"))
    assert '<span class="status-word">Not usable</span>' in page
    assert "r:1 is gone." in page


@pytest.mark.parametrize(
    ("cluster_fields", "health_fields", "word", "icon_class"),
    [
        ({}, {}, "Healthy", "status-green"),
        ({}, {"level": "warn", "sentence": "It is slow."}, "Needs a look", "status-orange"),
        ({}, {"level": "fail", "sentence": "No rights."}, "Not usable", "status-red"),
        ({}, {"level": "", "sentence": ""}, "Not checked yet", "status-grey"),
        ({"unreachable_since": timezone.now(), "trouble": "No route."}, {}, "Unreachable", "status-red"),
        ({"is_enabled": False}, {}, "Switched off", "status-grey"),
    ],
)
def test_each_state_has_a_word_and_a_colour(
    admin, research, text, cluster_fields, health_fields, word, icon_class
):
    health = healthy(research)
    ClusterHealth.objects.filter(pk=health.pk).update(**health_fields)
    Cluster.objects.filter(pk=research.pk).update(**cluster_fields)
    page = text(admin.get("/clusters/"))
    assert f'<span class="status-word">{word}</span>' in page
    assert f'class="status-badge {icon_class}' in page
    sentence = cluster_fields.get("trouble") or health_fields.get("sentence", "")
    assert sentence in page


def test_credentials_that_never_worked_are_not_said_to_have_ended(admin, research, text):
    trouble = str(ApiRefused(401, "Unauthorized", "Unauthorized").in_our_words("jobs"))
    Cluster.objects.filter(pk=research.pk).update(unreachable_since=timezone.now(), trouble=trouble)
    page = text(admin.get("/clusters/"))
    assert "The cluster does not accept the portal&#x27;s credentials (Unauthorized)." in page
    assert "any more" not in page


@pytest.mark.parametrize(("days", "is_told"), [(13.9, True), (14.1, False), (-1, True)])
def test_credentials_that_end_are_told_14_days_ahead(admin, text, days, is_told):
    new_connected(expires_at=timezone.now() + timedelta(days=days))
    page = text(admin.get("/clusters/"))
    assert ("Replace them" in page) is is_told


def test_analysts_have_no_clusters_in_their_navigation(client_of, alice, admin, text):
    assert 'href="/clusters/"' not in text(client_of(alice).get("/"))
    assert 'href="/clusters/"' in text(admin.get("/"))


def test_the_page_costs_the_same_for_many_clusters(admin, django_assert_max_num_queries):
    for number in range(6):
        healthy(new_connected(f"Cluster {number}", f"cluster-{number}"))
    with django_assert_max_num_queries(6):
        admin.get("/clusters/")
