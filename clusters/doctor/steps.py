"""What the doctor looks at, in which order; one thing that breaks does not hide the others."""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from clusters.doctor import checks, probing, reach
from clusters.doctor.ground import Ground
from clusters.doctor.lines import Line, Title
from clusters.doctor.rights import RIGHTS, rights
from clusters.driver import ClusterUnreachable, DriverError
from clusters.kubernetes.api import ApiRefused

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """`look` gives lines as it goes; `titles` say what stays unknown when it is not reached."""

    look: Callable[[Ground], Iterator[Line]]
    titles: tuple[Title, ...]


REACH = Step(reach.reach, reach.TITLES)
VERSION = Step(checks.version, (checks.VERSION,))
IDENTITY = Step(checks.identity, (checks.IDENTITY,))
NODES = Step(checks.nodes, (checks.NODES,))
WHOLE = (
    REACH,
    VERSION,
    IDENTITY,
    Step(rights, (RIGHTS,)),
    NODES,
    Step(checks.namespace, (checks.NAMESPACE, checks.SECURITY)),
    Step(checks.quota, (checks.QUOTA,)),
    Step(checks.events, (checks.EVENTS,)),
    Step(checks.spaces, ()),
    Step(probing.probing, probing.TITLES),
)
SHORT = (REACH, VERSION, IDENTITY, NODES)


def walk(ground: Ground, steps: Sequence[Step]) -> Generator[Line]:
    """The lines of all steps; a cluster that does not answer ends the walk, and the rest is told as skipped."""
    for number, step in enumerate(steps):
        told: set[str] = set()
        try:
            ground.check_time()
            for line in step.look(ground):
                told.add(line.key)
                yield line
        except reach.NotReached:
            yield from _rest(steps[number + 1 :], set())
            return
        except ClusterUnreachable as trouble:
            title = _next(step, told)
            yield title.failed(f"The cluster stopped answering: {trouble}")
            yield from _rest(steps[number:], {*told, title.key})
            return
        except (ApiRefused, DriverError) as refused:
            yield _next(step, told).failed(f"The cluster did not answer as expected: {refused}")
        except Exception:
            log.exception("a step of the doctor's visit to %s broke", ground.cluster)
            yield _next(step, told).warned(
                "This could not be looked at: something broke in the portal itself. Its log has the details (worker)."
            )


def _next(step: Step, told: set[str]) -> Title:
    """What the step was about to say something of."""
    left = [title for title in step.titles if title.key not in told]
    return left[0] if left else Title("more", "More")


def _rest(steps: Sequence[Step], told: set[str]) -> Iterator[Line]:
    for step in steps:
        for title in step.titles:
            if title.key not in told:
                yield title.skipped("Not looked at: what comes before it has to work first.")
