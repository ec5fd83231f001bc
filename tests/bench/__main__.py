"""`python -m tests.bench [--write] [name]…`: all benches, or the named ones; `--write` puts the table into the docs."""

import sys
import time
import traceback
from collections.abc import Callable, Iterable

from tests.bench import artefact, clone, history, idle, line, submit
from tests.bench.report import Figure, keep, machine, table, write_into_docs

BENCHES: dict[str, Callable[[], Iterable[Figure]]] = {
    "submit": submit.measure,
    "line": line.measure,
    "history": history.measure,
    "artefact": artefact.measure,
    "idle": idle.measure,
    "clone": clone.measure,
}


def main(arguments: list[str]) -> int:
    """0 when every bench ran, whatever its figures; 2 for an unknown name."""
    names = [argument for argument in arguments if argument != "--write"]
    if unknown := set(names) - set(BENCHES):
        print(f"There is no bench {', '.join(sorted(unknown))}. There are: {', '.join(BENCHES)}")
        return 2
    figures: list[Figure] = []
    broken: list[str] = []
    for name in names or BENCHES:
        print(f"… {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        try:
            figures += BENCHES[name]()
        except Exception:  # noqa: BLE001 (the others' figures are still of use)
            traceback.print_exc()
            broken.append(name)
        print(f"  {name} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"\n{table(figures)}\n\n{machine()}")
    if figures:
        print(f"kept in {keep(figures)}")
    if figures and "--write" in arguments:
        write_into_docs(figures)
    if broken:
        print(f"BROKEN, no figures: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
