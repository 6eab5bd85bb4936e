"""The whole service with a real NATS server, on loopback."""

import re
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.common.nats_server import NatsServer
from tests.common.ports import free_port
from tests.common.printers import SERIAL, as_certificate, certificate
from tests.discovery.radio import BROADCAST, Radio
from tests.discovery.running import detect, discovery
from vprinter_common.contracts import subjects
from vprinter_common.contracts.requests import Heard, SelfCheck
from vprinter_common.contracts.status import ListenerState, PrinterStatus, State
from vprinter_common.wire import ssdp


@pytest.fixture(scope="module")
def leaf_and_ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    ca, leaf = certificate(tmp_path_factory.mktemp("service") / "certs")
    return as_certificate(leaf), ca.certificate_pem


@pytest.fixture
def nats(tmp_path: Path) -> Any:
    with NatsServer(tmp_path) as server:
        yield server


async def test_a_wanted_printer_is_announced_found_and_detected_and_says_goodbye_when_it_is_removed(
    nats: NatsServer, leaf_and_ca: tuple[dict[str, str], str]
) -> None:
    certificate_of_printer, ca_pem = leaf_and_ca
    with Radio(free_port()) as slicer:
        async with discovery(nats, slicer.port) as service:
            await service.want(address="127.0.0.71", certificate=certificate_of_printer)
            said = await slicer.hear()
            assert isinstance(said, ssdp.Alive)
            assert (said.announcement.serial, said.announcement.location) == (SERIAL, "127.0.0.71")

            status = await service.status_when(State.RUNNING)
            assert {(one.name, one.address, one.port) for one in status.listeners} == {
                ("ssdp", "0.0.0.0", service.section.ssdp_port),
                ("detect", "127.0.0.71", service.section.detect_port),
                ("detect-tls", "127.0.0.71", service.section.detect_tls_port),
            }
            assert await detect("127.0.0.71", service.section.detect_port) == SERIAL
            assert await detect("127.0.0.71", service.section.detect_tls_port, ca_pem) == SERIAL

            with Radio(0) as asker:
                asker.say(
                    b'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nST: ssdp:all\r\n\r\n', (BROADCAST, slicer.port)
                )
                answer = await asker.hear()
                assert isinstance(answer, ssdp.SearchResponse)
                assert answer.announcement.serial == SERIAL

            await service.bus.delete(subjects.PRINTERS, "p1")
            while not isinstance(said, ssdp.ByeBye):
                said = await slicer.hear()
            assert said.serial == SERIAL


async def test_a_stopped_service_says_goodbye_for_its_printers(
    nats: NatsServer, leaf_and_ca: tuple[dict[str, str], str]
) -> None:
    with Radio(free_port()) as slicer:
        async with discovery(nats, slicer.port) as service:
            await service.want(address="127.0.0.71", certificate=leaf_and_ca[0])
            assert isinstance(await slicer.hear(), ssdp.Alive)
            await service.status_when(State.RUNNING)
        said = [await slicer.hear()]
        while not isinstance(said[-1], ssdp.ByeBye):
            said.append(await slicer.hear())
        assert [await slicer.hear() for _ in range(2)] == [ssdp.ByeBye(SERIAL)] * 2


async def test_real_printers_are_heard_and_our_own_are_not_among_them(
    nats: NatsServer, leaf_and_ca: tuple[dict[str, str], str]
) -> None:
    port = free_port()
    async with discovery(nats, port) as service:
        await service.want(address="127.0.0.71", certificate=leaf_and_ca[0])
        await service.status_when(State.RUNNING)
        real = ssdp.Announcement("127.0.0.90", "01P00A000000009", "C12", "Bench", "01.07.00.00")
        with Radio(0, "127.0.0.90") as printer:
            printer.say(ssdp.notify_alive(real), (BROADCAST, port))
            printer.say(b"NOTIFY * HTTP/1.1\r\nNT: upnp:rootdevice\r\n\r\n", (BROADCAST, port))
            heard = await service.ask("heard", Heard)
            while not heard.printers:
                heard = await service.ask("heard", Heard)
            assert [(one.serial, one.address) for one in heard.printers] == [("01P00A000000009", "127.0.0.90")]
            printer.say(ssdp.notify_byebye(real.serial), (BROADCAST, port))
            while (await service.ask("heard", Heard)).printers:
                pass


async def test_a_taken_ssdp_port_is_shown_with_its_owner_while_the_rest_works(
    nats: NatsServer, leaf_and_ca: tuple[dict[str, str], str]
) -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as selfish:
        selfish.bind(("0.0.0.0", port))
        async with discovery(nats, port) as service:
            await service.want(address="127.0.0.71", certificate=leaf_and_ca[0])
            status = await service.status_when(State.DEGRADED)
            failed = next(one for one in status.listeners if one.state is ListenerState.FAILED)
            assert failed.name == "ssdp"
            assert failed.error is not None
            assert f"ssdp needs port {port}/udp on 0.0.0.0, but " in failed.error
            check = await service.ask("selfcheck", SelfCheck)
            assert not check.ready
            assert failed.error in check.problems
            assert await detect("127.0.0.71", service.section.detect_port) == SERIAL
            async with aiohttp.ClientSession() as http, http.get(f"{service.admin}/readyz") as answer:
                assert answer.status == 200
                assert (await answer.json())["status"] == "degraded"
            selfish.close()
            await service.status_when(State.RUNNING)
            assert (await service.ask("selfcheck", SelfCheck)).ready


async def test_metrics_tell_of_announcements_and_detect(
    nats: NatsServer, leaf_and_ca: tuple[dict[str, str], str]
) -> None:
    async with discovery(nats, free_port()) as service:
        await service.want(address="127.0.0.71", certificate=leaf_and_ca[0])
        await service.status_when(State.RUNNING)
        await detect("127.0.0.71", service.section.detect_port)
        async with aiohttp.ClientSession() as http, http.get(f"{service.admin}/metrics") as answer:
            text = await answer.text()
        # Its next turn may be soon.
        assert re.search(
            r'^vprinter_discovery_announcements_total\{kind="alive",printer="p1"\} [1-9]', text, re.MULTILINE
        )
        assert 'vprinter_detect_requests_total{listener="detect",outcome="answered",printer="p1"} 1.0' in text
        assert 'vprinter_listener_bound{listener="ssdp",printer="p1"} 1.0' in text


async def test_a_proxy_answers_detect_as_its_printer_and_is_silent_beside_it(
    nats: NatsServer, leaf_and_ca: tuple[dict[str, str], str]
) -> None:
    port = free_port()
    with Radio(port) as slicer, Radio(0, "127.0.0.90") as printer:
        async with discovery(nats, port) as service:
            serial, host = "01P00A000000009", "127.0.0.90"
            target = {"id": "r1", "host": host, "serial": serial, "model": "C12", "access_code": "12345678"}
            await service.want(
                address="127.0.0.71",
                certificate=leaf_and_ca[0],
                mode="proxy",
                serial=serial,
                model="C12",
                target=target,
            )
            await service.status_when(State.RUNNING)
            real = ssdp.Announcement(host, serial, "C12", "Bench", "01.07.00.00")
            printer.say(ssdp.notify_alive(real), (BROADCAST, port))
            while not (heard := await service.heard()):
                pass
            assert [(one.serial, one.address) for one in heard] == [(serial, host)]
            assert await detect("127.0.0.71", service.section.detect_port) == serial
        assert await slicer.hear() == ssdp.Alive(real)
        with pytest.raises(TimeoutError):
            await slicer.receive(within=0.3)


async def test_a_proxy_without_a_printer_and_one_that_is_switched_off_are_not_served(nats: NatsServer) -> None:
    async with discovery(nats, free_port()) as service:
        await service.want(id="p2", address="127.0.0.1", serial="S2", enabled=False)
        await service.want(address="127.0.0.71", mode="proxy")
        status = await service.status_when(State.FAILED)
        assert status.error == "proxy mode needs a real printer behind it: choose one"
        assert set(await service.bus.read(subjects.STATUS, PrinterStatus)) == {"p1.discovery.node"}
