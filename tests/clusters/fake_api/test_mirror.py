"""The mirror of a cluster, before an API server of which the test says what happens."""

import threading
import time

import pytest

from clusters.driver import AdminFirst, ClusterRefused, ClusterUnreachable, DriverError
from clusters.kubernetes import mirror as mirroring
from clusters.kubernetes.api import Api
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.mirror import Mirror
from tests.clusters.fake_api.api_contract import config_map, job, until
from tests.clusters.fake_api.faults import answer, cut_watch, hang, rewrite_watch, silent_watch
from tests.clusters.fake_api.resources import RESOURCES

MAPS = "/api/v1/namespaces/space/configmaps"
MAP = RESOURCES["configmaps"]


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(mirroring, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(mirroring, "LONGEST_PAUSE", 0.1)


@pytest.fixture
def mirror(proxy, short):
    api = proxy.api(short)
    mirror = Mirror(api, {"maps": MAPS}, "test=contract")
    yield mirror
    mirror.close()
    api.close()


@pytest.fixture
def put(fake):
    return lambda name, **more: fake.store.create(MAP, "space", config_map(name, **more))


@pytest.fixture
def drop(fake):
    return lambda name: fake.store.remove(("configmaps", "space", name))


def names(mirror, key="maps") -> set[str]:
    try:
        return {item["metadata"]["name"] for item in mirror.read(key)}
    except DriverError:
        return set()


def trouble(mirror) -> DriverError | None:
    try:
        mirror.read("maps")
    except DriverError as error:
        return error
    return None


def cut(mirror) -> None:
    """The network breaks the stream."""
    until(lambda: mirror.kinds["maps"]._stream).cut()


def lists(fake) -> int:
    return sum(not each.is_watch for each in fake.requests)


def watches(fake) -> list[dict[str, str]]:
    return [each.query for each in fake.requests if each.is_watch]


def test_what_comes_changes_and_goes_is_seen_without_another_list(fake, mirror, put, drop):
    put("a")
    mirror.start()
    until(lambda: names(mirror) == {"a"})
    put("b")
    until(lambda: names(mirror) == {"a", "b"})
    drop("b")
    until(lambda: names(mirror) == {"a"})
    assert lists(fake) == 1
    assert watches(fake)[-1]["allowWatchBookmarks"] == "true"
    assert all(each.query["labelSelector"] == "test=contract" for each in fake.requests)


def test_bookkeeping_is_not_kept_and_reasons_are(fake, proxy, short):
    mirror = Mirror(proxy.api(short), {"jobs": "/api/v1/pods"}, "").start()
    fake.store.create(RESOURCES["jobs"], "space", job("one"))
    until(lambda: names(mirror, "jobs"))
    fake.pod_of("one").run()
    (item,) = until(lambda: [each for each in mirror.read("jobs") if "nodeName" in each["spec"]])
    assert {"managedFields", "resourceVersion"} & item["metadata"].keys() == set()
    assert item["spec"]["containers"] == [{"name": "main", "image": "nowhere.invalid/nothing:1"}]
    mirror.close()


def test_whoever_waits_is_woken_by_news_and_by_nothing_else(fake, mirror, put):
    put("a")
    mirror.start()
    until(lambda: names(mirror) and watches(fake))
    version, generation = mirror.version, mirror.generation("maps")
    key = ("configmaps", "space", "a")
    fake.store.change(key, lambda item: item["metadata"].update(managedFields=["another"]))
    put("elsewhere", metadata={"name": "elsewhere"})
    put("b")
    mirror.wait(version, 20)
    assert (mirror.version, mirror.generation("maps")) == (version + 1, generation + 1)
    assert names(mirror) == {"a", "b"}


def test_a_list_that_says_the_same_is_no_news(fake, mirror, put, monkeypatch):
    monkeypatch.setattr(mirroring, "RELIST_SECONDS", 0.0)
    put("a")
    mirror.start()
    until(lambda: lists(fake) > 3)
    assert (mirror.version, mirror.generation("maps")) == (1, 1)


def test_an_ended_watch_goes_on_from_where_it_was(fake, proxy, mirror, put):
    proxy.add(cut_watch(after=1), watches=True, times=3)
    mirror.start()
    for name in ("a", "b", "c", "d", "e", "f"):
        put(name)
        until(lambda name=name: name in names(mirror))
    assert watches(fake)


def test_a_bookmark_moves_the_place(fake, mirror, put, monkeypatch):
    monkeypatch.setattr(mirroring, "SHORT_WATCH_SECONDS", 1.0)
    mirror.start()
    until(lambda: watches(fake))
    put("elsewhere", metadata={"name": "elsewhere"})
    version = str(fake.store.version)
    until(lambda: any(query["resourceVersion"] == version for query in watches(fake)))
    assert lists(fake) == 1


def test_what_the_server_forgot_is_listed_anew(fake, proxy, mirror, put):
    proxy.add(cut_watch(after=0), watches=True, times=1)
    mirror.start()
    until(lambda: lists(fake))
    fake.store.compact()
    put("missed")
    until(lambda: "missed" in names(mirror))


def test_a_server_that_forgets_everything_at_once_is_not_asked_without_a_pause(proxy, mirror, fake):
    proxy.add(answer(410), watches=True, times=None)
    mirror.start()
    until(lambda: lists(fake) >= 3)
    began, count = time.monotonic(), lists(fake)
    until(lambda: lists(fake) >= count + 6)
    assert time.monotonic() - began > 0.1


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (401, AdminFirst, "credentials"),
        (403, ClusterRefused, "refused"),
        (500, ClusterUnreachable, "at the moment"),
        (302, ClusterUnreachable, "redirect"),
    ],
)
def test_a_lasting_trouble_is_told_and_ends_by_itself(proxy, mirror, put, monkeypatch, status, error, says):
    monkeypatch.setattr(mirroring, "TROUBLE_SECONDS", 0.0)
    put("a")
    mirror.start()
    until(lambda: names(mirror) and mirror.kinds["maps"]._stream)
    proxy.add(answer(status, {"Location": "https://127.0.0.1:1/"}), times=None)
    cut(mirror)
    until(lambda: isinstance(told := trouble(mirror), error) and says in str(told))
    proxy.clear()
    put("b")
    until(lambda: names(mirror) == {"a", "b"})


def test_a_cut_stream_is_no_trouble_worth_telling(proxy, mirror, put):
    put("a")
    mirror.start()
    until(lambda: names(mirror) and mirror.kinds["maps"]._stream)
    failing = proxy.add(answer(500), times=2)
    cut(mirror)
    until(lambda: failing.struck == 2)
    put("b")
    until(lambda: len(mirror.read("maps")) == 2)


def test_before_the_first_list_nothing_is_claimed():
    api = Api(Connection("https://192.0.2.1:1", "", "t"))
    with pytest.raises(ClusterUnreachable, match="not been read"):
        Mirror(api, {"jobs": "/jobs"}, "x").read("jobs")


@pytest.mark.parametrize("after", [0, 1])
def test_a_watch_that_is_silently_dead_is_noticed(proxy, mirror, put, monkeypatch, after):
    """Row 32: the connection is open, nothing comes (any more), and nothing says so."""
    monkeypatch.setattr(mirroring, "SHORT_QUIET_SECONDS", 0.3)
    proxy.add(silent_watch(after), watches=True, times=2)
    mirror.start()
    until(lambda: mirror.kinds["maps"]._stream)
    for name in ("a", "b", "c"):
        put(name)
    until(lambda: names(mirror) == {"a", "b", "c"})


@pytest.mark.parametrize(
    "change",
    [
        lambda line: [line, line],
        lambda line: [line[: len(line) // 2]],
        lambda line: [b"null\n", line],
        lambda line: [b'{"type": "ADDED", "object": 7}\n', line],
        lambda line: [b'{"type": "ADDED", "object": {"metadata": {"name": 7}}}\n', line],
        lambda line: [b'{"type": "ERROR", "object": {"code": "x"}}\n', line],
        lambda line: [b"[" * 100_000 + b"\n", line],
    ],
    ids=["replayed", "truncated", "no object", "no item", "no name", "an error", "deep"],
)
def test_what_a_watch_garbles_is_put_right(proxy, mirror, put, drop, monkeypatch, change):
    """Row 33."""
    # What never becomes a whole event is as good as silence.
    monkeypatch.setattr(mirroring, "SHORT_QUIET_SECONDS", 0.5)
    proxy.add(rewrite_watch(change), watches=True, times=2)
    mirror.start()
    until(lambda: mirror.kinds["maps"]._stream)
    for name in ("a", "b", "c"):
        put(name)
    drop("a")
    until(lambda: names(mirror) == {"b", "c"})


def test_an_object_without_a_name_does_not_hide_the_others(fake, proxy, mirror, put):
    """Row 26: a poisoned object."""
    put("a")
    page = b'{"metadata": {"resourceVersion": "101"}, "items": [{"metadata": null}, 7, {"metadata": {"name": "b"}}]}'
    proxy.add(answer(200, body=page), watches=False, times=None)
    mirror.start()
    until(lambda: names(mirror) >= {"b"})


def test_how_long_to_wait_is_the_servers_to_say(fake, proxy, mirror, monkeypatch):
    pauses = []
    followed = mirror.kinds["maps"]
    wait = followed._closing.wait
    monkeypatch.setattr(followed._closing, "wait", lambda seconds: (pauses.append(seconds), wait(0.01))[1])
    proxy.add(answer(503, {"Retry-After": "7"}))
    monkeypatch.setattr(mirroring, "LONGEST_PAUSE", 30.0)
    mirror.start()
    until(lambda: pauses)
    assert 3.4 < pauses[0] <= 7.0


def test_more_keys_are_followed_and_dropped_while_it_runs(fake, mirror, put):
    fake.add_namespace("other")
    put("a")
    mirror.start()
    mirror.add("more", "/api/v1/namespaces/other/configmaps")
    mirror.add("more", "/api/v1/namespaces/other/configmaps")
    fake.store.create(MAP, "other", config_map("b"))
    until(lambda: names(mirror, "more") == {"b"} and names(mirror) == {"a"})
    before = mirror.generation("maps")
    fake.store.create(MAP, "other", config_map("c"))
    until(lambda: names(mirror, "more") == {"b", "c"})
    assert mirror.generation("maps") == before
    mirror.drop("more")
    mirror.drop("never there")
    with pytest.raises(KeyError):
        mirror.read("more")
    until(lambda: not any("more" in thread.name for thread in threading.enumerate()))


def test_one_path_over_all_namespaces_keeps_equal_names_apart(fake, proxy, short, put):
    fake.add_namespace("other")
    put("same")
    fake.store.create(MAP, "other", config_map("same"))
    mirror = Mirror(proxy.api(short), {"maps": "/api/v1/configmaps"}, "test=contract").start()
    until(lambda: len(mirror.read("maps")) == 2 if names(mirror) else False)
    mirror.close()


def test_closing_ends_the_streams_at_once(fake, proxy, mirror):
    """No thread and no connection with old credentials outlives a changed connection."""
    proxy.add(silent_watch(), watches=True, times=None)
    mirror.start()
    until(lambda: mirror.kinds["maps"]._stream)
    mirror.close()
    until(lambda: not any(thread.name == "mirror-maps" for thread in threading.enumerate()), 5)


def test_an_idle_cluster_is_asked_less_than_four_times_a_minute(fake, mirror, proxy, short):
    """What a minute of one or two keys, and of many, costs: read off what each watch asks for."""
    mirror.start()
    until(lambda: watches(fake))
    asked = int(watches(fake)[0]["timeoutSeconds"])
    assert 40 <= asked <= mirroring.SHORT_WATCH_SECONDS < mirroring.SHORT_QUIET_SECONDS < 60
    assert 2 * (60 / asked + 60 / mirroring.RELIST_SECONDS) <= 4
    many = {f"maps:{number}": MAPS for number in range(3)}
    mirror = Mirror(proxy.api(short), many, "test=contract").start()
    until(lambda: len(watches(fake)) >= 4)
    assert all(int(query["timeoutSeconds"]) >= 230 for query in watches(fake)[1:])
    mirror.close()


def test_one_sick_key_costs_the_others_nothing(fake, proxy, mirror, put):
    proxy.add(hang(), path="/namespaces/other/", times=None)
    mirror.add("other", "/api/v1/namespaces/other/configmaps")
    put("a")
    mirror.start()
    until(lambda: names(mirror) == {"a"}, 5)
    with pytest.raises(ClusterUnreachable):
        mirror.read("other")
