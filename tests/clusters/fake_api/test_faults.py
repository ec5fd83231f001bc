"""Calls through the fault proxy: rows 6, 7, 21, 28 to 30, 35 to 39 and 41 of the fault table, and hostile servers."""

import threading
import time
from dataclasses import replace

import pytest

from clusters.driver import AdminFirst, ClusterRefused, ClusterUnreachable
from clusters.kubernetes import api as calling
from clusters.kubernetes import pace as pacing
from clusters.kubernetes.api import Api, ApiRefused
from tests.clusters.certificates import make_pair
from tests.clusters.fake_api.api_contract import config_map, job, until
from tests.clusters.fake_api.faults import (
    answer,
    bad_gateway,
    delay,
    drip,
    drop_reply,
    endless_headers,
    gzip_bomb,
    hang,
    hold,
    huge,
    redirect,
    reset,
)
from tests.clusters.fake_api.resources import RESOURCES
from tests.clusters.fake_api.server import LOOPBACK

MAPS = "/api/v1/namespaces/space/configmaps"
JOBS = "/apis/batch/v1/namespaces/space/jobs"
BROKEN = [drop_reply(), bad_gateway(), reset(), hang(), delay(30)]
IDS = ["reply lost", "502 after forward", "reset", "black hole", "slow"]


@pytest.fixture
def through(proxy, short):
    api = proxy.api(short)
    yield api
    api.close()


@pytest.mark.parametrize("fault", BROKEN, ids=IDS)
def test_what_broke_on_the_way_is_a_matter_of_time(proxy, through, fault):
    """Rows 6, 28, 29: nobody learns from it that something is, or is not, on the cluster."""
    proxy.add(fault, method="POST")
    began = time.monotonic()
    with pytest.raises((ClusterUnreachable, ApiRefused)) as failed:
        through.post(MAPS, config_map("one"))
    if isinstance(failed.value, ApiRefused):
        assert isinstance(failed.value.in_our_words("it"), ClusterUnreachable)
    assert time.monotonic() - began < 10
    proxy.clear()
    assert through.get("/version")


@pytest.mark.parametrize("fault", [drop_reply(), bad_gateway()], ids=IDS[:2])
def test_a_create_without_a_reply_has_happened_and_is_found_by_its_name(proxy, through, fault):
    proxy.add(fault, method="POST")
    with pytest.raises((ClusterUnreachable, ApiRefused)):
        through.post(JOBS, job("one"))
    with pytest.raises(ApiRefused) as refused:
        through.post(JOBS, job("one"))
    assert refused.value.reason == "AlreadyExists"
    assert through.get(f"{JOBS}/one")["metadata"]["labels"]["test"] == "contract"


def test_a_create_that_was_held_arrives_after_its_caller_gave_up(fake, proxy, through):
    """Row 7: what the caller must expect."""
    proxy.add(hold(), method="POST")
    with pytest.raises(ClusterUnreachable):
        through.post(JOBS, job("late"))
    assert fake.store.all("jobs") == []
    proxy.release()
    until(lambda: fake.store.all("jobs"))


@pytest.mark.parametrize(
    "fault",
    [drip(0.05), drip(0.05, in_headers=True), endless_headers(), huge(2 << 20)],
    ids=["bytes", "headers", "endless headers", "huge body"],
)
def test_a_hostile_server_holds_nobody_and_fills_nothing(proxy, through, fault):
    """Threat 21. The limits are one second and one megabyte."""
    proxy.add(fault)
    began = time.monotonic()
    with pytest.raises(ClusterUnreachable):
        through.get(MAPS)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    "fault",
    [
        drip(0.05),
        drip(0.05, in_headers=True),
        huge(2 << 20),
        gzip_bomb(1 << 20),
        redirect("https://elsewhere.test/"),
    ],
    ids=["bytes", "headers", "huge event", "gzip", "redirect"],
)
def test_a_hostile_watch_ends(proxy, through, fault):
    proxy.add(fault)
    began = time.monotonic()
    with pytest.raises(ClusterUnreachable):
        list(through.watch(MAPS, {}, 0.5))
    assert time.monotonic() - began < 8


def test_nothing_is_unpacked_that_nobody_asked_to_be_packed(proxy, through):
    proxy.add(gzip_bomb(64 << 20))
    with pytest.raises(ClusterUnreachable, match="encoding"):
        through.get(MAPS)


@pytest.mark.parametrize(
    "body",
    [b"<html>a proxy</html>", b"7", b"[" * 100_000, b'{"a": NaN', b"\xff\xfe{}", b""],
    ids=["html", "number", "deep", "cut", "utf-16", "empty"],
)
def test_what_is_no_object_is_no_answer(proxy, through, body):
    proxy.add(answer(200, body=body))
    with pytest.raises(ClusterUnreachable, match="sent is no"):
        through.get(MAPS)


def test_what_no_database_takes_is_replaced(proxy, through):
    proxy.add(answer(200, body=rb'{"a\u0000": ["x\u0000y", {"b": "\ud800"}], "c": "\ud83d\ude00"}'))
    assert through.get(MAPS) == {"a\ufffd": ["x\ufffdy", {"b": "?"}], "c": "😀"}


def test_a_refusal_is_one_line_of_plain_text(proxy, through):
    proxy.add(
        answer(403, body=b'{"message": "no\\n\\u001b[31mway\\u202e!' + b"x" * 9000 + b'", "reason": "R"}')
    )
    with pytest.raises(ApiRefused) as refused:
        through.get(MAPS)
    assert str(refused.value).startswith("no [31mway !xxx")
    assert len(str(refused.value)) <= calling.LONGEST_MESSAGE


def test_a_list_without_an_end_ends(proxy, through, monkeypatch):
    monkeypatch.setattr(calling, "MOST_PAGES", 5)
    rule = proxy.add(answer(200, body=b'{"metadata": {"continue": "more"}, "items": []}'), times=None)
    with pytest.raises(ClusterUnreachable, match="without an end"):
        list(through.list(MAPS))
    assert rule.struck == 5


def test_redirects_are_not_followed(fake, proxy, through):
    proxy.add(redirect(f"{fake.url}/version"))
    with pytest.raises(ClusterUnreachable, match="redirect"):
        through.get("/version")
    assert fake.requests == []


def test_proxies_of_the_environment_are_not_used(fake, api, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert api.get("/version")


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_a_pause_gets_it_from_all_callers(proxy, through, status):
    """Row 30."""
    proxy.add(answer(status, {"Retry-After": "30"}))
    with pytest.raises(ApiRefused) as refused:
        through.get(MAPS)
    assert refused.value.retry_after == 30.0
    assert isinstance(refused.value.in_our_words("it"), ClusterUnreachable)
    passed = len(proxy.passed)
    with pytest.raises(ClusterUnreachable, match="asks for less"):
        through.post(MAPS, config_map("one"))
    assert len(proxy.passed) == passed


def test_a_short_pause_is_waited_for(proxy, through):
    proxy.add(answer(429, {"Retry-After": "1"}))
    with pytest.raises(ApiRefused):
        through.get(MAPS)
    began = time.monotonic()
    assert through.get("/version")
    assert time.monotonic() - began > 0.5


def test_callers_of_a_dead_server_are_told_at_once_and_again_when_it_is_back(proxy, through, monkeypatch):
    """Rows 28 and 29: the threads of a worker are not all spent on one sick cluster."""
    clock = [0.0]
    monkeypatch.setattr(through._breaker, "_clock", lambda: clock[0])
    rule = proxy.add(reset(), times=None)
    for _ in range(10):
        with pytest.raises(ClusterUnreachable, match="does not answer"):
            through.get(MAPS)
    assert rule.struck == pacing.FAILURES
    clock[0] += 60
    with pytest.raises(ClusterUnreachable):
        through.get(MAPS)
    assert rule.struck == pacing.FAILURES + 1
    proxy.clear()
    clock[0] += 60
    assert through.get(MAPS)
    assert through.get(MAPS)


def test_a_slow_cluster_leaves_the_others_alone(fake, proxy, through, api):
    proxy.add(hang(), times=None)
    threads = [
        threading.Thread(target=lambda: pytest.raises(ClusterUnreachable, through.get, MAPS))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert api.get("/version")
    for thread in threads:
        thread.join()


def test_unknown_credentials_are_the_admins_to_mend_and_no_job_ends(fake, short):
    """Row 35."""
    api = Api(fake.connection("unknown"), limits=short, rules=LOOPBACK)
    with pytest.raises(ApiRefused) as refused:
        api.get(MAPS)
    words = refused.value.in_our_words("it")
    assert isinstance(words, AdminFirst)
    assert "unknown" not in str(words)
    assert len(fake.requests) == 1


def test_a_certificate_of_another_authority_is_never_accepted(fake, short):
    """Row 37."""
    other = replace(fake.connection(), ca=make_pair().ca)
    with pytest.raises(AdminFirst, match="does not trust"):
        Api(other, limits=short, rules=LOOPBACK).get("/version")
    assert fake.requests == []


def test_a_certificate_for_another_name_is_never_accepted(fake, short):
    misnamed = replace(fake.connection(), tls_server_name="another.test")
    with pytest.raises(AdminFirst, match="does not trust"):
        Api(misnamed, limits=short, rules=LOOPBACK).get("/version")
    named = replace(fake.connection(), tls_server_name="fake.test")
    assert Api(named, limits=short, rules=LOOPBACK).get("/version")


def test_a_missing_right_is_named(fake):
    """Row 36."""
    fake.tokens["narrow"] = "narrow"
    with pytest.raises(ApiRefused) as refused:
        fake.api("narrow").post(JOBS, job("one"))
    words = refused.value.in_our_words("its Jobs")
    assert isinstance(words, ClusterRefused)
    assert not isinstance(words, AdminFirst)
    assert 'cannot create resource "jobs"' in str(words)


@pytest.mark.parametrize(("status", "error"), [(500, ClusterUnreachable), (403, ClusterRefused)])
def test_a_webhook_that_is_down_is_a_matter_of_time_and_a_denial_is_not(proxy, through, status, error):
    """Row 38."""
    body = b'{"message": "admission webhook denied the request: too large"}'
    proxy.add(answer(status, body=body), method="POST")
    with pytest.raises(ApiRefused) as refused:
        through.post(JOBS, job("one"))
    words = refused.value.in_our_words("it")
    assert type(words) is error
    assert "too large" in str(words)


def test_a_log_is_read_as_text(fake, api):
    fake.store.create(RESOURCES["pods"], "space", {"metadata": {"name": "p"}, "status": {}})
    fake.acts.logs[("p", "main")] = "line\nwith \0 in it"
    assert api.text("/api/v1/namespaces/space/pods/p/log", {"container": "main"}) == "line\nwith \ufffd in it"


def test_an_api_with_a_path_before_it_is_spoken_to_there(fake, short):
    """As behind Rancher: every path begins with the cluster's."""
    behind = replace(fake.connection(), server=f"{fake.url}/k8s/clusters/c-1/")
    with pytest.raises(ApiRefused):
        Api(behind, limits=short, rules=LOOPBACK).get("/version")
    assert fake.requests[0].path == "/k8s/clusters/c-1/version"


def test_connections_are_kept_and_used_again(fake, api):
    """One TLS handshake for many calls."""
    for _ in range(5):
        api.get("/version")
    (pool,) = api._transport._pools.pools._container.values()
    assert pool.num_connections == 1
