"""What jobs are compared by: each fact of a job as a text, under a key that is the same for all jobs."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from jobs.models import Attempt, Job
from jobs.provenance.secrets import HIDDEN, Argument, arguments_of, looks_secret
from teams.quota.resources import CPU, in_words
from teams.wording import readable_bytes, readable_seconds

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
        yield _parameter(f"variable {name}", value, looks_secret(name, value))
    for name, value in sorted(parameters.items()):
        yield _parameter(f"parameter {name}", value, looks_secret(name, value))
    yield Fact(INPUTS, "Script", job.entry)
    yield Fact(INPUTS, "Environment", job.image_label)
    yield Fact(INPUTS, "Image", job.image_reference)
    if attempt and attempt.image_digest:
        digest = attempt.image_digest
        yield Fact(INPUTS, "Image digest", digest[: len("sha256:") + SHORT_HASH], digest)
    yield Fact(INPUTS, "Profile", profile_text(job))
    if nodes := nodes_text(job):
        yield Fact(INPUTS, "Nodes", nodes)
    yield Fact(INPUTS, "Cluster", job.cluster.name)
    yield Fact(INPUTS, "Time limit", readable_seconds(job.time_limit_seconds), number=job.time_limit_seconds)


def _of_arguments(words: Iterable[str]) -> Iterator[Fact]:
    """Options with their values, each by its name; what is left, in its order."""
    seen: set[str] = set()
    rest: list[Argument] = []
    for argument in arguments_of(words):
        if not argument.name or argument.name in seen:
            rest.append(argument)
            continue
        seen.add(argument.name)
        has_value = argument.words != (argument.name,)
        yield _parameter(argument.name, argument.value if has_value else "given", argument.is_secret)
    if rest:
        mark = shlex.join(word for argument in rest for word in argument.words)
        yield Fact(PARAMETERS, "arguments", " ".join(argument.shown for argument in rest), mark)


def _parameter(label: str, value: str, is_secret: bool) -> Fact:
    """A hidden one has no number: it would stand in the export, and put the jobs in its order."""
    if is_secret:
        return Fact(PARAMETERS, label, HIDDEN, value)
    return Fact(PARAMETERS, label, value, number=_number(value))


def profile_text(job: Job) -> str:
    """Its sizes as they were for this job."""
    cores = in_words(CPU, job.cpu_millis)
    gpus = f", {job.gpu_count} × {job.gpu_resource}" if job.gpu_count else ""
    sizes = f"{readable_bytes(job.memory_bytes)} memory, {readable_bytes(job.disk_bytes)} disk"
    return f"{job.profile_label}: {cores}, {sizes}, {job.max_processes} processes{gpus}"


def nodes_text(job: Job) -> str:
    """On which nodes it may run; "" for any."""
    labels = [f"{name}={value}" for name, value in sorted(job.node_labels.items())]
    taints = [f"tolerates {taint.get('key', '')}" for taint in job.tolerations]
    return ", ".join(labels + taints)


def _number(text: str) -> float | None:
    try:
        found = float(text) if len(text) < 40 else float("nan")
    except ValueError:
        return None
    return found if found - found == 0 else None
