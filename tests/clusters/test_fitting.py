"""Whether a profile finds room, from what the short check found of the nodes."""

import pytest

from clusters.fitting import Fit, fit_on
from clusters.models import Cluster, Profile
from clusters.nodes import nodes_of

GIB = 1024**3


def node(free=1.0, **more):
    figures = {"cpu_millis": 8000, "memory_bytes": 32 * GIB, "disk_bytes": 100 * GIB}
    gpus = more.pop("gpus", {})
    figures |= {name: more.pop(name) for name in list(more) if name in figures}
    left = {name: int(amount * free) for name, amount in figures.items()}
    return {**figures, "gpus": gpus, "labels": {}, "taints": [], "free": {**left, "gpus": gpus}} | more


def fit(nodes, adds_nodes=False, driver="kubernetes", **profile):
    values = {"cpu_millis": 2000, "memory_bytes": 4 * GIB, "disk_bytes": 5 * GIB}
    cluster = Cluster(name="East", adds_nodes=adds_nodes, driver=driver)
    return fit_on(cluster, Profile(cluster=cluster, **(values | profile)), nodes_of({"nodes": nodes}))


def test_there_is_room_for_as_many_as_the_nodes_have_free():
    # 8 cores are three times two cores and what runs beside each script.
    def now(nodes):
        found = fit(nodes)
        return found.room, found.now

    assert now([node()]) == (3, 1)
    assert now([node(), node(free=0.5)]) == (4, 2)
    assert now([node(free=0.1)]) == (0, 0)


def test_this_machine_starts_what_fits_it_however_busy_it_is_and_needs_nothing_beside():
    busy = fit([node(free=0.0)], driver="local", cpu_millis=8000, memory_bytes=32 * GIB)
    assert (busy.room, busy.problem) == (1, "")
    assert "8 cores" in fit([node()], driver="local", cpu_millis=16000).problem


def test_without_a_check_nothing_is_claimed():
    assert fit([]) == Fit()


@pytest.mark.parametrize(
    ("profile", "nodes", "says"),
    [
        ({"memory_bytes": 64 * GIB}, [node()], "64 GiB of memory for a script: the largest has 31.9 GiB"),
        ({"cpu_millis": 16000}, [node()], "No node of East has 16 cores for a script"),
        ({"disk_bytes": 200 * GIB}, [node()], "200 GiB of disk"),
        ({"gpu_count": 1, "gpu_resource": "amd.com/gpu"}, [node()], "has 1 amd.com/gpu for a script"),
        ({"node_labels": {"gpu": "a100"}}, [node(labels={"gpu": "t4"})], "has the labels gpu=a100"),
        ({}, [node(taints=[{"key": "gpu", "effect": "NoSchedule"}])], "keep jobs away"),
        (
            {"cpu_millis": 6000, "memory_bytes": 30 * GIB},
            [node(memory_bytes=8 * GIB), node(cpu_millis=1000)],
            "all of this together",
        ),
    ],
)
def test_what_fits_no_node_is_told_with_the_reason(profile, nodes, says):
    found = fit(nodes, **profile)
    assert says in found.problem
    assert found.room == 0
    assert fit(nodes, adds_nodes=True, **profile).problem == ""


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "gpu", "value": "", "effect": ""}, True),
        ({"key": "gpu", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "no", "effect": ""}, False),
        ({"key": "other", "value": "", "effect": ""}, False),
        ({"key": "gpu", "value": "", "effect": "NoExecute"}, False),
    ],
)
def test_a_taint_keeps_away_who_does_not_tolerate_it(toleration, fits):
    tainted = node(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    assert (fit([tainted], tolerations=[toleration]).problem == "") is fits
    assert (fit([tainted], tolerations=[toleration]).room > 0) is fits
