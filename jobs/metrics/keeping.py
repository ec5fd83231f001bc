"""Writing metrics: each name's row grows by what came, within its bounds."""

from collections import defaultdict
from collections.abc import Iterable

from jobs.metrics import curve
from jobs.metrics.left_out import LeftOut
from jobs.metrics.line import Told
from jobs.models import Metric, MetricsTaken

MOST_NAMES = 200
NO_ROOM = f"A job keeps {MOST_NAMES} metrics at most; a value of another name came"
GROWS = ("count", "last", "lowest", "highest", "steps", "values")


def held(attempt_id: int) -> MetricsTaken:
    """The attempt's row, made where there is none, and locked: one writer at a time. Within a transaction."""
    MetricsTaken.objects.bulk_create([MetricsTaken(attempt_id=attempt_id)], ignore_conflicts=True)
    return MetricsTaken.objects.select_for_update(no_key=True).get(pk=attempt_id)


def keep(taken: MetricsTaken, told: Iterable[Told], left_out: LeftOut) -> None:
    """Add to the curves. `taken` is held; the caller saves it. Within a transaction."""
    fresh: dict[str, list[tuple[float | None, float]]] = defaultdict(list)
    for name, step, value in told:
        fresh[name].append((step, value))
    if not fresh:
        return
    rows = {row.name: row for row in Metric.objects.filter(attempt_id=taken.pk)}
    for name, points in fresh.items():
        if name not in rows:
            if len(rows) >= MOST_NAMES:
                left_out.add(NO_ROOM, len(points))
                continue
            rows[name] = Metric(attempt_id=taken.pk, name=name)
        _grow(rows[name], points)
    Metric.objects.bulk_create(
        [rows[name] for name in fresh if name in rows and rows[name].pk is None], ignore_conflicts=True
    )
    Metric.objects.bulk_update([rows[name] for name in fresh if name in rows and rows[name].pk], GROWS)


def replace(taken: MetricsTaken, told: Iterable[Told], left_out: LeftOut) -> None:
    """The curves of these names anew: a file holds all of them. Within a transaction."""
    told = list(told)
    Metric.objects.filter(attempt_id=taken.pk, name__in={name for name, _, _ in told}).delete()
    keep(taken, told, left_out)


def note(taken: MetricsTaken, left_out: LeftOut) -> None:
    """Put what was left out to what was before."""
    together = LeftOut(taken.left_out)
    together.add_all(left_out)
    taken.left_out = together


def _grow(row: Metric, points: list[tuple[float | None, float]]) -> None:
    """`count` is the step of a value that came without one."""
    values = [value for _, value in points]
    numbered = [
        (float(row.count + at) if step is None else step, value) for at, (step, value) in enumerate(points)
    ]
    row.last = values[-1]
    row.lowest = min(values if row.lowest is None else [row.lowest, *values])
    row.highest = max(values if row.highest is None else [row.highest, *values])
    row.count += len(values)
    together = curve.grown(row.steps, row.values, numbered)
    row.steps, row.values = [step for step, _ in together], [value for _, value in together]
