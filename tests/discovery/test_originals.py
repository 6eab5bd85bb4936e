"""Proxies on the air: never where their printer is, and never when it has fallen silent in a network of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Interface

import pytest
from prometheus_client import CollectorRegistry

from tests.common.printers import virtual_printer
from tests.common.waiting import until
from tests.discovery.radio import Recorded, arrival
from vprinter_common import catalog
from vprinter_common.contracts.target import TargetStatus
from vprinter_common.fleet.edge import ANY, Placement, Serving
from vprinter_common.net import Interface
from vprinter_common.wire import ssdp
from vprinter_discovery.announcer import Announced, Announcer
from vprinter_discovery.originals import CALM, PATIENCE, SILENT, Original, Originals, firmware
from vprinter_discovery.routes import routes
from vprinter_discovery.searches import Searches

SERIAL = "01P00A000000009"
SLICERS = Interface("a0", (IPv4Interface("10.71.0.2/24"),))
PRINTERS = Interface("b0", (IPv4Interface("10.72.0.2/24"),))
REAL = ssdp.Announcement(
    "10.72.0.20", SERIAL, "C12", "Bench", "01.07.00.00", signal="-38", connect="cloud", bind="occupied", inf="wlan0"
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class House:
    """One proxy on a host with these interfaces."""

    def __init__(self, *interfaces: Interface, bind: str = "10.71.0.2", host: str = "10.72.0.20") -> None:
        self.clock = Clock()
        self.originals = Originals(self.clock)
        self.originals.host_changed(interfaces)
        self.interfaces = interfaces
        target = {"id": "r1", "host": host, "serial": SERIAL, "model": "C12", "access_code": "Sesame42"}
        spec = virtual_printer(mode="proxy", serial=SERIAL, model="C12", name="Relay", target=target)
        placement = Placement(ANY, None, "10.71.0.2") if bind == ANY else Placement(bind, bind, bind)
        self.serving = Serving(spec, placement)

    @contextmanager
    def proxy(self) -> Iterator[tuple[Announced, Original]]:
        with self.originals.behind(self.serving) as original:
            found = routes(self.serving.placement, self.interfaces)
            yield Announced(self.serving, found, original=original), original

    def hear(self, device: str = "b0", said: ssdp.Announcement = REAL, peer: str = "") -> None:
        self.originals.heard(said, arrival(peer or said.location, device))


def test_between_two_networks_the_printers_own_words_are_passed_on_with_our_address_and_name() -> None:
    house = House(SLICERS, PRINTERS)
    with house.proxy() as (proxy, _):
        house.hear()
        assert proxy.speaks_on("a0")
        assert proxy.announcement("10.71.0.2") == replace(
            REAL, location="10.71.0.2", name="Relay", connect="lan", bind="free"
        )


def test_and_only_while_the_printer_speaks() -> None:
    house = House(SLICERS, PRINTERS)
    with house.proxy() as (proxy, original):
        house.clock.now += PATIENCE
        assert not proxy.speaks_on("a0"), "its printer would be heard, but was not yet"
        house.hear()
        house.clock.now += SILENT - 1
        assert proxy.speaks_on("a0")
        house.clock.now += 1
        assert not proxy.speaks_on("a0")
        assert not proxy.speaks
        assert not original.is_alive


def test_where_the_printer_is_heard_itself_its_proxy_is_silent() -> None:
    house = House(SLICERS, host="10.71.0.20")
    with house.proxy() as (proxy, _):
        house.clock.now += PATIENCE
        house.hear("a0", replace(REAL, location="10.71.0.20"))
        assert not proxy.speaks_on("a0")
        assert proxy.speaks, "hosts in other networks do not hear the printer"


def test_a_printer_that_is_not_heard_here_is_spoken_for_after_a_while_of_listening() -> None:
    house = House(SLICERS, host="192.168.9.9")
    with house.proxy() as (proxy, _):
        assert not proxy.speaks_on("a0")
        house.clock.now += PATIENCE
        assert proxy.speaks_on("a0")
        said = proxy.announcement("10.71.0.2")
        assert (said.serial, said.location, said.name) == (SERIAL, "10.71.0.2", "Relay")
        assert said.version == catalog.model("C12").firmware


def test_a_proxy_at_every_address_speaks_where_its_printer_is_not() -> None:
    house = House(SLICERS, PRINTERS, bind=ANY)
    with house.proxy() as (proxy, _):
        house.hear()
        assert [route.device for route in proxy.routes if proxy.speaks_on(route.device)] == ["a0"]


def test_a_search_is_answered_from_what_was_heard_but_not_beside_the_printer() -> None:
    house, airwaves = House(SLICERS, PRINTERS, bind=ANY), Recorded()
    with house.proxy() as (proxy, _):
        house.hear()
        searches = Searches(airwaves, lambda: [proxy], registry=CollectorRegistry(), clock=house.clock)
        searches.answer(arrival("10.71.0.10", "a0", "10.71.0.2"))
        searches.answer(arrival("10.72.0.30", "b0", "10.72.0.2", unicast=True))
        (answer,) = airwaves.sent
        said = ssdp.parse(answer[0])
        assert isinstance(said, ssdp.SearchResponse)
        assert (said.announcement.location, said.announcement.bind) == ("10.71.0.2", "free")


def test_a_goodbye_of_the_printer_ends_it_and_a_strangers_does_not() -> None:
    house = House(SLICERS, PRINTERS)
    with house.proxy() as (proxy, _):
        house.hear()
        house.originals.left(SERIAL, arrival("10.72.0.66", "b0"))
        assert proxy.speaks_on("a0")
        house.originals.left(SERIAL, arrival("10.72.0.20", "b0"))
        assert not proxy.speaks_on("a0")


def test_a_host_that_speaks_for_the_printer_is_not_believed() -> None:
    house = House(SLICERS, PRINTERS)
    with house.proxy() as (_, original):
        house.hear(peer="10.72.0.66")
        assert not original.is_alive


def test_a_printer_at_another_address_is_passed_on_from_there() -> None:
    house = House(SLICERS, PRINTERS)
    with house.proxy() as (proxy, original):
        house.hear(said=replace(REAL, location="10.72.0.99"))
        assert original.is_alive
        assert proxy.speaks_on("a0")


def test_what_is_ours_is_told_by_where_it_comes_from_not_by_the_serial_number() -> None:
    house = House(SLICERS, PRINTERS)
    with house.proxy() as (proxy, _):
        own = replace(REAL, location="10.71.0.2")
        assert proxy.is_same(own, "10.71.0.2")
        assert not proxy.is_same(REAL, "10.72.0.20")


def test_the_version_is_the_one_that_the_session_tells_or_that_was_announced() -> None:
    house = House(SLICERS, PRINTERS)
    with house.proxy() as (_, original):
        house.hear()
        assert firmware(house.serving.spec, original) == "01.07.00.00"
        status = TargetStatus(target="r1", node="n", online=True, firmware="01.08.02.00")
        house.originals._statuses = {"r1": status}
        assert firmware(house.serving.spec, original) == "01.08.02.00"


@pytest.mark.parametrize("address", ["10.72.0.20", None])
def test_a_printer_known_by_name_is_looked_for_where_its_name_leads(address: str | None) -> None:
    house = House(SLICERS, PRINTERS, host="bench.lan")
    with house.proxy() as (proxy, _):
        house.originals._statuses = {"r1": TargetStatus(target="r1", node="n", online=True, address=address)}
        house.clock.now += PATIENCE
        assert proxy.speaks_on("a0") is (address is None)


async def test_the_first_word_of_the_printer_is_passed_on_at_once_and_a_flood_is_not() -> None:
    house, airwaves = House(SLICERS, PRINTERS), Recorded()
    voice = Announcer(airwaves, registry=CollectorRegistry(), clock=house.clock, interval=3600, goodbye_gap=0)
    voice.host_changed(house.interfaces)
    with house.originals.behind(house.serving) as original:
        async with voice.announcing(house.serving, original):
            house.hear()
            await until(lambda: len(airwaves.sent) == 2)
            for number in range(100):
                house.hear(said=replace(REAL, signal=f"-{number}"))
            house.clock.now += CALM
            house.hear(said=replace(REAL, signal="-99", version="01.09.00.00"))
            await until(lambda: len(airwaves.sent) >= 4)
            assert len(airwaves.sent) == 4
        assert {device for *_, device in airwaves.sent} == {"a0"}


async def test_beside_its_printer_a_proxy_says_no_goodbye() -> None:
    house, airwaves = House(SLICERS, host="10.71.0.20"), Recorded()
    voice = Announcer(airwaves, registry=CollectorRegistry(), clock=house.clock, interval=3600, goodbye_gap=0)
    voice.host_changed(house.interfaces)
    with house.originals.behind(house.serving) as original:
        async with voice.announcing(house.serving, original):
            house.hear("a0", replace(REAL, location="10.71.0.20"))
    assert airwaves.sent == []
