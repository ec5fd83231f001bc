"""Which namespace a team's jobs get: settled before its first job, checked again, and never somebody else's."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clusters import spaces
from clusters.driver import ClusterRefused, DriverError
from clusters.kubernetes.driver import KubernetesDriver, RunnerImage
from clusters.kubernetes.fences import BESIDE_CPU_MILLIS
from clusters.models import Cluster, KubernetesConnection, SpaceMode, TeamSpace
from clusters.placement import places_of, space_for
from teams.models import Scope, Team
from teams.quota.book import Account
from teams.quota.fence import fence_of
from teams.quota.limits import set_limits, set_sharing
from tests.clusters.object_store import ObjectStore, forbidden, unreachable

pytestmark = pytest.mark.django_db
BLUE = "/api/v1/namespaces/portal-blue"


@pytest.fixture
def api(monkeypatch):
    api = ObjectStore()

    def driver(cluster):
        row = cluster.kubernetes
        return KubernetesDriver(api, places_of(row), "inst", RunnerImage(row.runner_image))

    monkeypatch.setattr(spaces, "driver_of", driver)
    monkeypatch.setattr(spaces, "installation_id", lambda: "inst")
    return api


@pytest.fixture
def blue():
    return Team.objects.create(name="Blue", slug="blue")


@pytest.fixture
def cluster():
    found = Cluster.objects.create(name="East", slug="east", driver="kubernetes")
    KubernetesConnection.objects.create(
        cluster=found,
        server="https://10.0.0.1:6443",
        namespace="portal",
        runner_image="python:3.11",
        space_mode=SpaceMode.MADE,
        portal_url="https://10.1.2.3:8443",
    )
    return found


def mode(cluster, value):
    cluster.kubernetes.space_mode = value
    cluster.kubernetes.save()


def test_on_this_machine_and_in_one_namespace_nothing_is_asked(api, cluster, blue):
    local = Cluster.objects.create(name="Here", slug="here", driver="local")
    mode(cluster, SpaceMode.ONE)
    assert space_for(local, blue.pk) == ""
    assert space_for(cluster, blue.pk) == "portal"
    assert api.calls == []


def test_a_teams_namespace_is_there_before_its_first_job(api, cluster, blue):
    assert space_for(cluster, blue.pk) == "portal-blue"
    assert api.objects[BLUE]["metadata"]["labels"]["stellwerk/team"] == str(blue.pk)
    assert any(path.startswith(f"{BLUE}/configmaps/stellwerk-runner-") for path in api.objects)
    api.calls.clear()
    assert space_for(cluster, blue.pk) == "portal-blue"
    assert api.calls == []


def test_a_foreign_namespace_of_the_name_is_not_taken_and_the_team_gets_another(api, cluster, blue):
    api.post("/api/v1/namespaces", {"metadata": {"name": "portal-blue", "labels": {"app": "billing"}}})
    name = space_for(cluster, blue.pk)
    assert name.startswith("portal-blue-")
    assert api.objects[BLUE]["metadata"]["labels"] == {"app": "billing"}
    assert TeamSpace.objects.get().namespace == name


def test_a_namespace_that_became_somebody_elses_takes_no_more_jobs(api, cluster, blue):
    space_for(cluster, blue.pk)
    api.objects[BLUE]["metadata"]["labels"]["stellwerk/installation"] = "other"
    spaces.settle_spaces(cluster.pk)
    with pytest.raises(ClusterRefused, match="not this portal's"):
        space_for(cluster, blue.pk)


@pytest.mark.parametrize("error", [forbidden("namespaces"), unreachable()])
def test_while_it_cannot_be_made_jobs_wait_with_a_sentence_and_the_cluster_is_left_in_peace(
    api, cluster, blue, error
):
    api.refuse["create", "/api/v1/namespaces"] = error
    with pytest.raises(DriverError, match="namespace on East is not ready: "):
        space_for(cluster, blue.pk)
    asked = len(api.calls)
    with pytest.raises(DriverError):
        space_for(cluster, blue.pk)
    assert len(api.calls) == asked
    api.refuse.clear()
    TeamSpace.objects.update(checked_at=timezone.now() - timedelta(minutes=1))
    assert space_for(cluster, blue.pk) == "portal-blue"


def test_drift_is_mended_regularly(api, cluster, blue):
    space_for(cluster, blue.pk)
    del api.objects[f"{BLUE}/resourcequotas/stellwerk"]
    spaces.settle_spaces(cluster.pk)
    assert f"{BLUE}/resourcequotas/stellwerk" in api.objects
    assert TeamSpace.objects.get().is_ready


def test_the_namespaces_quota_has_the_ledgers_numbers_and_follows_them(api, cluster, blue):
    set_limits(blue.pk, {Account(Scope.TEAM, "jobs"): 4, Account(Scope.TEAM, "gpu:nvidia.com/gpu"): 2})
    space_for(cluster, blue.pk)
    quota = f"{BLUE}/resourcequotas/stellwerk"
    assert api.objects[quota]["spec"]["hard"] == {
        "pods": "4",
        "requests.nvidia.com/gpu": "2",
        "services": "0",
        "persistentvolumeclaims": "0",
    }
    set_limits(
        blue.pk,
        {
            Account(Scope.TEAM, "cpu_millis"): 16_000,
            Account(Scope.CLUSTER, "jobs", cluster_id=cluster.pk): 3,
            Account(Scope.TEAM, "gpu:nvidia.com/gpu"): 0,
        },
    )
    spaces.settle_spaces(cluster.pk)
    hard = api.objects[quota]["spec"]["hard"]
    assert (hard["pods"], hard["requests.nvidia.com/gpu"]) == ("3", "0")
    assert hard["requests.cpu"] == f"{16_000 + 3 * BESIDE_CPU_MILLIS}m"


def test_who_shares_may_borrow_past_its_own_numbers_and_the_pool_is_the_fence(api, cluster, blue):
    red = Team.objects.create(name="Red", slug="red")
    for each, jobs in ((blue, 4), (red, 6)):
        set_limits(each.pk, {Account(Scope.TEAM, "jobs"): jobs})
        set_sharing(each.pk, shares=True)
    assert fence_of(blue.pk, cluster.pk) == {"pods": 10}


def test_where_an_admin_prepares_them_a_team_needs_one_and_it_is_checked(api, cluster, blue):
    mode(cluster, SpaceMode.PREPARED)
    with pytest.raises(ClusterRefused, match="an admin has to give it one"):
        space_for(cluster, blue.pk)
    space = TeamSpace.objects.create(cluster=cluster, team=blue, namespace="team-blue")
    with pytest.raises(ClusterRefused, match="no namespace team-blue"):
        space_for(cluster, blue.pk)
    (missing,) = spaces.missing_in(cluster, space)
    assert missing.yaml == spaces.paste_for(cluster.kubernetes, space)
    assert "name: team-blue" in missing.yaml
    assert "create" not in api.verbs("namespaces")


def test_prepared_namespaces_are_observed_as_soon_as_they_are_given(cluster, blue, monkeypatch):
    mode(cluster, SpaceMode.PREPARED)
    places = places_of(cluster.kubernetes)
    assert places.observed() == ["portal"]
    TeamSpace.objects.create(cluster=cluster, team=blue, namespace="team-blue")
    monkeypatch.setattr("clusters.placement.LOOK_SECONDS", -1.0)
    assert places.observed() == ["portal", "team-blue"]
    mode(cluster, SpaceMode.MADE)
    assert places_of(cluster.kubernetes).observed() is None


def test_a_wrong_setting_is_named(api, cluster, blue, settings):
    settings.JOBS_MAY_REACH = ["nonsense"]
    with pytest.raises(ClusterRefused, match="JOBS_MAY_REACH is wrong: “nonsense”"):
        space_for(cluster, blue.pk)
