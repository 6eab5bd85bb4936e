"""Whether slicers can reach the printers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Interface

import pytest
from aiohttp import web

from vprinter_cli.outlook import control_answers, missing_services, outlook
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.status import ListenerState, ListenerStatus, PrinterStatus, State
from vprinter_common.net import Interface

HERE = (Interface("lo", (IPv4Interface("127.0.0.1/8"),)), Interface("eth0", (IPv4Interface("192.168.1.20/24"),)))


def a_printer(**changes: object) -> VirtualPrinter:
    known = {
        "id": "p1",
        "revision": 1,
        "name": "Virtual Printer",
        "enabled": True,
        "mode": "immediate",
        "model": "BL-P001",
        "serial": "00M00A000000001",
        "access_codes": [{"id": "c1", "code": "12345678"}],
        "bind": {"address": "192.168.1.20"},
        "certificate": {"chain_pem": "", "key_pem": ""},
    }
    return VirtualPrinter.model_validate({**known, **changes})


def a_status(service: str, state: State = State.RUNNING, listeners: Sequence[ListenerStatus] = ()) -> PrinterStatus:
    return PrinterStatus(
        printer="p1",
        service=service,
        node="here",
        state=state,
        revision=1,
        address="192.168.1.20",
        listeners=tuple(listeners),
        since=datetime.now(UTC),
    )


def a_listener(state: ListenerState, error: str | None = None) -> ListenerStatus:
    return ListenerStatus(name="FTPS", address="192.168.1.20", port=990, state=state, error=error)


ALL_WELL = tuple(map(a_status, ("discovery", "ftps", "mqtt")))


def test_a_printer_that_every_service_serves_has_no_problem() -> None:
    view = outlook(a_printer(), ALL_WELL, HERE)
    assert (view.name, view.model, view.mode, view.address) == ("Virtual Printer", "X1C", "immediate", "192.168.1.20")
    assert view.access_codes == ("12345678",)
    assert view.problems == ()


def test_the_exact_error_of_a_listener_is_told() -> None:
    failed = a_status("ftps", State.DEGRADED, [a_listener(ListenerState.FAILED, "FTPS needs port 990")])
    view = outlook(a_printer(), (ALL_WELL[0], failed, ALL_WELL[2]), HERE)
    assert view.problems == ("FTPS needs port 990",)


def test_a_service_that_failed_altogether_is_told() -> None:
    failed = a_status("mqtt", State.FAILED).model_copy(update={"error": "ValueError: no"})
    assert outlook(a_printer(), (*ALL_WELL[:2], failed), HERE).problems == ("mqtt: ValueError: no",)


@pytest.mark.parametrize(
    "unfinished",
    [
        a_status("ftps", State.STARTING),
        a_status("ftps", State.DEGRADED, [a_listener(ListenerState.OPENING)]),
        a_status("ftps").model_copy(update={"printer": "another"}),
    ],
)
def test_a_service_that_has_not_finished_is_waited_for(unfinished: PrinterStatus) -> None:
    assert missing_services(a_printer(), (ALL_WELL[0], unfinished, ALL_WELL[2])) == ["ftps"]


def test_a_proxy_is_not_served_by_ftps_and_mqtt() -> None:
    assert missing_services(a_printer(mode="proxy"), ()) == ["discovery", "proxy"]


def test_a_printer_of_another_host_says_so_instead_of_missing_services() -> None:
    view = outlook(a_printer(bind={"address": "192.168.1.99"}), (), HERE)
    assert view.problems == ("address 192.168.1.99 is not on this host",)
    assert view.address == "192.168.1.99"


def test_a_silent_service_is_named() -> None:
    assert outlook(a_printer(), ALL_WELL[:2], HERE).problems == ("mqtt has not said yet how it fares",)


async def test_control_is_waited_for() -> None:
    async def document(_request: web.Request) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.add_routes([web.get("/api/v1/openapi.json", document)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        assert await control_answers(f"http://127.0.0.1:{port}", within=30)
    finally:
        await runner.cleanup()
    assert not await control_answers(f"http://127.0.0.1:{port}", within=0.3)
