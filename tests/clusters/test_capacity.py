"""What a cluster has and what is free: amounts read exactly, every kind of request counted as the scheduler does."""

from fractions import Fraction

import pytest

from clusters.kubernetes.capacity import capacity_of, is_accelerator, requests_of
from clusters.kubernetes.quantities import number, quantity

GIB = 1024**3


AMOUNTS = [
    ("100m", Fraction(1, 10)),
    ("1.5", Fraction(3, 2)),
    (".5", Fraction(1, 2)),
    ("2.", 2),
    ("0", 0),
    (3, 3),
    ("-1", -1),
    ("250u", Fraction(1, 4000)),
    ("7n", Fraction(7, 10**9)),
    ("1k", 1000),
    ("1M", 10**6),
    ("1G", 10**9),
    ("12E", 12 * 10**18),
    ("12E0", 12),
    ("1e3", 1000),
    ("1E-3", Fraction(1, 1000)),
    ("1Ki", 1024),
    ("1.5Gi", GIB * 3 // 2),
    ("8Ei", 8 * 1024**6),
    ("0.1Ti", Fraction(1024**4, 10)),
]
NO_AMOUNTS = ["", "m", "1 Gi", "1KI", "1K", "1ki", "0x1", "1e", "1e999", "--1", "1" * 100, "١", "1mi"]


def test_amounts_are_read_exactly():
    assert [quantity(text) for text, _ in AMOUNTS] == [amount for _, amount in AMOUNTS]


def test_what_is_no_amount_is_refused():
    for text in NO_AMOUNTS:
        with pytest.raises(ValueError, match="no amount"):
            quantity(text)
        assert number(text) is None
    assert number("1.5Gi") == 1.5 * GIB


def node(name="one", ready="True", **more):
    allocatable = {"cpu": "3920m", "memory": "12Gi", "ephemeral-storage": "47093746742", "pods": "110"}
    return {
        "metadata": {"name": name, "labels": {"gpu": "a100"}},
        "spec": more.pop("spec", {}),
        "status": {
            "allocatable": allocatable | more,
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}],
        },
    }


def container(restart="", **requests):
    made = {"resources": {"requests": requests}}
    return made | ({"restartPolicy": restart} if restart else {})


def pod(*containers, init=(), node_name="one", phase="Running", **spec):
    return {
        "spec": {"nodeName": node_name, "containers": list(containers), "initContainers": list(init), **spec},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("made", "cpu"),
    [
        (pod(container(cpu="1"), container(cpu="500m")), "1.5"),
        (pod(container(cpu="1"), init=[container(cpu="3")]), "3"),
        (pod(container(cpu="1"), init=[container("Always", cpu="500m")]), "1.5"),
        # A sidecar stays while the init containers after it run, not before it.
        (pod(container(cpu="1"), init=[container("Always", cpu="1"), container(cpu="2")]), "3"),
        (pod(container(cpu="1"), init=[container(cpu="2"), container("Always", cpu="500m")]), "2"),
        (pod(container(cpu="1"), overhead={"cpu": "250m"}), "1.25"),
        (pod(container(cpu="1"), resources={"requests": {"cpu": "4"}}), "4"),
        (pod(container()), "0"),
        ({}, "0"),
    ],
)
def test_a_pods_requests_are_what_the_scheduler_counts(made, cpu):
    assert requests_of(made).get("cpu", 0) == Fraction(cpu)


def test_what_is_free_is_what_living_pods_leave():
    pods = [
        pod(container(cpu="1", memory="2Gi", **{"nvidia.com/gpu": "1"})),
        pod(container(cpu="0.0001")),
        pod(container(cpu="2"), phase="Succeeded"),
        pod(container(cpu="2"), node_name=""),
        pod(container(cpu="2"), node_name="another"),
    ]
    found = capacity_of([node(**{"nvidia.com/gpu": "2", "amd.com/gpu": "0"})], pods)
    (one,) = found["nodes"]
    assert one["free"] == {
        "cpu_millis": 2919,
        "memory_bytes": 10 * GIB,
        "disk_bytes": 47093746742,
        "gpus": {"nvidia.com/gpu": 1},
    }
    assert found["free"] == one["free"]
    assert one["gpus"] == {"nvidia.com/gpu": 2}
    assert found["totals"]["cpu_millis"] == 3920


def test_a_node_that_takes_no_pods_has_nothing_free():
    nodes = [node(), node("two", spec={"unschedulable": True}), node("three", ready="Unknown")]
    found = capacity_of(nodes, [])
    assert [each["is_usable"] for each in found["nodes"]] == [True, False, False]
    assert [each["free"]["cpu_millis"] for each in found["nodes"]] == [3920, 0, 0]
    assert (found["totals"]["cpu_millis"], found["free"]["cpu_millis"]) == (3 * 3920, 3920)


def test_more_taken_than_there_is_leaves_nothing():
    assert capacity_of([node()], [pod(container(cpu="9"))])["free"]["cpu_millis"] == 0


def test_without_the_pods_what_is_free_is_unknown():
    found = capacity_of([node()], None)
    assert (found["free"], found["nodes"][0]["free"]) == (None, None)
    assert found["totals"]["memory_bytes"] == 12 * GIB


def test_labels_and_taints_are_kept():
    taint = {"key": "gpu", "effect": "NoSchedule"}
    (one,) = capacity_of([node(spec={"taints": [taint]})], None)["nodes"]
    assert one["labels"] == {"gpu": "a100"}
    assert one["taints"] == [{"key": "gpu", "value": "", "effect": "NoSchedule"}]


def test_one_odd_object_hides_nothing():
    odd = {"metadata": {"name": "odd"}, "status": {"allocatable": {"cpu": "many", "memory": "1Gi"}}}
    found = capacity_of([odd, node()], [{}, pod(container(cpu="none"))])
    assert found["free"]["cpu_millis"] == 3920


def test_gpus_of_any_name_count_and_other_devices_do_not():
    theirs = [
        "nvidia.com/gpu",
        "nvidia.com/mig-1g.5gb",
        "amd.com/gpu",
        "gpu.intel.com/i915",
        "habana.ai/gaudi",
    ]
    others = ["cpu", "pods", "hugepages-2Mi", "attachable-volumes-aws-ebs", "vpc.amazonaws.com/pod-eni"]
    others += ["device.kubernetes.io/x", "kubernetes.io/batch-cpu"]
    assert [name for name in theirs + others if is_accelerator(name)] == theirs
