"""Amounts as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teams.quota import resources
from teams.quota.resources import CPU, JOBS, MEMORY, AmountInvalid

GIB = 1024**3
A100 = resources.gpu("nvidia.com/gpu")


@pytest.mark.parametrize(
    ("resource", "text", "amount"),
    [
        (JOBS, "8", 8),
        (JOBS, "", None),
        (CPU, "16", 16_000),
        (CPU, "2.5", 2500),
        (CPU, "2,5 cores", 2500),
        (CPU, "500m", 500),
        (MEMORY, "64", 64 * GIB),
        (MEMORY, "64 GiB", 64 * GIB),
        (MEMORY, "512mib", 512 * 1024**2),
        (MEMORY, "1 TB", 10**12),
        (MEMORY, "0.5", GIB // 2),
        (A100, " 4 ", 4),
        (A100, "0", 0),
    ],
)
def test_what_people_type_is_understood(resource, text, amount):
    assert resources.from_typed(resource, text) == amount


@pytest.mark.parametrize(
    ("resource", "text", "words"),
    [
        (JOBS, "many", "a whole number"),
        (JOBS, "2.5", "too fine"),
        (JOBS, "-1", "no amount"),
        (CPU, "0.0001", "too fine"),
        (CPU, "4 GiB", "a unit that is not known"),
        (MEMORY, "64 cores", "a unit that is not known"),
        (MEMORY, "9" * 30, "more than can be counted"),
        (JOBS, "1e9", "no amount"),
    ],
)
def test_what_cannot_be_understood_is_said_in_a_sentence(resource, text, words):
    with pytest.raises(AmountInvalid, match=words):
        resources.from_typed(resource, text)


@given(st.sampled_from([JOBS, CPU, MEMORY, A100]), st.integers(0, 2**50))
def test_what_a_field_shows_is_read_back_as_it_was(resource, amount):
    assert resources.from_typed(resource, resources.as_typed(resource, amount)) == amount


@pytest.mark.parametrize("typed", ["5 MB", "0.5 MB", "1.25 GB", "64 GiB", "1.5 MiB", "7 B"])
def test_a_field_shows_a_size_as_it_was_typed(typed):
    assert resources.as_typed(MEMORY, resources.from_typed(MEMORY, typed)) == typed


def test_amounts_are_read_as_people_say_them():
    assert resources.in_words(CPU, 2500) == "2.5 cores"
    assert resources.in_words(CPU, 1000) == "1 core"
    assert resources.in_words(CPU, 1_600_000) == "1,600 cores"
    assert resources.in_words(MEMORY, 64 * GIB) == "64 GiB"
    assert resources.in_words(JOBS, 1200) == "1,200"
    assert resources.noun(A100) == "GPUs (nvidia.com/gpu)"
    assert sorted([A100, MEMORY, JOBS, CPU], key=resources.sort_key) == [JOBS, CPU, MEMORY, A100]


def test_a_job_without_gpus_takes_none():
    assert resources.amounts_of(1000, GIB) == {JOBS: 1, CPU: 1000, MEMORY: GIB}
    assert resources.amounts_of(1000, GIB, "nvidia.com/gpu", 2)[A100] == 2
