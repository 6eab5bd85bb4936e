"""What is declared of a metric, and how a service makes it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Unit(StrEnum):
    """What a value counts."""

    NUMBER = "number"
    SECONDS = "seconds"
    TIMESTAMP = "seconds since 1970"
    BYTES = "bytes"
    YES_NO = "1 or 0"


@dataclass(frozen=True, slots=True)
class Label:
    """A label and what bounds its values: a closed list, or a form that nobody from outside can fill at will."""

    name: str
    bound: str
    """In words, for a closed list what it lists."""
    values: frozenset[str] = frozenset()
    form: str = ""
    """Regular expression of the values where there is no list."""

    def allows(self, value: str) -> bool:
        """Whether it may have this value."""
        return value in self.values if self.values else re.fullmatch(self.form, value) is not None


def one_of(name: str, bound: str, *values: str | Iterable[str]) -> Label:
    """A label with a closed list of values, given one by one or as lists."""
    every = ([value] if isinstance(value, str) else [str(one) for one in value] for value in values)
    return Label(name, bound, frozenset(one for each in every for one in each))


@dataclass(frozen=True, slots=True)
class Family:
    """A metric of some services."""

    kind: ClassVar[str]
    _suffixes: ClassVar[tuple[str, ...]] = ("",)

    name: str
    help: str
    services: tuple[str, ...]
    labels: tuple[Label, ...] = ()
    unit: Unit = Unit.NUMBER

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of its labels, in order."""
        return tuple(label.name for label in self.labels)

    @property
    def series(self) -> dict[str, frozenset[str]]:
        """What can be queried: the names of its series, and the labels of each."""
        return {self.name + suffix: frozenset(self.label_names) for suffix in self._suffixes}


@dataclass(frozen=True, slots=True)
class CounterFamily(Family):
    """It only grows."""

    kind: ClassVar[str] = "counter"

    def create(self, registry: CollectorRegistry) -> Counter:
        """The metric, in a service's registry."""
        return Counter(self.name, self.help, self.label_names, registry=registry)


@dataclass(frozen=True, slots=True)
class GaugeFamily(Family):
    """It goes up and down."""

    kind: ClassVar[str] = "gauge"

    def create(self, registry: CollectorRegistry) -> Gauge:
        """The metric, in a service's registry."""
        return Gauge(self.name, self.help, self.label_names, registry=registry)


@dataclass(frozen=True, slots=True)
class HistogramFamily(Family):
    """A distribution."""

    kind: ClassVar[str] = "histogram"
    _suffixes: ClassVar[tuple[str, ...]] = ("_bucket", "_count", "_sum")

    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> dict[str, frozenset[str]]:
        """The buckets have a label of their own."""
        labels = frozenset(self.label_names)
        return {self.name + suffix: labels | ({"le"} if suffix == "_bucket" else set()) for suffix in self._suffixes}

    def create(self, registry: CollectorRegistry) -> Histogram:
        """The metric, in a service's registry."""
        return Histogram(self.name, self.help, self.label_names, buckets=self.buckets, registry=registry)
