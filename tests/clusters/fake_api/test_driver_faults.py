"""The Kubernetes driver through the fault proxy: rows 4 to 7, 28, 30, 31, 35 and 41."""

import pytest

from clusters.driver import AdminFirst, ClusterRefused, ClusterUnreachable, State
from clusters.kubernetes import mirror as mirroring
from clusters.kubernetes.driver import KubernetesDriver, RunnerImage
from clusters.kubernetes.places import OnePlace
from tests.clusters.driver_lab import Lab
from tests.clusters.fake_api.api_contract import until
from tests.clusters.fake_api.faults import (
    answer,
    bad_gateway,
    cut_watch,
    drop_reply,
    hang,
    hold,
    reset,
    silent_watch,
)
from tests.runner.stub_intake import StubIntake

LABELS = {
    "stellwerk/installation": "lab",
    "stellwerk/job": "1",
    "stellwerk/attempt": "1",
    "stellwerk/team": "t",
}


@pytest.fixture
def driver(proxy, short):
    api = proxy.api(short)
    yield KubernetesDriver(api, OnePlace("space"), "lab", RunnerImage("python:3.11"))
    api.close()


@pytest.fixture
def work(tmp_path):
    intake = StubIntake()
    yield Lab(None, intake, tmp_path).work("sw-lab-1-1", "token", LABELS)
    intake.stop()


def create(driver, work, tries: int = 10) -> None:
    """As the reconciler does it: again, until it is known to have happened."""
    for _ in range(tries):
        try:
            return driver.create(work)
        except ClusterUnreachable:
            continue
    pytest.fail("the create was never confirmed")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (drop_reply(), "/jobs"),
        (bad_gateway(), "/jobs"),
        (reset(), "/jobs"),
        (hang(), "/jobs"),
        (answer(409), "/jobs"),
        (drop_reply(), "/secrets"),
        (answer(500), "/secrets"),
        (drop_reply(), "/configmaps"),
    ],
)
def test_whatever_happens_to_one_request_of_a_create_there_is_one_job_with_its_secret(
    fake, proxy, driver, work, fault, kind
):
    """Rows 5, 6 and 41."""
    rule = proxy.add(fault, method="POST", path=kind)
    create(driver, work)
    assert rule.struck == 1
    (job,) = fake.store.all("jobs")
    (secret,) = fake.store.all("secrets")
    assert secret["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]
    assert len(fake.pods()) == 1


def test_a_create_that_comes_late_makes_a_pod_whose_claim_is_refused_and_is_removed(
    fake, proxy, driver, work
):
    """Row 7: the Job was made, has ended and was removed; then a held first create arrives."""
    proxy.add(hold(), method="POST", path="/jobs")
    create(driver, work)
    fake.pod_of(work.name).run().end(0)
    driver.remove(work.name)
    assert driver.look(work.name) is None
    proxy.release()
    until(lambda: fake.store.all("jobs"))
    # A pod of it needs the Secret, which nobody makes again; it is seen, stopped and removed.
    assert fake.store.all("secrets") == []
    assert driver.look(work.name).state is State.PENDING
    driver.stop(work.name)
    assert driver.look(work.name).state is State.ENDED
    driver.remove(work.name)
    assert driver.look(work.name) is None


@pytest.mark.parametrize("fault", [drop_reply(), bad_gateway()])
def test_a_stop_and_a_removal_whose_reply_is_lost_are_repeated_to_their_end(fake, proxy, driver, work, fault):
    create(driver, work)
    proxy.add(fault, method="PATCH")
    with pytest.raises(ClusterUnreachable):
        driver.stop(work.name)
    driver.stop(work.name)
    assert driver.look(work.name).state is State.ENDED
    proxy.add(fault, method="DELETE")
    with pytest.raises(ClusterUnreachable):
        driver.remove(work.name)
    driver.remove(work.name)
    assert driver.look(work.name) is None


def test_pods_whose_job_was_deleted_without_them_are_still_its_work(fake, api, driver, work):
    """Row 56: they run on until they end or are told to, and are removed then."""
    create(driver, work)
    fake.pod_of(work.name).run()
    api.delete(f"/apis/batch/v1/namespaces/space/jobs/{work.name}", {"propagationPolicy": "Orphan"})
    assert fake.store.all("jobs") == []
    for seen in (driver.look(work.name), *driver.observe()):
        assert (seen.name, seen.state, seen.labels["stellwerk/job"]) == (work.name, State.RUNNING, "1")
    with pytest.raises(ClusterRefused, match="have not ended"):
        driver.remove(work.name)
    fake.pod_of(work.name).end(3)
    assert (driver.look(work.name).state, driver.look(work.name).exit_code) == (State.ENDED, 3)
    driver.remove(work.name, is_ended=True)
    assert fake.pods() == []
    assert driver.look(work.name) is None
    assert driver.observe() == []


def test_pods_whose_job_was_deleted_without_them_end_when_told(fake, api, driver, work):
    create(driver, work)
    fake.pod_of(work.name).run()
    api.post("/api/v1/namespaces/space/pods", {"metadata": {"name": "stranger"}, "spec": {}})
    api.delete(f"/apis/batch/v1/namespaces/space/jobs/{work.name}", {"propagationPolicy": "Orphan"})
    driver.stop(work.name)
    driver.stop(work.name)
    assert driver.look(work.name) is None
    assert [pod.key[2] for pod in fake.pods()] == ["stranger"]


def test_unknown_credentials_end_no_job(fake, driver, work):
    """Row 35."""
    fake.tokens.clear()
    for act in (
        lambda: driver.create(work),
        lambda: driver.stop(work.name),
        lambda: driver.look(work.name),
        driver.observe,
    ):
        with pytest.raises(AdminFirst, match="new ones"):
            act()


@pytest.fixture
def watcher(proxy, short, monkeypatch):
    for name, value in (("FIRST_PAUSE", 0.02), ("LONGEST_PAUSE", 0.1), ("SHORT_QUIET_SECONDS", 0.5)):
        monkeypatch.setattr(mirroring, name, value)
    driver = KubernetesDriver(proxy.api(short), OnePlace("space"), "lab", RunnerImage("python:3.11")).follow()
    yield driver
    driver.close()


def states(watcher) -> list[State]:
    try:
        return [seen.state for seen in watcher.observe()]
    except ClusterUnreachable:
        return []


@pytest.mark.parametrize(
    "fault", [silent_watch(), cut_watch(0), cut_watch(1), reset(), answer(410), answer(429)]
)
def test_the_watcher_misses_no_end_whatever_happens_to_its_watches(fake, proxy, driver, work, watcher, fault):
    """Rows 30 to 33."""
    proxy.add(fault, path="/jobs", watches=True, times=2)
    proxy.add(fault, path="/pods", watches=True, times=2)
    create(driver, work)
    until(lambda: states(watcher) == [State.PENDING])
    fake.pod_of(work.name).run()
    until(lambda: states(watcher) == [State.RUNNING])
    fake.store.compact()
    fake.pod_of(work.name).end(0)
    until(lambda: states(watcher) == [State.ENDED])


def test_a_cluster_that_is_away_says_nothing_about_its_works(fake, proxy, driver, work, watcher, monkeypatch):
    """Row 28: the picture stays, then it is unreachable, then it is right again."""
    monkeypatch.setattr(mirroring, "TROUBLE_SECONDS", 0.0)
    create(driver, work)
    until(lambda: states(watcher) == [State.PENDING])
    proxy.add(reset(), times=None)
    for followed in watcher._observer._mirror.kinds.values():
        if (stream := followed._stream) is not None:  # otherwise it has met the fault already
            stream.cut()
    with pytest.raises(ClusterUnreachable):
        until(lambda: watcher.observe() and False)
    fake.pod_of(work.name).run()
    proxy.clear()
    until(lambda: states(watcher) == [State.RUNNING])
