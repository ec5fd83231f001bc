"""The report: rows with names and addresses, the others together, the whole, and charts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from clusters.models import Cluster
from jobs.usage import waits
from jobs.usage.asked import GROUPS, Asked
from jobs.usage.parts import NUMBERS, Amounts
from jobs.usage.reading import Reader, Usage
from jobs.usage.scope import Scope
from teams.models import Team, User

MOST_ROWS = 20
CORE_HOUR = 3_600_000_000
GPU_HOUR = 3_600_000
GIB_HOUR = 1024 * 3_600_000
MOST_GPU_COLUMNS = 4


@dataclass(frozen=True)
class Row:
    """One line of the table. Hours are floats; `bar`: per cent of the largest row's CPU-hours."""

    label: str
    usage: Usage
    url: str = ""
    key: Any = None
    bar: int = 0
    gpus: Sequence[str] = ()

    @property
    def cpu_hours(self) -> float:
        """Cores × hours."""
        return self.usage.amounts.cpu / CORE_HOUR

    @property
    def memory_hours(self) -> float:
        """GiB × hours."""
        return self.usage.amounts.memory / GIB_HOUR

    @property
    def jobs(self) -> int:
        """How many ended."""
        return self.usage.amounts.jobs

    @property
    def failed_percent(self) -> float | None:
        """How many of a hundred that ended failed or broke; None where none ended."""
        bad = self.usage.amounts.failed + self.usage.amounts.error
        return 100 * bad / self.jobs if self.jobs else None

    @property
    def median_wait(self) -> float | None:
        """Seconds from the submission to the start of the script; None where none started."""
        return waits.quantile(self.usage.amounts.waits, 0.5)

    @property
    def longest_wait(self) -> float | None:
        """What nine of ten did not wait longer than."""
        return waits.quantile(self.usage.amounts.waits, 0.9)

    @property
    def gpu_hours(self) -> list[float]:
        """GPUs × hours, of each type that the report has a column for."""
        return [self.usage.gpus.get(resource, 0) / GPU_HOUR for resource in self.gpus]

    @property
    def gpu_cells(self) -> list[tuple[str, float]]:
        """The same with what each is called."""
        return list(zip(gpu_labels(self.gpus), self.gpu_hours, strict=True))


@dataclass(frozen=True)
class Report:
    """What the page shows. `others`: the rows that are not listed, together."""

    asked: Asked
    rows: list[Row]
    whole: Row
    gpus: list[str]
    running: int
    others: Row | None = None
    steps: Sequence[date] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Nothing ran and nothing runs."""
        return not self.rows


def make_report(reader: Reader, most: int | None = MOST_ROWS) -> Report:
    """The report with its `most` largest groups (None: all of them)."""
    asked = reader.asked
    whole = reader.whole()
    usages = reader.groups(None if asked.by == "month" else most)
    names = names_of(asked.by, usages)
    largest = max((usage.amounts.cpu for usage in usages.values()), default=0)
    gpus = sorted(whole.gpus, key=lambda name: (-whole.gpus[name], name))[:MOST_GPU_COLUMNS]

    def row(label: str, usage: Usage, url: str = "", key: Any = None) -> Row:
        return Row(label, usage, url, key, _percent(usage.amounts.cpu, largest), gpus)

    others = _others(whole, usages.values())
    return Report(
        asked=asked,
        rows=[row(names[key], usage, _url(asked, reader.scope, key), key) for key, usage in usages.items()],
        whole=row("All together", whole),
        gpus=gpus,
        running=reader.running,
        others=Row("Others", others, gpus=gpus) if _is_used(others) else None,
        steps=reader.steps(),
    )


def names_of(by: str, keys: Iterable[Any]) -> dict[Any, str]:
    """What people call the groups with these keys."""
    listed = list(keys)
    if by == "team":
        return dict(Team.objects.filter(pk__in=listed).values_list("pk", "name"))
    if by == "cluster":
        return dict(Cluster.objects.filter(pk__in=listed).values_list("pk", "name"))
    if by == "user":
        fields = ("pk", "username", "first_name", "last_name")
        return {user.pk: user.display_name for user in User.objects.filter(pk__in=listed).only(*fields)}
    if by == "month":
        return {month: f"{month:%B %Y}" for month in listed}
    return {label: label for label in listed}


def gpu_word(resource: str) -> str:
    """A type of GPU in a word: "nvidia.com/gpu" is "nvidia", "nvidia.com/mig-1g.5gb" is "mig-1g.5gb"."""
    vendor, _, kind = resource.partition("/")
    return vendor.partition(".")[0] if kind == "gpu" else kind or vendor


def gpu_labels(resources: Sequence[str]) -> list[str]:
    """What GPU-hours of these types are called: a single type needs no name."""
    if len(resources) < 2:
        return ["GPU-hours"] * len(resources)
    return [f"GPU-hours {gpu_word(resource)}" for resource in resources]


def _url(asked: Asked, scope: Scope, key: Any) -> str:
    """Where a row leads: what it is made of."""
    inside = {
        "team": ("user" if scope.team_ids is None or key in scope.managed_ids else "profile", {"team": key}),
        "user": ("profile", {"user": key}),
        "cluster": ("profile", {"cluster": key}),
        "month": ("team", {"first": key, "last": key}),
    }
    if asked.by not in inside:
        return ""
    by, changes = inside[asked.by]
    return asked.but(**{"by": by, "text": ""} | changes).url()


def _others(whole: Usage, shown: Iterable[Usage]) -> Usage:
    """The whole without what is shown."""
    rest = Usage(Amounts(**vars(whole.amounts)), dict(whole.gpus))
    listed = list(shown)
    for usage in listed:
        for name in NUMBERS:
            setattr(rest.amounts, name, getattr(rest.amounts, name) - getattr(usage.amounts, name))
        for resource, amount in usage.gpus.items():
            rest.gpus[resource] = rest.gpus.get(resource, 0) - amount
        rest.amounts.waits = waits.added(rest.amounts.waits, [-count for count in usage.amounts.waits])
    # A job that was counted between two statements is in one of them only.
    rest.amounts.waits = [max(0, count) for count in rest.amounts.waits]
    for name in NUMBERS:
        setattr(rest.amounts, name, max(0, getattr(rest.amounts, name)))
    rest.gpus = {resource: max(0, amount) for resource, amount in rest.gpus.items()}
    return rest


def _is_used(usage: Usage) -> bool:
    return bool(usage.amounts.cpu or usage.amounts.gpu or usage.amounts.jobs)


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0


def heading_of(by: str) -> str:
    """What a row of the table is: "Team"."""
    return {"user": "Person"}.get(by, GROUPS[by].removesuffix("s"))
