"""What one request does for many works: removal of what has ended, and who is in trouble."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from clusters.driver import Work
from clusters.kubernetes import driver as driving
from clusters.kubernetes import pace
from clusters.kubernetes.driver import KubernetesDriver, RunnerImage
from clusters.kubernetes.places import OnePlace

SPACE = "jobs"
JOBS, EVENTS = f"/apis/batch/v1/namespaces/{SPACE}/jobs", f"/api/v1/namespaces/{SPACE}/events"


@pytest.fixture
def cluster(fake):
    fake.add_namespace(SPACE)
    return fake


@pytest.fixture
def driver(cluster):
    found = KubernetesDriver(cluster.api(), OnePlace(SPACE), "lab", RunnerImage("python:3.11"))
    yield found
    found.close()


def work(number, installation="lab"):
    labels = {"stellwerk/installation": installation, "stellwerk/job": str(number)}
    return Work(
        name=f"sw-{installation}-{number}-1",
        labels=labels | {"stellwerk/attempt": "1", "stellwerk/team": "7"},
        image="r:4.2",
        portal_url="http://portal",
        token="t",
        cpu_millis=1000,
        memory_bytes=1 << 30,
        disk_bytes=1 << 30,
        max_processes=10,
        time_limit_seconds=60,
        grace_seconds=2,
    )


def made(driver, *numbers):
    for number in numbers:
        driver.create(work(number))
    return [work(number).name for number in numbers]


def names(cluster):
    return {job["metadata"]["name"] for job in cluster.store.all("jobs")}


def warn(cluster, kind, name, how="Warning"):
    metadata = {"name": f"{name}.{len(cluster.store.all('events'))}"}
    about = {"kind": kind, "name": name, "namespace": SPACE}
    cluster.api().post(
        EVENTS,
        {"metadata": metadata, "involvedObject": about, "type": how, "reason": "Failed", "message": "No."},
    )


def test_ended_works_go_with_one_request_and_no_others_with_them(driver, cluster):
    first, second, third = made(driver, 1, 2, 3)
    other = KubernetesDriver(cluster.api(), OnePlace(SPACE), "other", RunnerImage("python:3.11"))
    other.create(work(1, "other"))
    cluster.requests.clear()
    assert driver.remove_ended([first, second]) == {first, second}
    (request,) = cluster.requests
    assert (request.method, request.path) == ("DELETE", JOBS)
    assert names(cluster) == {third, "sw-other-1-1"}
    # What belongs to them goes as well.
    assert {pod.key[2].rpartition("-")[0] for pod in cluster.pods()} == {third, "sw-other-1-1"}
    other.close()


def test_what_is_not_found_by_its_label_is_left_to_be_removed_alone(driver, cluster):
    first, second = made(driver, 1, 2)
    cluster.api().patch(f"{JOBS}/{second}", {"metadata": {"labels": {"stellwerk/work": None}}})
    assert driver.remove_ended([first, second, "sw-lab-9-1"]) == {first}
    assert names(cluster) == {second}


def test_nothing_is_chosen_by_no_name_or_by_one_that_is_none(driver, cluster):
    made(driver, 1)
    cluster.requests.clear()
    assert driver.remove_ended([]) == set()
    assert driver.remove_ended(["a)b,c", ""]) == set()
    assert cluster.requests == []


def test_without_the_right_they_are_removed_one_by_one_and_it_is_not_asked_each_time(cluster, monkeypatch):
    cluster.tokens["weak"] = "weak"
    cluster.rights.allows = lambda user, verb, *rest: verb != "deletecollection"
    driver = KubernetesDriver(cluster.api("weak"), OnePlace(SPACE), "lab", RunnerImage("python:3.11"))
    found = made(driver, 1, 2)
    cluster.requests.clear()
    assert driver.remove_ended(found) == set()
    assert driver.remove_ended(found) == set()
    assert len(cluster.requests) == 1
    monkeypatch.setattr(cluster.rights, "allows", lambda *asked: True)
    monkeypatch.setattr(driving.time, "monotonic", lambda now=driving.time.monotonic: now() + 301)
    assert driver.remove_ended(found) == set(found)
    driver.close()


def test_who_is_in_trouble_is_told_by_one_request(driver, cluster):
    first, second, third = made(driver, 1, 2, 3)
    warn(cluster, "Job", first)
    warn(cluster, "Pod", cluster.pod_of(second).key[2])
    warn(cluster, "Pod", cluster.pod_of(third).key[2], how="Normal")
    warn(cluster, "Job", "somebody-elses")
    cluster.requests.clear()
    assert driver.warned() == {first, second, "somebody-elses"}
    assert len(cluster.requests) == 1


def test_more_warnings_than_can_be_read_at_little_cost_tell_nothing(driver, cluster, monkeypatch):
    monkeypatch.setattr("clusters.kubernetes.events.PAGE", 2)
    for _ in range(5):
        warn(cluster, "Job", "another")
    cluster.requests.clear()
    assert driver.warned() is None
    assert len(cluster.requests) == 2


def test_where_events_may_not_be_read_nothing_is_told(cluster):
    cluster.rights.allows = lambda user, verb, group, resource, *rest: resource != "events"
    cluster.tokens["weak"] = "weak"
    driver = KubernetesDriver(cluster.api("weak"), OnePlace(SPACE), "lab", RunnerImage("python:3.11"))
    assert driver.warned() is None
    driver.close()


def test_however_many_call_at_once_the_connections_are_few_and_kept(driver, cluster, monkeypatch):
    opened = []
    accept = cluster.server.get_request
    monkeypatch.setattr(cluster.server, "get_request", lambda: opened.append(1) or accept())
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda number: driver.create(work(number)), range(1, 201)))
    assert len(names(cluster)) == 200
    assert len(opened) <= pace.AT_ONCE
