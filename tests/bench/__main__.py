"""`python -m tests.bench [--write] [name]…`: all benches, or the named ones; `--write` puts the table into the docs."""

import sys

from tests.bench import (
    admission,
    artefact,
    biglog,
    clone,
    export,
    history,
    idle,
    line,
    loglatency,
    people,
    queue,
    retention,
    submit,
    usage,
    watchers,
)
from tests.bench.running import Bench, run

BENCHES: dict[str, Bench] = {
    "submit": submit.measure,
    "line": line.measure,
    "watchers": watchers.measure,
    "loglatency": loglatency.measure,
    "history": history.measure,
    "people": people.measure,
    "export": export.measure,
    "usage": usage.measure,
    "retention": retention.measure,
    "artefact": artefact.measure,
    "biglog": biglog.measure,
    "idle": idle.measure,
    "clone": clone.measure,
    "admission": admission.measure,
    "soak": admission.soak,
    "queue": queue.measure,
}

if __name__ == "__main__":
    sys.exit(run(BENCHES, sys.argv[1:]))
