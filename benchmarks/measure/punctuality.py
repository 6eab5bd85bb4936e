"""Whether reports came, and when: statistics over `[[monotonic seconds, sequence id], …]` of each slicer."""

import statistics
from collections.abc import Iterable, Sequence
from itertools import pairwise

Reports = Sequence[Sequence[tuple[float, int]]]

PERIOD = 1.0
MISSED_AFTER = 1.5
"""Seconds without a report after which one has been missed."""


def delivered(reports: Reports) -> int:
    """How many came."""
    return sum(map(len, reports))


def missed(reports: Reports) -> int:
    """How many did not come that should have, between the first and the last that did."""
    return sum(round(gap / PERIOD) - 1 for gap in _gaps(reports) if gap > MISSED_AFTER)


def off_the_beat(reports: Reports) -> float:
    """99th percentile of how far a report was from one period after the one before it, in seconds."""
    return percentile_99(abs(gap - PERIOD) for gap in _gaps(reports))


def behind_the_first(reports: Reports) -> float:
    """99th percentile of how long after the first slicer another one had the same report, in seconds."""
    first: dict[int, float] = {}
    for of_one in reports:
        for at, sequence in of_one:
            first[sequence] = min(at, first.get(sequence, at))
    return percentile_99(at - first[sequence] for of_one in reports for at, sequence in of_one)


def percentile_99(values: Iterable[float]) -> float:
    """The value that 99 of 100 do not exceed; 0 without at least two."""
    known = list(values)
    return statistics.quantiles(known, n=100)[98] if len(known) > 1 else 0.0


def _gaps(reports: Reports) -> list[float]:
    return [later - earlier for of_one in reports for (earlier, _), (later, _) in pairwise(of_one)]
