"""Benches one after the other: progress while they run, then one table; one that breaks costs the others nothing."""

import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping

from tests.bench.page import MARK, write_into_docs
from tests.bench.report import Figure, keep, machine, table

Bench = Callable[[], Iterable[Figure]]
WRITE = "--write"


def complaint(known: Iterable[str], arguments: list[str]) -> str:
    """What is wrong with the names that were asked for; "" for nothing."""
    unknown = sorted(set(arguments) - {WRITE} - set(known))
    return f"There is no bench {', '.join(unknown)}. There are: {', '.join(known)}" if unknown else ""


def run(benches: Mapping[str, Bench], arguments: list[str], mark: str = MARK) -> int:
    """All, or those that `arguments` name; with --write the table goes to `mark` in the docs.

    0 when every bench ran, whatever its figures; 2 for an unknown name.
    """
    if said := complaint(benches, arguments):
        print(said)
        return 2
    figures: list[Figure] = []
    broken: list[str] = []
    for name in [argument for argument in arguments if argument != WRITE] or benches:
        print(f"… {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        try:
            figures += benches[name]()
        except Exception:  # noqa: BLE001 (the others' figures are still of use)
            traceback.print_exc()
            broken.append(name)
        print(f"  {name} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"\n{table(figures)}\n\n{machine()}")
    if figures:
        print(f"kept in {keep(figures)}")
    if figures and WRITE in arguments:
        write_into_docs(figures, mark)
    if broken:
        print(f"BROKEN, no figures: {', '.join(broken)}")
    return 1 if broken else 0
