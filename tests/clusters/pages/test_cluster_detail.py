"""One cluster: how it is, what the doctor found, how it is reached. Never a secret."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clusters.models import Cluster, DoctorRun, TeamSpace
from tests import cast
from tests.clusters.pages.connected import CANARY, healthy, line, new_connected, node, visited

YAML = "kind: Role\nmetadata:\n  name: stellwerk\n"


def test_a_visit_is_shown_line_by_line_with_what_mends_it(admin, research, text):
    visited(
        research,
        line("reachable"),
        line("rights", "fail", "It may not create Secrets.", YAML, "yaml"),
        line("image", "warn", "The pull took 48 s.", "kubectl create secret …", "command"),
        line("nodes", "skip", "Not asked.", "Ask an admin.", "text"),
    )
    page = text(admin.get("/clusters/research/"))
    for word in ("Passed", "Failed", "Warning", "Skipped"):
        assert f'<span class="status-word">{word}</span>' in page
    assert "1 passed, 1 to look at, 1 failed, 1 skipped" in page
    assert YAML in page
    assert 'data-copy="fix-rights"' in page
    assert 'data-copy="fix-image"' in page
    assert 'data-copy="fix-nodes"' not in page
    assert "Ask an admin." in page
    assert "hx-get" not in page


def test_what_does_not_work_comes_first_once_the_visit_has_ended(admin, research):
    found = [
        line("address"),
        line("nodes", "warn"),
        line("events", "skip"),
        line("pod", "fail"),
        line("quota", "warn"),
    ]

    def shown():
        return [each.key for each in admin.get("/clusters/research/").context["visit"].lines]

    run = visited(research, *found, is_running=True)
    assert shown() == ["address", "nodes", "events", "pod", "quota"]
    DoctorRun.objects.filter(pk=run.pk).update(ended_at=timezone.now())
    assert shown() == ["pod", "nodes", "quota", "address", "events"]


def test_the_same_yaml_is_shown_once_and_the_other_lines_name_its_line(admin, research, text):
    visited(
        research,
        line("nodes", "warn", "Nodes are not seen.", YAML, "yaml"),
        line("secrets", "fail", "No Secrets.", YAML, "yaml"),
        line("disk", "warn", "Full.", "Make room.", "text"),
        line("disk2", "warn", "Full too.", "Make room.", "text"),
    )
    page = text(admin.get("/clusters/research/"))
    assert page.count("name: stellwerk\n") == 1
    assert 'data-copy="fix-secrets"' in page
    assert "What to paste under “Secrets” puts this right too." in page
    assert page.count("Make room.") == 2


def test_nodes_are_listed_with_what_is_free_and_their_gpus(admin, research, text):
    gpu = node(
        "gpu-1",
        gpus={"nvidia.com/gpu": 4},
        free_gpus={"nvidia.com/gpu": 1},
        labels={"nvidia.com/gpu.product": "A100"},
        taints=[{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}],
    )
    healthy(research, node("worker-1", free=0.25), gpu)
    page = text(admin.get("/clusters/research/"))
    for shown in ("worker-1", "4 of 16", "1 of 4 nvidia.com/gpu (A100)", "dedicated=gpu:NoSchedule"):
        assert shown in page, shown


def test_a_cluster_of_hundreds_of_nodes_is_cut(admin, research, text):
    healthy(research, *(node(f"node-{number}") for number in range(60)))
    page = text(admin.get("/clusters/research/"))
    assert "And 10 more." in page


def test_the_connection_is_described_without_any_secret(admin, text):
    ends = timezone.now() + timedelta(days=5, hours=2, minutes=30)
    new_connected(expires_at=ends, identity="6f2c0c1e", portal_url="http://127.0.0.1:8000")
    page = text(admin.get("/clusters/research/"))
    for shown in ("https://10.0.0.1:6443", "Token", "in 5 d 2 h", "6f2c0c1e", "No pod can reach this"):
        assert shown in page, shown
    assert CANARY not in page
    assert "It works, but" not in page  # nobody has looked at it yet
    healthy(Cluster.objects.get())
    assert "It works, but its credentials end soon." in text(admin.get("/clusters/research/"))


def test_it_says_what_is_missing_before_anybody_can_use_it(admin, research, text):
    assert "Nobody can send a job here yet" in text(admin.get("/clusters/research/"))
    cast.new_image(research)
    page = text(admin.get("/clusters/research/"))
    assert 'it needs <a href="/clusters/research/profiles/">a profile</a>' in page
    cast.new_profile(research)
    assert "Nobody can send a job here yet" not in text(admin.get("/clusters/research/"))


@pytest.mark.parametrize("mode", ["one", "prepared", "made"])
def test_namespaces_of_teams_are_shown_where_teams_have_them(admin, text, team, other_team, mode):
    cluster = new_connected(space_mode=mode)
    TeamSpace.objects.create(cluster=cluster, team=team, namespace="sw-data", trouble="It has no quota.")
    page = text(admin.get("/clusters/research/"))
    assert ("Namespaces of teams" in page) is (mode != "one")
    assert ("It has no quota." in page) is (mode != "one")
    assert (f"/clusters/research/spaces/{other_team.pk}/" in page) is (mode == "prepared")


def test_jobs_that_start_are_not_counted_as_running(admin, research, make_job, text):
    image, profile = cast.new_image(research), cast.new_profile(research)
    for status in ("running", "starting", "starting", "queued"):
        make_job(image=image, profile=profile, status=status)
    page = text(admin.get("/clusters/research/"))
    assert "1 running</a>, 2 starting, 1 waiting" in page


def test_this_machine_has_no_connection_and_no_credentials(admin, cluster, text):
    page = text(admin.get("/clusters/this-machine/"))
    assert "Test now" in page
    assert "Connection" not in page
    assert admin.get("/clusters/this-machine/credentials/").status_code == 404
