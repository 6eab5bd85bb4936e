"""What is declared of metrics is of one style, and its closed lists are those of the code."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from vprinter_common.metrics import declared
from vprinter_common.metrics.declared import FAMILIES, LIBRARY
from vprinter_common.metrics.family import CounterFamily, Family, GaugeFamily, HistogramFamily, Label, Unit, one_of
from vprinter_common.runtime.settings import ADMIN_PORTS
from vprinter_discovery import edge as discovery
from vprinter_discovery.detect import Outcome
from vprinter_mqtt.answers import POLICIES
from vprinter_mqtt.client import Closed

OURS = [family for family in FAMILIES if family not in LIBRARY]
SUFFIX = {Unit.SECONDS: "_seconds", Unit.TIMESTAMP: "_timestamp_seconds", Unit.BYTES: "_bytes"}


def named(family: Family) -> str:
    return family.name


def label(family: Family, name: str) -> Label:
    return next(label for label in family.labels if label.name == name)


def test_no_name_is_declared_twice() -> None:
    series = [name for family in FAMILIES for name in family.series]
    assert sorted(set(series)) == sorted(series)


@pytest.mark.parametrize("family", OURS, ids=named)
def test_a_name_says_whose_it_is_what_it_counts_and_how(family: Family) -> None:
    assert family.name.startswith("vprinter_")
    assert family.name.endswith("_total") == isinstance(family, CounterFamily)
    stem = family.name.removesuffix("_total")
    for unit, suffix in SUFFIX.items():
        assert stem.endswith(suffix) == (
            family.unit is unit or (suffix == "_seconds" and family.unit is Unit.TIMESTAMP)
        )


@pytest.mark.parametrize("family", OURS, ids=named)
def test_every_label_is_bounded(family: Family) -> None:
    assert all(bool(label.values) != bool(label.form) for label in family.labels)
    assert set(family.services) <= {*ADMIN_PORTS, "probe"}


@pytest.mark.parametrize("family", OURS, ids=named)
def test_a_metric_is_made_as_it_is_declared(family: Family) -> None:
    registry = CollectorRegistry()
    assert isinstance(family, CounterFamily | GaugeFamily | HistogramFamily)
    family.create(registry)
    assert f"# TYPE {family.name} {family.kind}\n" in generate_latest(registry).decode()


def test_a_label_with_a_list_allows_what_is_listed() -> None:
    listed = one_of("reason", "-", "one", ["two", "three"])
    assert all(listed.allows(value) for value in ("one", "two", "three"))
    assert not listed.allows("four")


def test_a_label_with_a_form_allows_what_has_it() -> None:
    assert declared.PRINTER.allows("a1b2")
    assert not declared.PRINTER.allows("A printer's name")


def test_the_reasons_why_mqtt_closes_a_connection_are_the_declared_ones() -> None:
    assert label(declared.MQTT_REJECTED, "reason").values == {*Closed}


def test_the_outcomes_of_detect_are_among_the_declared_ones() -> None:
    assert label(declared.DETECT_REQUESTS, "outcome").values >= {*Outcome}


def test_the_listeners_of_discovery_are_among_the_declared_ones() -> None:
    assert {discovery.SSDP, discovery.DETECT, discovery.DETECT_TLS} <= declared.LISTENER.values


@pytest.mark.parametrize("command", [f"{section}.{name}" for section, rows in POLICIES.items() for name in rows])
def test_every_command_that_mqtt_knows_fits_the_label(command: str) -> None:
    assert label(declared.MQTT_MESSAGES, "command").allows(command)
