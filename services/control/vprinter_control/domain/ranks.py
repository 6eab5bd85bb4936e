"""Ranks: integers with gaps, so that one row is moved by changing that row alone."""

from collections.abc import Sequence

GAP = 1 << 20
"""Between neighbours that were put in order; twenty moves to the same place find room."""


def after(last: int | None) -> int:
    """A rank at the end."""
    return GAP if last is None else last + GAP


def between(low: int | None, high: int | None) -> int | None:
    """A rank between two; None = no neighbour on that side. None if there is no room left."""
    match low, high:
        case None, None:
            return GAP
        case None, int(first):
            return first - GAP
        case int(last), None:
            return last + GAP
        case int(last), int(first):
            middle = (last + first) // 2
            return middle if last < middle < first else None
    raise AssertionError("both are numbers or None")


def spread(count: int) -> Sequence[int]:
    """Ranks for so many rows put in order anew."""
    return range(GAP, GAP * (count + 1), GAP)
