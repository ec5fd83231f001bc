"""`python -m tests.bench.kubernetes [--write] [name]…`: the benches on a Kubernetes cluster; as tests/bench."""

import sys
from collections.abc import Callable, Iterable
from functools import partial

from tests.bench.kubernetes import active, shapes, submit
from tests.bench.kubernetes.stage import Stage
from tests.bench.page import KUBERNETES_MARK
from tests.bench.report import Figure
from tests.bench.running import complaint, run

BENCHES: dict[str, Callable[[Stage], Iterable[Figure]]] = {
    "fake": lambda stage: submit.measure(stage, submit.FAKE),
    "real": lambda stage: submit.measure(stage, submit.REAL),
    "active": active.measure,
    "pods": shapes.measure,
}


def main(arguments: list[str]) -> int:
    """As `run`; a wrong name costs no cluster."""
    if said := complaint(BENCHES, arguments):
        print(said)
        return 2
    with Stage() as stage:
        return run(
            {name: partial(bench, stage) for name, bench in BENCHES.items()}, arguments, KUBERNETES_MARK
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
