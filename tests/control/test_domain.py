"""Rules without I/O: conflicts, names in certificates, names of files, a printer's condition."""

from datetime import timedelta
from ipaddress import IPv4Address
from random import Random

import pytest

from tests.control.conftest import HERE
from tests.control.harness import NOON
from vprinter_common.contracts.printer import Bind, Mode
from vprinter_common.contracts.status import PrinterStatus, State
from vprinter_control.domain.addresses import certificate_names, conflict
from vprinter_control.domain.names import access_code, display_name
from vprinter_control.domain.status import Condition, fresh, whole

TEN, ELEVEN = (Bind(address=IPv4Address(f"192.0.2.{n}")) for n in (10, 11))
ANY, ETH0, WLAN0 = Bind(any=True), Bind(interface="eth0"), Bind(interface="wlan0")


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (TEN, TEN, True),
        (TEN, ELEVEN, False),
        (ANY, TEN, True),
        (WLAN0, ANY, True),
        (ETH0, TEN, True),
        (ETH0, ELEVEN, False),
        (ETH0, ETH0, True),
        (WLAN0, WLAN0, True),
        (WLAN0, TEN, False),
    ],
)
def test_conflicts(one: Bind, other: Bind, clash: bool) -> None:
    assert (conflict(one, other, HERE) is not None) is clash
    assert (conflict(other, one, HERE) is not None) is clash


def test_bound_to_any_a_bridge_that_comes_does_not_require_a_new_certificate() -> None:
    names = certificate_names(ANY, None, HERE, IPv4Address("192.0.2.10"))
    assert {str(name) for name in names.wanted} == {"192.0.2.10", "192.0.2.11", "127.0.0.1"}
    assert {str(name) for name in names.required} == {"192.0.2.10"}


def test_an_interface_that_is_not_here_gives_no_name() -> None:
    assert certificate_names(WLAN0, None, HERE, IPv4Address("192.0.2.10")).wanted == frozenset()


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("cube.gcode.3mf", "cube"),
        ("cube.3mf", "cube"),
        ("Cube.GCODE", "Cube"),
        ("a.b.gcode.3mf", "a.b"),
        (".3mf", ".3mf"),
        ("verify", "verify"),
    ],
)
def test_display_names(filename: str, name: str) -> None:
    assert display_name(filename) == name


def test_access_codes_are_not_misread() -> None:
    codes = "".join(access_code(Random(seed)) for seed in range(200))
    assert not set(codes) & set("0Oo1Il")
    assert codes.isalnum()


def said(service: str, state: State = State.RUNNING, node: str = "a", error: str | None = None) -> PrinterStatus:
    """What a service says."""
    return PrinterStatus(
        printer="p", service=service, node=node, state=state, revision=1, address="x", since=NOON, at=NOON, error=error
    )


ALL = [said("discovery"), said("ftps"), said("mqtt")]


def test_it_runs_when_all_three_run() -> None:
    assert whole(True, Mode.IMMEDIATE, ALL).state is Condition.RUNNING
    assert whole(False, Mode.IMMEDIATE, ALL).state is Condition.DISABLED
    assert whole(True, Mode.IMMEDIATE, []).state is Condition.UNSERVED


def test_a_missing_service_is_named() -> None:
    found = whole(True, Mode.IMMEDIATE, ALL[:2])
    assert found.state is Condition.STARTING
    assert found.error == "mqtt does not report: is it running?"


def test_a_failing_service_is_named() -> None:
    found = whole(True, Mode.IMMEDIATE, [*ALL[:2], said("mqtt", State.FAILED, error="no memory")])
    assert (found.state, found.error) == (Condition.DEGRADED, "mqtt: no memory")


def test_of_several_nodes_the_best_counts() -> None:
    found = whole(True, Mode.IMMEDIATE, [*ALL, said("mqtt", State.FAILED, node="b")])
    assert found.state is Condition.RUNNING
    assert found.services["mqtt"].node == "a"


def test_what_was_said_long_ago_is_forgotten() -> None:
    assert fresh(ALL, NOON + timedelta(seconds=30)) == ALL
    assert fresh(ALL, NOON + timedelta(seconds=31)) == []
