"""A look at a real printer before it is trusted."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.printer.printer import SimulatedPrinter, free_printer_ports
from vprinter_common.contracts.requests import ProbeTarget, TargetProbe
from vprinter_common.contracts.target import TargetTrouble
from vprinter_proxy import probe as probe_module
from vprinter_proxy.probe import Prober
from vprinter_proxy.settings import PrinterPorts


@pytest.fixture(scope="module")
def printer() -> Iterator[SimulatedPrinter]:
    with SimulatedPrinter(
        "127.9.41.1", model="H2D", ports=free_printer_ports(), name="Big One", signed=True
    ) as running:
        yield running


@pytest.fixture(scope="module")
def older() -> Iterator[SimulatedPrinter]:
    ports = free_printer_ports()
    with SimulatedPrinter("127.9.41.2", model="A1", ports=ports, connect="cloud", bind="occupied") as running:
        yield running


async def look(printer: SimulatedPrinter, **asked: Any) -> TargetProbe:
    at = printer.ports
    ports = PrinterPorts(
        detect=at.detect, detect_tls=at.detect_tls, mqtt=at.mqtt, ftps=at.ftps, tunnel=at.tunnel, rtsps=at.rtsps
    )
    return await Prober(ports).look(ProbeTarget.model_validate({"host": printer.address} | asked))


async def test_without_a_code_all_is_seen_but_what_is_inside(printer: SimulatedPrinter) -> None:
    found = await look(printer)
    assert (found.trouble, found.error, found.address) == (None, None, printer.address)
    assert (found.serial, found.model, found.name) == (printer.serial, "O1D", "Big One")
    assert (found.firmware, found.lan_mode) == (printer.model.firmware, True)
    assert found.fingerprint == printer.identity.fingerprint
    assert (found.certificate_subject, found.certificate_issuer) == (f"CN={printer.serial}", "CN=Simulated Device CA")
    assert {each.port for each in found.ports if each.open} == {
        getattr(printer.ports, name) for name in ("detect", "detect_tls", "mqtt", "ftps", "tunnel", "rtsps")
    }
    assert (found.code_accepted, found.developer_mode) == (None, None)
    assert not printer.broker.connects


async def test_with_the_code_developer_mode_is_seen_too(printer: SimulatedPrinter, older: SimulatedPrinter) -> None:
    found = await look(printer, access_code=printer.access_code, serial=printer.serial)
    assert (found.code_accepted, found.developer_mode, found.trouble) == (True, False, None)
    found = await look(older, access_code=older.access_code, fingerprint=older.identity.fingerprint)
    assert (found.code_accepted, found.developer_mode, found.lan_mode, found.trouble) == (True, None, False, None)
    closed = [(each.port, each.error) for each in found.ports if not each.open]
    assert closed == [(older.ports.rtsps, "connection refused")]


@pytest.mark.parametrize(
    ("wrong", "trouble", "advice"),
    [
        ({"access_code": "WrongOne"}, TargetTrouble.ACCESS_CODE, "type the access code that the printer shows now"),
        ({"serial": "01P00C999999999", "access_code": "x"}, TargetTrouble.WRONG_PRINTER, "correct the address"),
        (
            {"fingerprint": "0" * 64, "access_code": "x"},
            TargetTrouble.CERTIFICATE_CHANGED,
            "accept it if that is right",
        ),
        ({"host": "127.9.41.77"}, TargetTrouble.REFUSED, "with LAN mode switched on"),
        ({"host": "printer.invalid"}, TargetTrouble.UNREACHABLE, "correct the name"),
    ],
    ids=["code", "serial", "certificate", "closed", "name"],
)
async def test_what_stops_it_is_said_with_what_to_do(
    printer: SimulatedPrinter, wrong: dict[str, str], trouble: TargetTrouble, advice: str
) -> None:
    connects = printer.broker.connects
    found = await look(printer, **wrong)
    assert found.trouble is trouble
    assert advice in (found.error or "")
    assert (found.code_accepted is False) == (trouble is TargetTrouble.ACCESS_CODE)
    assert printer.broker.connects == connects


async def test_a_printer_without_a_free_session_is_busy(printer: SimulatedPrinter) -> None:
    printer.refuse_sessions()
    try:
        found = await look(printer, access_code=printer.access_code)
    finally:
        printer.refuse_sessions(refuse=False)
    assert (found.trouble, found.fingerprint) == (TargetTrouble.BUSY, printer.identity.fingerprint)


async def test_something_that_takes_connections_and_says_nothing_does_not_hold_up_the_answer(
    printer: SimulatedPrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.9.41.3", printer.ports.mqtt)
    monkeypatch.setattr(probe_module, "WITHIN", 0.5)
    found = await look(printer, host="127.9.41.3", access_code="12345678")
    assert (found.trouble, found.address) == (TargetTrouble.SILENT, "127.9.41.3")
    for writer in held:
        writer.transport.abort()
    server.close()
    await server.wait_closed()
