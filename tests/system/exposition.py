"""What a service exports, held against what is declared of it."""

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from vprinter_common.metrics.declared import FAMILIES
from vprinter_common.metrics.family import Family


def faults(service: str, page: str) -> list[str]:
    """A line for everything on a /metrics page that is not as declared, and for what is missing on it."""
    return [*_undeclared(service, page), *_missing(service, page)]


def series_of(page: str) -> set[str]:
    """Every series on a page: name and labels, without the value."""
    return {line.rpartition(" ")[0] for line in page.splitlines() if line and not line.startswith("#")}


def _undeclared(service: str, page: str) -> Iterator[str]:
    known = {family.name: family for family in _declared(service)}
    for exported in text_string_to_metric_families(page):
        name = f"{exported.name}_total" if exported.type == "counter" else exported.name
        family = known.get(name)
        if family is None:
            yield f"{name} is not declared for {service}"
        elif (exported.type, exported.documentation) != (family.kind, family.help):
            yield f"{name} is declared as {family.kind}, “{family.help}”"
        else:
            for sample in exported.samples:
                yield from _labels(family, sample.name, sample.labels)


def _labels(family: Family, name: str, labels: dict[str, str]) -> Iterator[str]:
    if family.series.get(name) != frozenset(labels):
        yield f"{name} has the labels {sorted(labels)}"
    for label in family.labels:
        if not label.allows(labels.get(label.name, "")):
            yield f"{name}: {label.name} may not be {labels.get(label.name)!r}"


def _missing(service: str, page: str) -> Iterator[str]:
    lines = set(page.splitlines())
    for family in _declared(service):
        if f"# TYPE {family.name} {family.kind}" not in lines:
            yield f"{family.name} is declared for {service} and not exported"


def _declared(service: str) -> list[Family]:
    return [family for family in FAMILIES if service in family.services]
