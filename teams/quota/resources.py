"""What quotas count, in which units, and how people read and write it. Pure."""

import re
from collections.abc import Mapping
from fractions import Fraction

from teams.wording import readable_bytes

JOBS, CPU, MEMORY = "jobs", "cpu_millis", "memory_bytes"
GPU_PREFIX = "gpu:"
# Budgets of a calendar month. Their unit is that of jobs/usage: thousandths of a core, or GPUs, × milliseconds.
CPU_HOURS, GPU_HOURS = "cpu_hours", "gpu_hours"
BUDGETS = {CPU_HOURS: 1000 * 3_600_000, GPU_HOURS: 3_600_000}
# In the order in which they are shown; GPUs come after them, by name.
BASIC = (JOBS, CPU, MEMORY)
LARGEST = 2**62
_BYTES = {"": 1024**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3, "tib": 1024**4, "pib": 1024**5} | {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
}
_AMOUNT = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]*)", re.IGNORECASE)

Amounts = Mapping[str, int]


class AmountInvalid(ValueError):
    """The message is a sentence for the person who typed it."""


def gpu(resource: str) -> str:
    """The name under which an extended resource of Kubernetes is counted: nvidia.com/gpu → gpu:nvidia.com/gpu."""
    return GPU_PREFIX + resource


def amounts_of(cpu_millis: int, memory_bytes: int, gpu_resource: str = "", gpu_count: int = 0) -> Amounts:
    """What one job takes: itself, cores in thousandths, bytes, and GPUs by type."""
    gpus = {gpu(gpu_resource): gpu_count} if gpu_resource and gpu_count else {}
    return {JOBS: 1, CPU: cpu_millis, MEMORY: memory_bytes, **gpus}


def noun(resource: str) -> str:
    """As it stands in a sentence and over a gauge: "running jobs", "CPU", "memory", "GPUs (nvidia.com/gpu)"."""
    if resource.startswith(GPU_PREFIX):
        return f"GPUs ({resource.removeprefix(GPU_PREFIX)})"
    known = {
        JOBS: "running jobs",
        CPU: "CPU",
        MEMORY: "memory",
        CPU_HOURS: "CPU-hours",
        GPU_HOURS: "GPU-hours",
    }
    return known.get(resource, resource)


def in_words(resource: str, amount: int) -> str:
    """2500 of cpu_millis → "2.5 cores"; bytes as people read them; pieces as they are."""
    if resource == CPU:
        number = f"{amount / 1000:,.3f}".rstrip("0").rstrip(".")
        return f"{number} core{'' if amount == 1000 else 's'}"
    if resource == MEMORY:
        return readable_bytes(amount)
    if resource in BUDGETS:
        hours = amount / BUDGETS[resource]
        if 0 < hours < 0.1:
            return "less than 0.1"
        return f"{hours:,.0f}" if hours >= 10 or hours == int(hours) else f"{hours:.1f}"
    return f"{amount:,}"


def as_typed(resource: str, amount: int | None) -> str:
    """As a form field shows it: cores, GiB, pieces; "" where there is no limit."""
    if amount is None:
        return ""
    if resource == CPU:
        return f"{amount / 1000:.3f}".rstrip("0").rstrip(".")
    if resource == MEMORY:
        return _typed_bytes(amount)
    return f"{amount / BUDGETS[resource]:.15g}" if resource in BUDGETS else str(amount)


def _typed_bytes(amount: int) -> str:
    """In the unit in which it is the shortest number, so that it stands as it was typed and nothing is lost."""
    exact = [(str(amount), "B")]
    for unit in ("kB", "MB", "GB", "KiB", "MiB", "GiB"):
        number = Fraction(amount, _BYTES[unit.lower()])
        text = f"{float(number):.15g}"
        if Fraction(text) == number and "e" not in text:
            exact.insert(0, (text, unit))
    text, unit = min(exact, key=lambda each: len(each[0]))
    return f"{text} {unit}"


def from_typed(resource: str, text: str) -> int | None:
    """The amount that somebody typed; None for nothing, which is no limit. Raises AmountInvalid."""
    text = text.strip()
    if not text:
        return None
    found = _AMOUNT.fullmatch(text.replace("\u00a0", " "))
    if found is None:
        raise AmountInvalid(
            f"“{text[:40]}” is no amount. Write {_example(resource)}, or nothing for no limit."
        )
    number, unit = Fraction(found[1].replace(",", ".")), found[2].lower()
    amount = number * _factor(resource, unit, text)
    if amount.denominator != 1 and resource != MEMORY and resource not in BUDGETS:
        raise AmountInvalid(f"“{text[:40]}” is too fine. Write {_example(resource)}.")
    if amount > LARGEST:
        raise AmountInvalid(f"“{text[:40]}” is more than can be counted.")
    return int(amount)


def _factor(resource: str, unit: str, text: str) -> int:
    known = {"": 1}
    if resource == CPU:
        known = {"": 1000, "core": 1000, "cores": 1000, "m": 1}
    elif resource == MEMORY:
        known = _BYTES
    elif resource in BUDGETS:
        known = dict.fromkeys(("", "h", "hours"), BUDGETS[resource])
    if unit not in known:
        raise AmountInvalid(f"“{text[:40]}” has a unit that is not known here. Write {_example(resource)}.")
    return known[unit]


def _example(resource: str) -> str:
    if resource in BUDGETS:
        return "hours, such as 500"
    known = {CPU: "cores, such as 16 or 2.5", MEMORY: "an amount such as 64 GiB"}
    return known.get(resource, "a whole number, such as 8")


def sort_key(resource: str) -> tuple[int, str]:
    """The order in which people see resources."""
    return (BASIC.index(resource) if resource in BASIC else len(BASIC) + (resource in BUDGETS), resource)
