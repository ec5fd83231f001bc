"""Which nodes a profile fits."""

import pytest

from clusters.fitting import fit_on
from clusters.models import Cluster, Profile
from clusters.nodes import nodes_of
from tests.clusters.pages.connected import GIB, capacity_of, node

TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


def fit(capacity, **fields):
    size = {"cpu_millis": 7500, "memory_bytes": 16 * GIB, "disk_bytes": GIB}
    found = fit_on(Cluster(name="East"), Profile(**size | fields), nodes_of(capacity))
    return found.ever, found.now


@pytest.mark.parametrize(
    ("more", "fields", "expected"),
    [
        ({}, {}, (1, 1)),
        ({"free": 0.4}, {}, (1, 0)),
        ({}, {"memory_bytes": 65 * GIB}, (0, 0)),
        ({}, {"disk_bytes": 500 * GIB}, (0, 0)),
        ({}, {"gpu_count": 1, "gpu_resource": "nvidia.com/gpu"}, (0, 0)),
        ({"gpus": {"nvidia.com/gpu": 1}}, {"gpu_count": 1, "gpu_resource": "nvidia.com/gpu"}, (1, 0)),
        ({}, {"node_labels": {"zone": "a"}}, (0, 0)),
        ({"labels": {"zone": "a"}}, {"node_labels": {"zone": "a"}}, (1, 1)),
        ({"taints": [TAINT]}, {}, (0, 0)),
        ({"taints": ["dedicated=gpu:NoSchedule"]}, {}, (0, 0)),
        ({"taints": [TAINT | {"effect": "PreferNoSchedule"}]}, {}, (1, 1)),
        ({"taints": [TAINT]}, {"tolerations": [TAINT]}, (1, 1)),
        ({"taints": [TAINT]}, {"tolerations": [{"key": "dedicated", "value": "", "effect": ""}]}, (1, 1)),
        ({"taints": [TAINT]}, {"tolerations": [TAINT | {"value": "cpu"}]}, (0, 0)),
        ({"taints": [TAINT]}, {"tolerations": [TAINT | {"effect": "NoExecute"}]}, (0, 0)),
    ],
)
def test_room_labels_and_taints_decide(more, fields, expected):
    assert fit(capacity_of(node(**more)), **fields) == expected


def test_what_runs_beside_the_script_needs_room_too():
    half_free = capacity_of(node())
    assert fit(half_free, cpu_millis=8000) == (1, 0)
    assert fit(half_free, cpu_millis=16000) == (0, 0)


def test_nothing_is_claimed_about_nodes_that_nobody_saw():
    found = fit_on(Cluster(), Profile(cpu_millis=1, memory_bytes=1, disk_bytes=1), nodes_of({}))
    assert (found.sentence, found.reason) == ("not known before the first check", "")
