"""A curve in bounded space: of every stretch of it the lowest and the highest point stay. Pure."""

from collections.abc import Iterable, Sequence

# Never more than this are kept; then they are thinned to MOST_POINTS // 2 at most.
MOST_POINTS = 1000

Point = tuple[float, float]


def thinned(points: Iterable[Point], most: int) -> list[Point]:
    """At most `most` (step, value) by step: the first, the last, and of equal stretches the lowest and highest.

    Thinned again and again it still has the lowest and the highest of all. `most` is at least 4.
    """
    ordered = sorted(points, key=lambda point: point[0])
    if len(ordered) <= most:
        return ordered
    first, last = ordered[0], ordered[-1]
    width = (last[0] - first[0]) or 1.0
    stretches = (most - 2) // 2
    kept: dict[int, tuple[int, int]] = {}
    for index, (step, value) in enumerate(ordered):
        # Divided first: the span of two finite numbers may be infinite.
        place = min(stretches - 1, int((step / width - first[0] / width) * stretches))
        low, high = kept.get(place, (index, index))
        kept[place] = (
            index if value < ordered[low][1] else low,
            index if value > ordered[high][1] else high,
        )
    chosen = {0, len(ordered) - 1} | {index for pair in kept.values() for index in pair}
    return [ordered[index] for index in sorted(chosen)]


def grown(steps: Sequence[float], values: Sequence[float], fresh: Iterable[Point]) -> list[Point]:
    """The curve with its new points, thinned where there are too many."""
    points = [*zip(steps, values, strict=True), *fresh]
    return thinned(points, MOST_POINTS // 2) if len(points) > MOST_POINTS else points
