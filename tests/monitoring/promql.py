"""What a PromQL expression asks for, and whether there is such a thing."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from vprinter_common.metrics.declared import FAMILIES

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules"
TARGET = frozenset({"job", "instance", "service"})
"""Labels that the scrape configuration adds."""
PROMETHEUS = {"up": TARGET, "ALERTS": frozenset({"alertname", "alertstate", "severity"})}


def rules(kind: str) -> list[dict[str, Any]]:
    """Every `record` or `alert` rule."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(RULES.glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"] if kind in rule]


@cache
def known() -> dict[str, frozenset[str]]:
    """Every series that can be asked for, and its labels."""
    series = {name: labels | TARGET for family in FAMILIES for name, labels in family.series.items()}
    recorded = {rule["record"]: _result(promql_parser.parse(rule["expr"])) for rule in rules("record")}
    return {**PROMETHEUS, **series, **recorded}


def faults(expr: str) -> list[str]:
    """A line for everything that is wrong with an expression; none = it can be asked."""
    try:
        tree = promql_parser.parse(expr)
    except ValueError as error:
        return [f"{error}: {expr}"]
    return list(_faults(tree, known()))


def _faults(tree: Any, series: dict[str, frozenset[str]]) -> Iterator[str]:
    for selector in _selectors(tree):
        if selector.name not in series:
            yield f"there is no metric {selector.name}"
        for matcher in selector.matchers.matchers:
            if matcher.name not in series.get(selector.name, ()):
                yield f"{selector.name} has no label {matcher.name}"
    for grouping, inner in _groupings(tree):
        for selector in _selectors(inner):
            for label in sorted(grouping - series.get(selector.name, frozenset())):
                yield f"{selector.name} has no label {label} to group by"


def _nodes(tree: Any) -> Iterator[Any]:
    """The expression and all that are in it."""
    yield tree
    inside = [getattr(tree, name, None) for name in ("lhs", "rhs", "expr", "vector_selector")]
    for each in (*inside, *getattr(tree, "args", ())):
        if each is not None:
            yield from _nodes(each)


def _selectors(tree: Any) -> list[Any]:
    return [node for node in _nodes(tree) if isinstance(node, promql_parser.VectorSelector)]


def _groupings(tree: Any) -> Iterator[tuple[frozenset[str], Any]]:
    for node in _nodes(tree):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            yield frozenset(node.modifier.labels), node.expr


def _result(tree: Any) -> frozenset[str]:
    """Labels of what a recording rule leaves: those of its outermost grouping, without the bounds of buckets."""
    return next(grouping for grouping, _ in _groupings(tree)) - {"le"}
