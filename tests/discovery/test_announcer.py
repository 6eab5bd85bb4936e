import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import IPv4Interface
from itertools import pairwise
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from tests.common.ports import free_port
from tests.common.printers import SERIAL, virtual_printer
from tests.common.waiting import until
from tests.discovery.radio import Radio, Recorded, arrival
from vprinter_common import catalog
from vprinter_common.fleet.edge import ANY, Placement, Serving
from vprinter_common.net import Interface
from vprinter_common.wire import ssdp
from vprinter_discovery.airwaves import Airwaves
from vprinter_discovery.announcer import Announcer, until_turn

LO = Interface("lo", (IPv4Interface("127.0.0.1/8"),))
ETH0 = Interface("eth0", (IPv4Interface("192.168.1.5/24"),))
ETH1 = Interface("eth1", (IPv4Interface("10.0.0.5/16"),))
FIRMWARE = catalog.model("BL-P001").firmware
SELDOM = 3600.0


def serving(address: str = "127.0.0.7", advertise: str | None = None, **changes: Any) -> Serving:
    told = None if address == ANY and advertise is None else advertise or address
    return Serving(virtual_printer("127.0.0.7", **changes), Placement(address, told, told or "192.168.1.5"))


def announcer(airwaves: Airwaves, interval: float = SELDOM) -> Announcer:
    registry = CollectorRegistry()
    made = Announcer(
        airwaves, registry=registry, clock=asyncio.get_running_loop().time, interval=interval, goodbye_gap=0
    )
    made.host_changed([LO])
    return made


@asynccontextmanager
async def on_air(interval: float = SELDOM) -> AsyncIterator[tuple[Announcer, Radio]]:
    """An announcer on loopback, and a slicer that listens on its port."""
    port = free_port()
    airwaves = Airwaves(port, lambda _data, _arrival: None)
    with Radio(port) as slicer:
        airwaves.open()
        yield announcer(airwaves, interval), slicer
        airwaves.close()


async def until_sent(airwaves: Recorded, count: int) -> None:
    await until(lambda: len(airwaves.sent) >= count)


async def test_the_announcement_is_on_the_air_at_once_with_the_headers_of_a_real_printer_in_their_order() -> None:
    async with on_air() as (voice, slicer), voice.announcing(serving(name="Werkstatt")):
        data, sender = await slicer.receive()
        assert sender == ("127.0.0.7", slicer.port)
        assert (
            data
            == (
                "NOTIFY * HTTP/1.1\r\n"
                "Host: 239.255.255.250:1990\r\n"
                "Server: UPnP/1.0\r\n"
                "Location: 127.0.0.7\r\n"
                "NT: urn:bambulab-com:device:3dprinter:1\r\n"
                "NTS: ssdp:alive\r\n"
                f"USN: {SERIAL}\r\n"
                "Cache-Control: max-age=1800\r\n"
                "DevModel.bambu.com: BL-P001\r\n"
                "DevName.bambu.com: Werkstatt\r\n"
                "DevSignal.bambu.com: -44\r\n"
                "DevConnect.bambu.com: lan\r\n"
                "DevBind.bambu.com: free\r\n"
                "Devseclink.bambu.com: secure\r\n"
                "DevInf.bambu.com: eth0\r\n"
                f"DevVersion.bambu.com: {FIRMWARE}\r\n"
                "DevCap.bambu.com: 1\r\n"
                "\r\n"
            ).encode()
        )


async def test_a_name_with_line_ends_cannot_forge_a_header() -> None:
    async with on_air() as (voice, slicer), voice.announcing(serving(name="x\r\nUSN: 666\r\n\r\n")):
        data, _ = await slicer.receive()
        assert b"DevName.bambu.com: x USN: 666\r\n" in data
        assert data.count(b"\r\nUSN:") == 1


async def test_the_announcement_comes_again_and_again() -> None:
    async with on_air(interval=0.05) as (voice, slicer), voice.announcing(serving()):
        for _ in range(5):
            assert isinstance(await slicer.hear(), ssdp.Alive)


async def test_a_new_name_is_announced_at_once() -> None:
    async with on_air() as (voice, slicer):
        printer = serving(name="before")
        async with voice.announcing(printer):
            await slicer.hear()
            printer.spec = printer.spec.model_copy(update={"name": "after"})
            printer.changed()
            said = await slicer.hear()
            assert isinstance(said, ssdp.Alive)
            assert said.announcement.name == "after"


async def test_a_printer_that_stops_says_goodbye_three_times_and_is_silent_then() -> None:
    async with on_air(interval=0.05) as (voice, slicer):
        async with voice.announcing(serving()):
            await slicer.hear()
        said = [await slicer.hear() for _ in range(3)]
        while isinstance(said[0], ssdp.Alive):
            said = [*said[1:], await slicer.hear()]
        assert said == [ssdp.ByeBye(SERIAL)] * 3
        with pytest.raises(TimeoutError):
            await slicer.receive(within=0.2)
        assert voice.printers == ()


async def test_several_printers_share_the_port_and_each_speaks_from_its_own_address() -> None:
    async with (
        on_air() as (voice, slicer),
        voice.announcing(serving("127.0.0.7", id="p1", serial="S1")),
        voice.announcing(serving("127.0.0.8", id="p2", serial="S2")),
    ):
        senders = {(await slicer.receive())[1] for _ in range(2)}
        assert senders == {("127.0.0.7", slicer.port), ("127.0.0.8", slicer.port)}


async def test_hosts_on_the_unicast_list_get_announcement_and_goodbye_too() -> None:
    port = free_port()
    airwaves = Airwaves(port, lambda _data, _arrival: None)
    voice = announcer(airwaves)
    with Radio(port, "127.0.0.99") as faraway:  # bound to an address: hears no broadcast
        airwaves.open()
        async with voice.announcing(serving(announce_to=["127.0.0.99"])):
            said = await faraway.hear()
            assert isinstance(said, ssdp.Alive)
            assert said.announcement.location == "127.0.0.7"
        assert await faraway.hear() == ssdp.ByeBye(SERIAL)
    airwaves.close()


async def test_a_host_in_another_network_is_told_the_address_by_which_it_reaches_us() -> None:
    airwaves = Recorded()
    voice = announcer(airwaves)
    async with voice.announcing(serving(ANY, announce_to=["127.0.0.99"])):
        await until_sent(airwaves, 2)
        datagram, _, source, device = next(one for one in airwaves.sent if one[1][0] == "127.0.0.99")
        said = ssdp.parse(datagram)
        assert isinstance(said, ssdp.Alive)
        assert said.announcement.location == "127.0.0.1"
        assert (source, device) == ("0.0.0.0", ""), "routed as anything else"


async def test_a_printer_at_any_address_is_told_by_each_interfaces_own() -> None:
    airwaves = Recorded()
    voice = announcer(airwaves)
    voice.host_changed([LO, ETH0, ETH1])
    async with voice.announcing(serving(ANY)):
        await until_sent(airwaves, 4)
        told = set()
        for datagram, (host, _), source, device in airwaves.sent:
            said = ssdp.parse(datagram)
            assert isinstance(said, ssdp.Alive)
            assert said.announcement.location == source
            told.add((device, host, source))
        assert told == {
            ("eth0", "255.255.255.255", "192.168.1.5"),
            ("eth0", "192.168.1.255", "192.168.1.5"),
            ("eth1", "255.255.255.255", "10.0.0.5"),
            ("eth1", "10.0.255.255", "10.0.0.5"),
        }


async def test_an_advertised_address_is_told_everywhere() -> None:
    airwaves = Recorded()
    voice = announcer(airwaves)
    voice.host_changed([ETH0, ETH1])
    async with voice.announcing(serving(ANY, advertise="203.0.113.9")):
        await until_sent(airwaves, 4)
        assert {datagram for datagram, *_ in airwaves.sent} == {
            ssdp.notify_alive(voice.printers[0].announcement("10.0.0.5"))
        }
        assert b"\r\nLocation: 203.0.113.9\r\n" in airwaves.sent[0][0]


async def test_an_interface_that_appears_gets_the_announcement_at_once() -> None:
    airwaves = Recorded()
    voice = announcer(airwaves)
    voice.host_changed([ETH0])
    async with voice.announcing(serving(ANY)):
        await until_sent(airwaves, 2)
        voice.host_changed([ETH0, ETH1])
        await until_sent(airwaves, 6)
        assert "10.0.255.255" in airwaves.destinations()
        assert airwaves.joined == {"eth0", "eth1"}


async def test_a_printer_whose_address_has_left_says_no_goodbye_for_another_node_may_have_it_now() -> None:
    airwaves = Recorded()
    voice = announcer(airwaves)
    voice.host_changed([ETH0])
    async with voice.announcing(serving("192.168.1.5", announce_to=["127.0.0.99"])):
        await until_sent(airwaves, 3)
        voice.host_changed([ETH1])
        airwaves.sent.clear()
    assert airwaves.sent == []


async def test_one_broken_interface_costs_the_others_nothing_and_is_logged_once_until_it_is_well_again() -> None:
    airwaves = Recorded()
    airwaves.failures["eth1"] = OSError(101, "Network is unreachable")
    voice = announcer(airwaves, interval=0.01)
    with capture_logs() as logs:
        voice.host_changed([ETH0, ETH1])
        async with voice.announcing(serving(ANY)):
            await until_sent(airwaves, 20)
            assert {device for *_, device in airwaves.sent} == {"eth0"}
            airwaves.failures.clear()
            await until(lambda: "10.0.255.255" in airwaves.destinations())
    troubles = [(one["event"], one["destination"]) for one in logs if one["event"].startswith("announcement")]
    assert troubles == [
        ("announcement_not_sent", "255.255.255.255"),
        ("announcement_not_sent", "10.0.255.255"),
        ("announcements_resumed", "255.255.255.255"),
        ("announcements_resumed", "10.0.255.255"),
    ]


async def test_announcements_go_on_from_another_port_while_ours_is_taken() -> None:
    with Radio(0) as slicer:
        voice = announcer(Airwaves(slicer.port, lambda _data, _arrival: None))
        async with voice.announcing(serving()):
            _, (host, port) = await slicer.receive()
            assert host == "127.0.0.7"
            assert port != slicer.port
        voice._airwaves.close()


async def test_own_printers_are_told_from_real_ones_by_serial_and_by_address() -> None:
    voice = announcer(Recorded())

    def said(serial: str, location: str) -> ssdp.Announcement:
        return ssdp.Announcement(location, serial, "C12", "x", "1")

    async with voice.announcing(serving()):
        assert voice.is_ours(said(SERIAL, "127.0.0.50"), arrival())
        assert voice.is_ours(said("an-older-serial-of-ours", "127.0.0.7"), arrival())
        assert not voice.is_ours(said("01P00A000000001", "127.0.0.50"), arrival())


@pytest.mark.parametrize(
    ("now", "phase", "wait"),
    [(0.0, 2.0, 2.0), (2.0, 2.0, 5.0), (3.0, 2.0, 4.0), (1.9, 2.0, 5.1), (100.0, 4.9, 4.9)],
)
def test_turns_are_at_the_printers_phase_of_the_interval(now: float, phase: float, wait: float) -> None:
    assert until_turn(now, phase, interval=5.0) == pytest.approx(wait)


async def test_printers_take_turns_spread_over_the_interval() -> None:
    voice = announcer(Recorded(), interval=5.0)
    async with AsyncExitStack() as stack:
        for number in range(20):
            await stack.enter_async_context(voice.announcing(serving(id=f"p{number}", serial=f"S{number}")))
        turns = sorted(printer.phase for printer in voice.printers)
    gaps = [later - earlier for earlier, later in pairwise([*turns, turns[0] + 5.0])]
    assert min(gaps) > 0.5 * 5.0 / 20
    assert max(gaps) < 2.0 * 5.0 / 20
