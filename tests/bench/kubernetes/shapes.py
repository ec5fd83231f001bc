"""What parts of our pods cost the cluster itself: the bare client with pods of our shape, and with less of it.

Nothing of the portal takes part. It tells how near to the bare client any portal with such pods can come.
"""

import sys
from collections.abc import Iterator

from tests.bench.kubernetes.shape import HELPERS, SECRET, VOLUMES
from tests.bench.kubernetes.stage import Stage
from tests.bench.kubernetes.submit import FAKE, run_bare
from tests.bench.report import Figure, p50

ROUNDS = 2
LEFT_OUT = ((), (SECRET,), (SECRET, VOLUMES), (HELPERS,), (SECRET, HELPERS))


def measure(stage: Stage) -> Iterator[Figure]:
    """Plain pods, then each of LEFT_OUT, in every round."""
    stage.ground.bring_fake_nodes()
    ratios: dict[tuple[str, ...], list[float]] = {without: [] for without in LEFT_OUT}
    for _ in range(ROUNDS):
        floor = run_bare(stage, FAKE).seconds
        for without, found in ratios.items():
            seconds = run_bare(stage, FAKE, is_shaped=True, without=without).seconds
            found.append(floor / seconds)
            print(f"  {_name(without)}: {seconds:.1f} s, plain {floor:.1f} s", file=sys.stderr, flush=True)
    for without, found in ratios.items():
        spread = f"{min(found):.2f} to {max(found):.2f} in {ROUNDS} rounds of {FAKE.jobs} jobs"
        yield Figure(
            "pods, fake nodes",
            f"{_name(without)} / plain pods, jobs per second",
            p50(found),
            "×",
            note=spread,
        )


def _name(without: tuple[str, ...]) -> str:
    return "our pods" + (f" without {' and '.join(without)}" if without else "")
