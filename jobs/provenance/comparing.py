"""Jobs beside each other: a row for each fact, a column for each job."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs.models import Attempt, Job, Metric, MetricsTaken
from jobs.provenance.facts import GROUPS, INPUTS, METRICS, SHORT_HASH, Fact, facts_of
from jobs.provenance.inputs import inputs_of_all
from jobs.provenance.versions import version_facts
from jobs.provenance.wording import is_better_low, number_text

MOST_FILE_ROWS, MOST_METRIC_ROWS = 60, 100
SUMMARY = ("attempt_id", "name", "count", "last", "lowest", "highest")


@dataclass(frozen=True)
class Cell:
    """`is_best`: of a metric whose name tells which way is better. `is_odd`: not what most of the jobs have."""

    text: str
    number: float | None = None
    is_best: bool = False
    is_odd: bool = False


@dataclass(frozen=True)
class Row:
    """A fact of all jobs, in the order of the columns. `sort_url` puts the columns into its own order."""

    key: str
    label: str
    group: str
    cells: list[Cell]
    differs: bool
    sort_url: str = ""


@dataclass
class Column:
    """A job with everything it is compared by."""

    job: Job
    attempt: Attempt | None
    facts: dict[str, Fact] = field(default_factory=dict)

    def add(self, fact: Fact) -> None:
        """The first of a key counts."""
        self.facts.setdefault(fact.key, fact)


def columns_of(jobs: Sequence[Job]) -> list[Column]:
    """In the order of `jobs`, which have team, owner and cluster. Seven statements."""
    newest = Attempt.objects.filter(job__in=jobs).order_by("job_id", "-number").distinct("job_id")
    attempts = {attempt.job_id: attempt for attempt in newest}
    ids = [attempt.pk for attempt in attempts.values()]
    taken = {row.pk: row.parameters for row in MetricsTaken.objects.filter(pk__in=ids)}
    columns = [Column(job, attempts.get(job.pk)) for job in jobs]
    for column in columns:
        parameters = taken.get(column.attempt.pk, {}) if column.attempt else {}
        for fact in facts_of(column.job, column.attempt, parameters):
            column.add(fact)
    told = version_facts([column.attempt for column in columns])
    for column, facts in zip(columns, told, strict=True):
        for fact in facts:
            column.add(fact)
    _add_files(columns)
    _add_metrics(columns, ids)
    return columns


def rows_of(columns: Sequence[Column]) -> list[Row]:
    """Group by group; within a group in the order in which the facts first come."""
    keys = dict.fromkeys(key for column in columns for key in column.facts)
    by_group: dict[str, list[Row]] = defaultdict(list)
    for key in keys:
        row = _row(key, columns)
        by_group[row.group].append(row)
    return [row for group in GROUPS for row in by_group[group]]


def _row(key: str, columns: Sequence[Column]) -> Row:
    facts = [column.facts.get(key) for column in columns]
    known = next(fact for fact in facts if fact)
    marks = [fact.told_apart_by if fact else None for fact in facts]
    usual = max(marks, key=marks.count)
    has_usual = known.group != METRICS and marks.count(usual) > len(marks) / 2
    differs = len(set(marks)) > 1
    best = _best(known, facts) if known.group == METRICS else None
    cells = [
        Cell(
            fact.text if fact else "",
            fact.number if fact else None,
            is_best=best is not None and fact is not None and fact.number == best,
            is_odd=has_usual and mark != usual,
        )
        for fact, mark in zip(facts, marks, strict=True)
    ]
    return Row(key, known.label, known.group, cells, differs)


def _best(known: Fact, facts: Sequence[Fact | None]) -> float | None:
    """Among several that differ; None where the name does not tell which way is better."""
    numbers = [fact.number for fact in facts if fact and fact.number is not None]
    low = is_better_low(known.label)
    if low is None or len(set(numbers)) < 2:
        return None
    return min(numbers) if low else max(numbers)


def _add_files(columns: Sequence[Column]) -> None:
    """The script's hash, and the other files that are not the same in all."""
    inputs = inputs_of_all([column.job for column in columns])
    files = {pk: {file.path: file.sha256 for file in each.files} for pk, each in inputs.items()}
    paths = dict.fromkeys(path for each in files.values() for path in each)
    differing = [path for path in paths if len({each.get(path) for each in files.values()}) > 1]
    scripts = {column.job.entry for column in columns}
    shown = [path for path in differing if path not in scripts][:MOST_FILE_ROWS]
    for column in columns:
        own = files[column.job.pk]
        script = own.get(column.job.entry, "")
        column.add(Fact(INPUTS, "Script’s hash", script[:SHORT_HASH], script))
        for path in shown:
            column.add(
                Fact(INPUTS, f"file {path}", own.get(path, "not there")[:SHORT_HASH], own.get(path, "-"))
            )
        rest = len(differing) - len(shown) - len(scripts & set(differing))
        if rest > 0:
            column.add(Fact(INPUTS, f"{rest} more files differ", "", str(column.job.bundle_id)))
        column.add(Fact(INPUTS, "Files", f"{len(own)}", number=len(own)))


def _add_metrics(columns: Sequence[Column], attempt_ids: Sequence[int]) -> None:
    metrics: dict[int, list[Metric]] = defaultdict(list)
    for metric in Metric.objects.filter(attempt_id__in=attempt_ids).only(*SUMMARY).order_by("name"):
        metrics[metric.attempt_id].append(metric)
    shown: dict[str, None] = {}
    for column in columns:
        for metric in metrics.get(column.attempt.pk, []) if column.attempt else []:
            if metric.name in shown or len(shown) < MOST_METRIC_ROWS:
                shown[metric.name] = None
                _add_metric(column, metric)


def _add_metric(column: Column, metric: Metric) -> None:
    """The last value; of a curve also the best, or both ends where nobody knows which is better."""
    column.add(_of_metric(metric.name, metric.last))
    if metric.count > 1:
        low = is_better_low(metric.name)
        if low is not False:
            column.add(_of_metric(f"{metric.name}, lowest", metric.lowest))
        if low is not True:
            column.add(_of_metric(f"{metric.name}, highest", metric.highest))


def _of_metric(label: str, value: float | None) -> Fact:
    text = "" if value is None else number_text(value)
    return Fact(METRICS, label, text, "" if value is None else repr(value), value)
