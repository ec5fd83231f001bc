"""What this machine has, and the sizes that fit it."""

import os
from pathlib import Path

import pytest

from clusters.machine import GIB, Machine, read_machine, sizes_for


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture
def root(tmp_path: Path, monkeypatch) -> Path:
    """The /proc of a machine with 16 GiB and 8 cores."""
    write(tmp_path, "proc/meminfo", f"MemTotal:       {16 * GIB // 1024} kB\nMemFree: 1 kB\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


def test_memory_is_the_machines_where_no_container_limits_it(root):
    assert read_machine(root, root).memory_bytes == 16 * GIB
    write(root, "sys/fs/cgroup/memory.max", "max\n")
    assert read_machine(root, root).memory_bytes == 16 * GIB


@pytest.mark.parametrize("name", ["sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"])
def test_a_containers_memory_limit_counts(root, name):
    write(root, name, f"{4 * GIB}\n")
    assert read_machine(root, root).memory_bytes == 4 * GIB


def test_version_1_writes_a_huge_number_for_no_limit(root):
    write(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert read_machine(root, root).memory_bytes == 16 * GIB


def test_a_containers_cpu_limit_counts(root):
    assert read_machine(root, root).cores == 8
    write(root, "sys/fs/cgroup/cpu.max", "250000 100000\n")
    assert read_machine(root, root).cores == 2
    write(root, "sys/fs/cgroup/cpu.max", "50000 100000\n")
    assert read_machine(root, root).cores == 1
    write(root, "sys/fs/cgroup/cpu.max", "max 100000\n")
    assert read_machine(root, root).cores == 8


def test_version_1_cpu_limits_count(root):
    write(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n")
    write(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert read_machine(root, root).cores == 3
    write(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    assert read_machine(root, root).cores == 8


def test_the_disk_of_a_folder_that_does_not_exist_yet_is_known(root):
    assert read_machine(root / "not" / "yet", root).disk_bytes > 0


def test_a_laptop_gets_three_sizes():
    sizes = sizes_for(Machine(cores=8, memory_bytes=16 * GIB, disk_bytes=300 * GIB))
    assert [(s.name, s.cpu_millis, s.memory_bytes // GIB) for s in sizes] == [
        ("Small", 1000, 2),
        ("Medium", 4000, 7),
        ("Large", 8000, 14),
    ]


def test_a_tiny_machine_gets_one_size_that_fits():
    sizes = sizes_for(Machine(cores=1, memory_bytes=GIB, disk_bytes=10 * GIB))
    assert [(s.cpu_millis, s.memory_bytes) for s in sizes] == [(1000, GIB // 2)]


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 16, 64])
@pytest.mark.parametrize("memory", [1, 2, 3, 4, 8, 23, 64, 512])
def test_sizes_grow_and_fit_on_every_machine(cores, memory):
    sizes = sizes_for(Machine(cores, memory * GIB, 100 * GIB))
    assert all(s.cpu_millis <= cores * 1000 and s.memory_bytes < memory * GIB for s in sizes)
    assert all(s.disk_bytes <= 50 * GIB for s in sizes)
    pairs = [(s.cpu_millis, s.memory_bytes) for s in sizes]
    assert pairs == sorted(set(pairs))
    assert [s.memory_bytes for s in sizes] == sorted(s.memory_bytes for s in sizes)
