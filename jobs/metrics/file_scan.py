"""Metrics out of result files, once they are all there: metrics.json, and what MLflow wrote."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from jobs import store
from jobs.metrics import json_file, keeping, mlflow
from jobs.metrics.left_out import LeftOut, quoted
from jobs.metrics.line import Told
from jobs.models import Artifact, MetricsTaken

JSON_PATHS = ("metrics.json", "results/metrics.json")
MOST_PARAMETERS = 200
PUT_OFF = "The storage of results did not answer; the metrics in them are read when it does"
AT_ONCE = 200


@dataclass
class Found:
    """What the files tell."""

    told: list[Told] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)

    @property
    def is_anything(self) -> bool:
        """Worth a row."""
        return bool(self.told or self.parameters or self.left_out)


def take(attempt_id: int) -> bool:
    """Read the listed files of an attempt, once. True: there was something in them.

    While their storage is away none is taken: that is said, and `take_put_off` reads them later.
    """
    try:
        return _take(attempt_id)
    except store.StoreAway:
        _put_off(attempt_id)
        return False


def take_put_off() -> None:
    """Read what was put off, until the storage is away again."""
    due = MetricsTaken.objects.filter(files_read_at=None, left_out__has_key=PUT_OFF)
    # In any order: one that stays away must not keep the others waiting for ever.
    for attempt_id in due.order_by("?").values_list("pk", flat=True)[:AT_ONCE]:
        try:
            _take(attempt_id)
        except store.StoreAway:
            return


def _take(attempt_id: int) -> bool:
    if MetricsTaken.objects.filter(pk=attempt_id, files_read_at__isnull=False).exists():
        return False
    found = _read(attempt_id)
    if not found.is_anything and not MetricsTaken.objects.filter(pk=attempt_id).exists():
        return False
    with transaction.atomic():
        taken = keeping.held(attempt_id)
        if taken.files_read_at is not None:
            return False
        keeping.replace(taken, found.told, found.left_out)
        keeping.note(taken, found.left_out)
        taken.left_out.pop(PUT_OFF, None)
        taken.parameters = found.parameters
        taken.files_read_at = Now()
        taken.save(update_fields=["parameters", "left_out", "files_read_at"])
    return found.is_anything


def _put_off(attempt_id: int) -> None:
    with transaction.atomic():
        taken = keeping.held(attempt_id)
        if taken.files_read_at is None:
            # Whatever else was left out: by this sentence it is found again.
            taken.left_out = {**taken.left_out, PUT_OFF: 1}
            taken.save(update_fields=["left_out"])


def _read(attempt_id: int) -> Found:
    found = Found()
    is_ours = Q(path__in=JSON_PATHS) | Q(path__startswith="mlruns/") | Q(path__startswith="results/mlruns/")
    artifacts = Artifact.objects.filter(is_ours, attempt_id=attempt_id, is_listed=True).order_by("path")
    runs: list[tuple[mlflow.Place, Artifact]] = []
    for artifact in artifacts.iterator(chunk_size=500):
        if artifact.path in JSON_PATHS:
            found.told += json_file.read(
                _content(artifact, json_file.MOST_BYTES, found.left_out) or b"{}",
                artifact.path,
                found.left_out,
            )
        elif place := mlflow.place_of(artifact.path):
            if len(runs) < mlflow.MOST_FILES:
                runs.append((place, artifact))
            else:
                found.left_out.add(f"Of MLflow's files the first {mlflow.MOST_FILES} were read; a file more")
    _read_runs(runs, found)
    return found


def _read_runs(files: Iterable[tuple[mlflow.Place, Artifact]], found: Found) -> None:
    """With several runs each name tells whose it is."""
    files = list(files)
    is_one = len({place.run for place, _ in files}) == 1
    for place, artifact in files:
        name = place.name if is_one else f"{place.run[:8]}/{place.name}"
        content = _content(artifact, mlflow.MOST_BYTES, found.left_out)
        if content is None:
            continue
        if place.is_metric and len(found.told) > json_file.MOST_VALUES:
            found.left_out.add(
                f"The files together have more than {json_file.MOST_VALUES:,} values; a file more"
            )
        elif place.is_metric:
            found.told += mlflow.read_metric(content, name, found.left_out)
        elif len(found.parameters) < MOST_PARAMETERS:
            found.parameters[name] = mlflow.read_parameter(content)


def _content(artifact: Artifact, most: int, left_out: LeftOut) -> bytes | None:
    """The whole file, if it is not too large and still there. Raises StoreAway."""
    if artifact.size > most:
        left_out.add(f"{quoted(artifact.path)} is larger than {most // 1024**2} MiB and was not read")
        return None
    try:
        with store.open_(artifact.key) as file:
            data: bytes = file.read(most)
            return data
    except store.StoreAway:
        raise
    except OSError:
        left_out.add(f"{quoted(artifact.path)} could not be read")
        return None
