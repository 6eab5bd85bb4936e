"""Operators, and what becomes of values that are passed on."""

import re
from collections.abc import Callable, Mapping
from typing import Any


def plus(left: Any, right: Any) -> Any:
    """Sums; an array gets longer."""
    return [*left, *unrolled(right)] if isinstance(left, list) else left + right


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "-eq": lambda left, right: _folded(left) == _folded(right),
    "-ne": lambda left, right: _folded(left) != _folded(right),
    "-ceq": lambda left, right: left == right,
    "-gt": lambda left, right: left > right,
    "-": lambda left, right: left - right,
    "+": plus,
    "-match": lambda left, right: re.search(right, left, re.IGNORECASE) is not None,
    "-replace": lambda left, right: (
        re.sub(right[0], lambda _: right[1], left, flags=re.IGNORECASE)
        if isinstance(right, list)
        else re.sub(right, "", left, flags=re.IGNORECASE)
    ),
}


def true(value: Any) -> bool:
    """What a condition makes of a value."""
    if isinstance(value, list) and len(value) == 1:
        return true(value[0])
    return bool(value)


def unrolled(value: Any) -> list[Any]:
    """What a value becomes when it is passed on: arrays come apart, nothing is nothing."""
    if value is None:
        return []
    return list(value) if type(value) is list else [value]


def one_or_many(out: list[Any]) -> Any:
    """What an assignment makes of what was emitted."""
    return out[0] if len(out) == 1 else (out or None)
