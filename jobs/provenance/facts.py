"""What jobs are compared by: each fact of a job as a text, under a key that is the same for all jobs."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from jobs.models import Attempt, Job
from jobs.provenance.secrets import looks_secret
from teams.wording import readable_bytes, readable_seconds

HIDDEN = "(hidden)"
OUTCOME, PARAMETERS, INPUTS, METRICS = "Outcome", "Parameters", "Inputs", "Metrics"
GROUPS = (OUTCOME, METRICS, PARAMETERS, INPUTS)
SHORT_HASH = 12
STATUS = "Status"


@dataclass(frozen=True)
class Fact:
    """`text` is shown; `mark` tells two jobs apart where the text is hidden or shortened; `number` sorts."""

    group: str
    label: str
    text: str
    mark: str = ""
    number: float | None = None

    @property
    def key(self) -> str:
        """The same fact of another job has the same."""
        return f"{self.group}: {self.label}"

    @property
    def told_apart_by(self) -> str:
        """Two jobs are the same in it where this is."""
        return self.mark or self.text


def facts_of(job: Job, attempt: Attempt | None, parameters: Mapping[str, str]) -> Iterator[Fact]:
    """All but the files, the metrics and the versions. `parameters` are those that MLflow wrote down."""
    yield Fact(OUTCOME, STATUS, job.status_label)
    if job.exit_code is not None:
        yield Fact(OUTCOME, "Exit code", str(job.exit_code), number=job.exit_code)
    if (seconds := job.took_seconds) is not None:
        # Said for people in two units; two runs are never told apart by how long they took.
        yield Fact(OUTCOME, "Took", readable_seconds(seconds), mark="-", number=seconds)
    yield from _of_arguments(job.arguments)
    for name, value in sorted(job.environment.items()):
        is_hidden = looks_secret(name, value)
        yield Fact(PARAMETERS, f"variable {name}", HIDDEN if is_hidden else value, value, _number(value))
    for name, value in sorted(parameters.items()):
        yield Fact(PARAMETERS, f"parameter {name}", value, number=_number(value))
    yield Fact(INPUTS, "Script", job.entry)
    yield Fact(INPUTS, "Environment", job.image_label)
    yield Fact(INPUTS, "Image", job.image_reference)
    if attempt and attempt.image_digest:
        digest = attempt.image_digest
        yield Fact(INPUTS, "Image digest", digest[: len("sha256:") + SHORT_HASH], digest)
    yield Fact(INPUTS, "Profile", _profile(job))
    yield Fact(INPUTS, "Cluster", job.cluster.name)
    yield Fact(INPUTS, "Time limit", readable_seconds(job.time_limit_seconds), number=job.time_limit_seconds)


def _of_arguments(arguments: Iterable[str]) -> Iterator[Fact]:
    """Options with their values, each by its name; what is left, in its order."""
    words, rest, seen = list(arguments), [], set()
    while words:
        word = words.pop(0)
        name, sign, value = word.partition("=")
        if not _is_option(name) or name in seen:
            rest.append(word)
            continue
        seen.add(name)
        if not sign and words and not _is_option(words[0]):
            value = words.pop(0)
        elif not sign:
            value = "given"
        is_hidden = looks_secret(name.lstrip("-"), value)
        yield Fact(PARAMETERS, name, HIDDEN if is_hidden else value, value, _number(value))
    if rest:
        yield Fact(PARAMETERS, "arguments", shlex.join(rest))


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and _number(word) is None and not word.startswith("---")


def _profile(job: Job) -> str:
    cores = f"{job.cpu_millis / 1000:g} cores"
    gpus = f", {job.gpu_count} × {job.gpu_resource}" if job.gpu_count else ""
    return f"{job.profile_label}: {cores}, {readable_bytes(job.memory_bytes)}{gpus}"


def _number(text: str) -> float | None:
    try:
        found = float(text) if len(text) < 40 else float("nan")
    except ValueError:
        return None
    return found if found - found == 0 else None
