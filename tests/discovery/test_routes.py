from ipaddress import IPv4Interface

import pytest

from vprinter_common.fleet.edge import ANY, Placement
from vprinter_common.net import Interface
from vprinter_discovery.routes import Route, routes

LO = Interface("lo", (IPv4Interface("127.0.0.1/8"),))
ETH0 = Interface("eth0", (IPv4Interface("192.168.1.5/24"),))
ETH1 = Interface("eth1", (IPv4Interface("10.0.0.5/16"),))


def at(address: str) -> Placement:
    return Placement(address, address, address)


def test_a_printer_is_announced_by_the_interface_that_has_its_address_and_by_no_other() -> None:
    assert routes(at("10.0.0.5"), [LO, ETH0, ETH1]) == (Route("eth1", "10.0.0.5", ("255.255.255.255", "10.0.255.255")),)


def test_a_loopback_printer_is_announced_to_all_of_loopback_from_its_own_address() -> None:
    assert routes(at("127.0.0.7"), [LO, ETH0]) == (Route("lo", "127.0.0.7", ("127.255.255.255",)),)


def test_a_printer_whose_address_is_not_here_is_announced_nowhere() -> None:
    assert routes(at("192.168.1.77"), [LO, ETH0]) == ()


def test_a_printer_at_any_address_is_announced_in_every_network_but_loopback() -> None:
    assert routes(Placement(ANY, None, "192.168.1.5"), [LO, ETH0, ETH1]) == (
        Route("eth0", "192.168.1.5", ("255.255.255.255", "192.168.1.255")),
        Route("eth1", "10.0.0.5", ("255.255.255.255", "10.0.255.255")),
    )


def test_on_a_host_with_nothing_but_loopback_any_means_loopback() -> None:
    assert routes(Placement(ANY, None, "127.0.0.1"), [LO]) == (Route("lo", "127.0.0.1", ("127.255.255.255",)),)


def test_two_networks_on_one_wire_share_the_limited_broadcast() -> None:
    both = Interface("eth0", (*ETH0.addresses, IPv4Interface("172.16.0.5/24")))
    assert routes(Placement(ANY, None, "192.168.1.5"), [both]) == (
        Route("eth0", "192.168.1.5", ("255.255.255.255", "192.168.1.255")),
        Route("eth0", "172.16.0.5", ("172.16.0.255",)),
    )


def test_an_alias_label_is_the_same_wire() -> None:
    label = Interface("eth0:1", (IPv4Interface("192.168.1.6/24"),))
    assert routes(Placement(ANY, None, "192.168.1.5"), [ETH0, label]) == (
        Route("eth0", "192.168.1.5", ("255.255.255.255", "192.168.1.255")),
    )
    assert routes(at("192.168.1.6"), [ETH0, label])[0].device == "eth0"


def test_a_floating_host_address_is_announced_in_the_network_around_it() -> None:
    floating = Interface("eth0", (*ETH0.addresses, IPv4Interface("192.168.1.50/32")))
    assert routes(at("192.168.1.50"), [floating]) == (
        Route("eth0", "192.168.1.50", ("255.255.255.255", "192.168.1.255")),
    )


@pytest.mark.parametrize("prefix", [31, 32])
def test_a_network_without_a_broadcast_address_gets_the_limited_broadcast_only(prefix: int) -> None:
    alone = Interface("ppp0", (IPv4Interface(f"10.9.9.8/{prefix}"),))
    assert routes(at("10.9.9.8"), [alone]) == (Route("ppp0", "10.9.9.8", ("255.255.255.255",)),)
