"""The Kubernetes driver's requests: how many, to which namespace, and what it leaves alone."""

import pytest

from clusters.driver import ClusterRefused, ClusterUnreachable, State, Work
from clusters.kubernetes import driver as driving
from clusters.kubernetes.driver import KubernetesDriver, RunnerImage
from clusters.kubernetes.observer import Observer
from clusters.kubernetes.places import Everywhere, OnePlace
from tests.clusters.object_store import ObjectStore, forbidden, unreachable
from tests.clusters.pod_baseline import assert_baseline

LABELS = {
    **{"stellwerk/installation": "lab", "stellwerk/job": "1"},
    **{"stellwerk/attempt": "1", "stellwerk/team": "7"},
}
SELECTOR = "stellwerk/installation=lab"
ENDED = {"conditions": [{"type": "Complete", "status": "True"}]}


class Several:
    """Namespaces that change while it runs."""

    def __init__(self, *spaces):
        self.default = spaces[0]
        self.spaces = list(spaces)

    def observed(self):
        return self.spaces


@pytest.fixture
def api():
    return ObjectStore()


def driver_on(api, places=None):
    return KubernetesDriver(api, places or OnePlace("jobs"), "lab", RunnerImage("python:3.11", "login"))


@pytest.fixture
def driver(api):
    return driver_on(api)


def work(name="sw-lab-1-1", **more):
    values = {
        **{"name": name, "labels": LABELS, "image": "r:4.2", "portal_url": "http://portal", "token": "t"},
        **{"cpu_millis": 1000, "memory_bytes": 1 << 30, "disk_bytes": 1 << 30, "max_processes": 10},
        **{"time_limit_seconds": 60, "grace_seconds": 2},
    }
    return Work(**(values | more))


def test_a_job_costs_two_requests_to_make_and_one_to_remove(driver, api):
    driver.create(work())
    assert api.verbs("configmaps") == ["create"]
    api.calls.clear()
    driver.create(work("sw-lab-2-1"))
    assert len(api.calls) == 2
    driver.remove("sw-lab-2-1", is_ended=True)
    assert len(api.calls) == 3
    driver.remove("sw-lab-2-1", is_ended=True)
    for path, made in api.objects.items():
        if "/jobs/sw-" in path:
            assert_baseline(made)


def test_a_work_is_where_its_space_says(driver, api):
    driver.create(work(space="blue"))
    assert {path.split("/namespaces/")[1].split("/")[0] for path in api.objects} == {"blue"}
    assert driver.look("sw-lab-1-1") is None
    assert driver.look("sw-lab-1-1", "blue").space == "blue"
    driver.stop("sw-lab-1-1", "blue")
    assert api.objects["/apis/batch/v1/namespaces/blue/jobs/sw-lab-1-1"]["spec"]["suspend"] is True


def test_the_runner_is_brought_to_each_namespace_and_again_after_a_while(driver, api, monkeypatch):
    for space in ("blue", "red", "blue"):
        driver.create(work(f"sw-lab-{space}-1", space=space))
    assert len(api.verbs("configmaps")) == 3 - 1
    for path in [path for path in api.objects if "configmaps" in path]:
        del api.objects[path]
    monkeypatch.setattr(driving, "BRING_AGAIN_SECONDS", 0.0)
    driver.create(work("sw-lab-9-1", space="blue"))
    assert any("blue/configmaps" in path for path in api.objects)


def test_a_job_that_was_replaced_by_another_is_left_alone(driver, api):
    driver.create(work())
    path = "/apis/batch/v1/namespaces/jobs/jobs/sw-lab-1-1"
    api.objects[path]["metadata"]["uid"] = "another"
    driver.remove("sw-lab-1-1", is_ended=True)
    assert path in api.objects


def test_another_process_removes_what_is_ours_only(driver, api):
    driver.create(work())
    path = "/apis/batch/v1/namespaces/jobs/jobs/sw-lab-1-1"
    other = driver_on(api)
    api.objects[path]["metadata"]["labels"] = {"stellwerk/installation": "somebody-else"}
    other.remove("sw-lab-1-1", is_ended=True)
    assert path in api.objects
    api.objects[path]["metadata"]["labels"] = LABELS
    with pytest.raises(ClusterRefused, match="has not ended"):
        other.remove("sw-lab-1-1")
    other.remove("sw-lab-1-1", is_ended=True)
    assert path not in api.objects


def put(api, space, name, **status):
    labels = {**LABELS, "batch.kubernetes.io/job-name": name}
    api.post(
        f"/apis/batch/v1/namespaces/{space}/jobs", {"metadata": {"name": name, "labels": LABELS}, **status}
    )
    pod = {"metadata": {"name": f"{name}-x", "labels": labels}, "status": {"phase": "Pending"}}
    api.post(f"/api/v1/namespaces/{space}/pods", pod)


def observed(observer):
    return {(seen.space, seen.name) for seen in observer.observe()}


def test_the_works_of_all_namespaces_are_observed_also_of_one_that_comes_later(api):
    for space in ("jobs", "blue", "red"):
        put(api, space, f"sw-lab-{space}-1")
    places = Several("jobs", "blue")
    observer = Observer(api, places, SELECTOR)
    assert observed(observer) == {("jobs", "sw-lab-jobs-1"), ("blue", "sw-lab-blue-1")}
    places.spaces.append("red")
    assert len(observed(observer)) == 3
    api.calls.clear()
    assert len(observed(Observer(api, Everywhere("jobs"), SELECTOR))) == 3
    assert [path for _verb, path in api.calls] == ["/apis/batch/v1/jobs", "/api/v1/pods"]


def test_a_namespace_that_cannot_be_read_costs_the_others_nothing(api):
    for space in ("jobs", "blue"):
        put(api, space, f"sw-lab-{space}-1")
    observer = Observer(api, Several("jobs", "blue"), SELECTOR)
    before = observed(observer)
    api.refuse["get", "/blue/pods"] = forbidden()
    put(api, "jobs", "sw-lab-2-1")
    assert observed(observer) == before | {("jobs", "sw-lab-2-1")}
    api.refuse["get", "/jobs/"] = forbidden()
    api.refuse["get", "/jobs"] = forbidden()
    with pytest.raises(ClusterRefused):
        observer.observe()
    api.refuse = {("get", "/blue/pods"): unreachable()}
    with pytest.raises(ClusterUnreachable):
        observer.observe()


def test_what_was_seen_to_have_ended_is_removed_although_the_job_tells_it_late(driver, api):
    driver.create(work())
    path = "/apis/batch/v1/namespaces/jobs/jobs/sw-lab-1-1"
    api.objects[path]["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    assert driver.look("sw-lab-1-1").state is State.ENDED
    api.objects[path]["status"] = {"active": 1}
    driver.remove("sw-lab-1-1")
    assert path not in api.objects


def test_a_stop_is_a_suspension_and_is_asked_for_once(driver, api):
    driver.create(work())
    api.calls.clear()
    driver.stop("sw-lab-1-1")
    driver.stop("sw-lab-1-1")
    assert api.verbs() == ["get", "patch", "get"]
    assert driver.look("sw-lab-1-1").state is State.PENDING
