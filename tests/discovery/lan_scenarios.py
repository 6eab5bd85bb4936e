"""Two real LANs. Run by test_netns.py inside a network namespace of its own; the real ports are free there."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.common.nats_server import NatsServer
from tests.common.printers import SERIAL, as_certificate, certificate
from tests.discovery.lans import INSIDE, Lan, ip, lan
from tests.discovery.radio import Radio
from tests.discovery.running import Discovery, detect, discovery
from vprinter_common.contracts.status import State
from vprinter_common.wire import ssdp

pytestmark = pytest.mark.skipif(INSIDE not in os.environ, reason="runs inside test_netns.py")
SEARCH = b'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nST: urn:bambulab-com:device:3dprinter:1\r\n\r\n'


@pytest.fixture
def a() -> Iterator[Lan]:
    with lan("a0", "10.71.0.2", "10.71.0.10") as made:
        yield made


@pytest.fixture
def b() -> Iterator[Lan]:
    with lan("b0", "10.72.0.2", "10.72.0.20") as made:
        yield made


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    ip("link", "set", "lo", "up")
    with NatsServer(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return as_certificate(certificate(tmp_path_factory.mktemp("lans") / "certs")[1])


async def alive(radio: Radio) -> tuple[str, tuple[str, int]]:
    """Location and sender of the next announcement."""
    while True:
        data, sender = await radio.receive(15)
        said = ssdp.parse(data)
        if isinstance(said, ssdp.Alive):
            assert said.announcement.serial == SERIAL
            return said.announcement.location, sender


async def everything(radio: Radio) -> list[object]:
    """What came, until nothing comes any more."""
    heard: list[object] = []
    with suppress(TimeoutError):
        while True:
            heard.append(await radio.hear(0.3))
    return heard


async def want_any(service: Discovery, identity: dict[str, str]) -> None:
    await service.want(bind={"any": True}, certificate=identity)
    await service.status_when(State.RUNNING)


async def test_each_lan_hears_the_address_it_can_reach_by_both_broadcasts_without_any_default_route(
    a: Lan, b: Lan, nats: NatsServer, identity: dict[str, str]
) -> None:
    with (
        a.radio("255.255.255.255") as a_limited,
        a.radio("10.71.0.255") as a_directed,
        b.radio("255.255.255.255") as b_limited,
        b.radio("10.72.0.255") as b_directed,
    ):
        async with discovery(nats, ssdp.PORT, ()) as service:
            await want_any(service, identity)
            for radio in (a_limited, a_directed):
                assert await alive(radio) == ("10.71.0.2", ("10.71.0.2", 2021))
            for radio in (b_limited, b_directed):
                assert await alive(radio) == ("10.72.0.2", ("10.72.0.2", 2021))


async def test_a_printer_at_an_address_is_heard_and_found_in_its_lan_only(
    a: Lan, b: Lan, nats: NatsServer, identity: dict[str, str]
) -> None:
    with a.radio() as in_a, b.radio() as in_b:
        async with discovery(nats, ssdp.PORT, ()) as service:
            await service.want(address="10.71.0.2", certificate=identity)
            await service.status_when(State.RUNNING)
            assert (await alive(in_a))[0] == "10.71.0.2"
            in_b.say(SEARCH, ("10.72.0.255", ssdp.PORT))
            in_b.say(SEARCH, ("10.72.0.2", ssdp.PORT))
            said = await in_b.hear(15)
            while isinstance(said, ssdp.Search):  # its own broadcast
                said = await in_b.hear(15)
            assert isinstance(said, ssdp.SearchResponse), "only the question to this very host is answered"
            with pytest.raises(TimeoutError):
                await in_b.receive(0.3)


async def test_a_search_is_answered_by_the_address_that_the_asker_reaches(
    a: Lan, b: Lan, nats: NatsServer, identity: dict[str, str]
) -> None:
    async with discovery(nats, ssdp.PORT, ()) as service:
        await want_any(service, identity)
        for network, broadcast, ours in ((a, "10.71.0.255", "10.71.0.2"), (b, "10.72.0.255", "10.72.0.2")):
            with network.there(lambda: Radio(0)) as asker:
                for question in (broadcast, ours):
                    asker.say(SEARCH, (question, ssdp.PORT))
                    data, sender = await asker.receive()
                    said = ssdp.parse(data)
                    assert isinstance(said, ssdp.SearchResponse)
                    assert said.announcement.location == ours
                    assert sender == (ours, ssdp.PORT)


async def test_an_interface_that_is_down_costs_the_other_lan_nothing_and_resumes(
    a: Lan, b: Lan, nats: NatsServer, identity: dict[str, str]
) -> None:
    with a.radio("10.71.0.255") as in_a, b.radio("10.72.0.255") as in_b:
        async with discovery(nats, ssdp.PORT, ()) as service:
            await want_any(service, identity)
            await alive(in_b)
            ip("link", "set", "b0", "down")
            await alive(in_a)
            await alive(in_a)
            ip("link", "set", "b0", "up")
            await alive(in_b)


async def test_an_address_that_leaves_stops_its_printer_without_goodbye_and_returning_starts_it(
    a: Lan, nats: NatsServer, identity: dict[str, str]
) -> None:
    floating = ("10.71.0.50/32", "dev", "a0")
    ip("addr", "add", *floating)
    with a.radio() as slicer:
        async with discovery(nats, ssdp.PORT, ()) as service:
            await service.want(address="10.71.0.50", certificate=identity)
            await service.status_when(State.RUNNING)
            assert await alive(slicer) == ("10.71.0.50", ("10.71.0.50", 2021))
            assert await detect("10.71.0.50", service.section.detect_port) == SERIAL

            ip("addr", "del", *floating)
            await service.status_gone()
            heard = await everything(slicer)
            assert not any(isinstance(said, ssdp.ByeBye) for said in heard)

            ip("addr", "add", *floating)
            assert await alive(slicer) == ("10.71.0.50", ("10.71.0.50", 2021))
            await service.status_when(State.RUNNING)
            assert await detect("10.71.0.50", service.section.detect_port) == SERIAL


async def test_a_real_printer_is_heard_with_the_interface_it_is_on(
    a: Lan, b: Lan, nats: NatsServer, identity: dict[str, str]
) -> None:
    real = ssdp.Announcement("10.72.0.20", "01P00A000000009", "C12", "Bench", "01.07.00.00")
    async with discovery(nats, ssdp.PORT, ()) as service:
        await want_any(service, identity)
        with b.radio() as printer:
            printer.say(ssdp.notify_alive(real), ("10.72.0.255", ssdp.PORT))
            heard = await service.heard()
            while not heard:
                heard = await service.heard()
        assert [(one.address, one.interface) for one in heard] == [("10.72.0.20", "b0")]


async def test_a_proxy_between_two_lans_passes_on_what_its_printer_says_and_follows_it_to_another_address(
    a: Lan, b: Lan, nats: NatsServer, identity: dict[str, str]
) -> None:
    real = ssdp.Announcement("10.72.0.20", SERIAL, "C12", "Bench", "01.07.00.00", connect="cloud", bind="occupied")
    target = {"id": "r1", "host": real.location, "serial": SERIAL, "model": "C12", "access_code": "12345678"}
    async with discovery(nats, ssdp.PORT, ()) as service:
        await service.want(
            bind={"any": True}, mode="proxy", model="C12", name="Relay", target=target, certificate=identity
        )
        await service.status_when(State.RUNNING)
        with a.radio() as slicer, b.radio() as printer:
            with pytest.raises(TimeoutError):
                await slicer.receive(0.5)
            for address in ("10.72.0.20", "10.72.0.21"):
                if address != real.location:
                    b.ip("addr", "add", f"{address}/24", "dev", "s0")
                with b.there(lambda at=address: Radio(0, at)) as moved:  # type: ignore[misc]
                    moved.say(ssdp.notify_alive(replace(real, location=address)), ("10.72.0.255", ssdp.PORT))
                while [one.address for one in await service.heard()] != [address]:
                    pass
                said = ssdp.parse((await slicer.receive(15))[0])
                assert isinstance(said, ssdp.Alive)
                found = said.announcement
                assert (found.serial, found.location, found.name) == (SERIAL, "10.71.0.2", "Relay")
                assert (found.connect, found.bind, found.version) == ("lan", "free", "01.07.00.00")
            heard = await everything(printer)
            assert {said.announcement.location for said in heard if isinstance(said, ssdp.Alive)} <= {
                "10.72.0.20",
                "10.72.0.21",
            }
