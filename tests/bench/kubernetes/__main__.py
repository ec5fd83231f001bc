"""`python -m tests.bench.kubernetes [--write] [name]…`: the benches on a Kubernetes cluster; as tests/bench."""

import sys
import time
import traceback
from collections.abc import Callable, Iterable

from tests.bench.kubernetes import active, submit
from tests.bench.kubernetes.stage import Stage
from tests.bench.report import KUBERNETES_MARK, Figure, keep, machine, table, write_into_docs

BENCHES: dict[str, Callable[[Stage], Iterable[Figure]]] = {
    "fake": lambda stage: submit.measure(stage, submit.FAKE),
    "real": lambda stage: submit.measure(stage, submit.REAL),
    "active": active.measure,
}


def main(arguments: list[str]) -> int:
    """0 when every bench ran, whatever its figures; 2 for an unknown name."""
    names = [argument for argument in arguments if argument != "--write"]
    if unknown := set(names) - set(BENCHES):
        print(f"There is no bench {', '.join(sorted(unknown))}. There are: {', '.join(BENCHES)}")
        return 2
    figures: list[Figure] = []
    broken: list[str] = []
    with Stage() as stage:
        for name in names or BENCHES:
            print(f"… {name}", file=sys.stderr, flush=True)
            began = time.monotonic()
            try:
                figures += BENCHES[name](stage)
            except Exception:  # noqa: BLE001 (the others' figures are still of use)
                traceback.print_exc()
                broken.append(name)
            print(f"  {name} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"\n{table(figures)}\n\n{machine()}")
    if figures:
        print(f"kept in {keep(figures)}")
    if figures and "--write" in arguments:
        write_into_docs(figures, KUBERNETES_MARK)
    if broken:
        print(f"BROKEN, no figures: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
