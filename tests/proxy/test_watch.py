"""Our own session with a real printer."""

import asyncio
import json
import ssl
import tempfile
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tests.common.waiting import until
from tests.proxy.watching import real_printer, watching
from tests.simulators.printer.broker import WhenFull
from tests.simulators.printer.printer import SimulatedPrinter, free_printer_ports
from vprinter_common.contracts.target import RealPrinter, TargetTrouble
from vprinter_proxy.watch import session as session_module
from vprinter_proxy.watch import watcher as watcher_module


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "PACE", 0.05)
    monkeypatch.setattr(watcher_module, "RETRY_FIRST", 0.1)
    monkeypatch.setattr(watcher_module, "RETRY_MOST", 0.4)


@pytest.fixture(scope="module")
def shared() -> Iterator[SimulatedPrinter]:
    """For tests that leave it as it was."""
    with SimulatedPrinter("127.9.40.1", model="C12", ports=free_printer_ports(), period=0.2) as printer:
        yield printer


@pytest.fixture
def printer() -> Iterator[SimulatedPrinter]:
    with SimulatedPrinter("127.9.40.2", model="X1C", ports=free_printer_ports(), period=0.2) as printer:
        yield printer


async def test_everything_is_asked_for_once_and_what_follows_is_merged(shared: SimulatedPrinter) -> None:
    already = len(shared.commands)
    async with watching(real_printer(shared), shared.ports.mqtt) as watched:
        status = await watched.says(lambda status: status.online and status.firmware and status.state)
        assert (status.target, status.node, status.address, status.trouble) == ("r1", "node1", shared.address, None)
        assert (status.fingerprint, status.firmware) == (shared.identity.fingerprint, shared.model.firmware)
        assert (status.state, status.percent, status.bed_celsius) == ("IDLE", 0, 24.75)
        shared.push({"vt_tray": {"tray_type": "TPU"}, "gcode_state": "PAUSE"})
        await watched.says(lambda status: status.state == "PAUSE")
        await until(lambda: watched.report["vt_tray"]["tray_type"] == "TPU")
        assert watched.report["vt_tray"]["id"] == "254"
        assert [tray.get("tray_type") for tray in watched.report["ams"]["ams"][0]["tray"]] == [
            "PLA",
            "PETG",
            "ABS",
            None,
        ]
    assert shared.commands[already:] == ["info.get_version", "pushing.pushall"]
    await until(lambda: not shared.sessions)


async def test_a_command_goes_out_at_qos_1_as_it_was_written_and_its_answer_is_told(shared: SimulatedPrinter) -> None:
    async with watching(real_printer(shared), shared.ports.mqtt) as watched:
        await watched.says(lambda status: status.online)
        text = '{"system": {"sequence_id":"20010",  "command":"ledctrl","led_mode":"on"}}'
        watched.command(text)
        await until(lambda: any(said.get("system", {}).get("sequence_id") == "20010" for said in watched.said))
        sent = shared.received[-1]
        assert (sent.payload.decode(), sent.qos) == (text, 1)
        watched.command(json.dumps({"print": {"command": "x" * 300_000}}))
        await until(lambda: watched.status.online)
        assert shared.received[-1] is sent


@pytest.mark.parametrize(
    ("wrong", "trouble", "advice"),
    [
        ({"access_code": "WrongOne"}, TargetTrouble.ACCESS_CODE, "type the one that the printer shows"),
        ({"serial": "01P00C999999999"}, TargetTrouble.WRONG_PRINTER, "correct the address or the serial number"),
        ({"fingerprint": "0" * 64}, TargetTrouble.CERTIFICATE_CHANGED, "accept it if that is right"),
        ({"host": "127.9.40.77"}, TargetTrouble.REFUSED, "is it the printer"),
        ({"host": "printer.invalid"}, TargetTrouble.UNREACHABLE, "check its address"),
    ],
    ids=lambda value: value.value if isinstance(value, TargetTrouble) else "",
)
async def test_what_is_wrong_is_said_with_what_to_do(
    shared: SimulatedPrinter, wrong: dict[str, str], trouble: TargetTrouble, advice: str
) -> None:
    connects = shared.broker.connects
    async with watching(real_printer(shared, **wrong), shared.ports.mqtt) as watched:
        status = await watched.says(lambda status: status.trouble is trouble)
        assert not status.online
        assert advice in (status.error or "")
        if trouble is TargetTrouble.CERTIFICATE_CHANGED:
            assert status.fingerprint == shared.identity.fingerprint
    assert shared.broker.connects == connects, "the access code went to somebody else"


async def test_a_certificate_that_was_seen_first_can_be_pinned_without_a_new_session(shared: SimulatedPrinter) -> None:
    async with watching(real_printer(shared), shared.ports.mqtt) as watched:
        seen = (await watched.says(lambda status: status.online)).fingerprint
        connects = shared.broker.connects
        assert watched.watcher.goes_on_with(real_printer(shared, fingerprint=seen, name="Other"))
        assert not watched.watcher.goes_on_with(real_printer(shared, fingerprint="0" * 64))
        assert not watched.watcher.goes_on_with(real_printer(shared, fingerprint=seen, access_code="Another1"))
        await until(lambda: watched.status.online)
        assert shared.broker.connects == connects


async def test_who_cannot_wait_for_a_login_leaves_nothing_behind() -> None:
    """The printer takes connections and says nothing, as one that is starting."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.9.40.3", 0)
    port = server.sockets[0].getsockname()[1]
    silent = RealPrinter(
        id="r1",
        revision=1,
        name="Silent",
        host="127.9.40.3",
        serial="s",
        model="C12",
        access_code=SecretStr("12345678"),
    )
    try:
        async with watching(silent, port):
            await until(lambda: len(held) > 1)
            for writer in held:
                writer.transport.abort()
    finally:
        server.close()
        await server.wait_closed()


async def test_a_printer_that_falls_silent_and_one_that_comes_back_are_noticed(
    printer: SimulatedPrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (session_module, watcher_module):
        monkeypatch.setattr(module, "SILENT_AFTER", 1.0)
    async with watching(real_printer(printer), printer.ports.mqtt) as watched:
        await watched.says(lambda status: status.online)
        printer.go_silent()
        status = await watched.says(lambda status: status.trouble is TargetTrouble.SILENT)
        assert not status.online
        await asyncio.to_thread(printer.power_off)
        await watched.says(lambda status: status.trouble is TargetTrouble.REFUSED)
        printer.speak()
        await asyncio.to_thread(printer.power_on)
        await watched.says(lambda status: status.online and not status.trouble)


async def test_where_no_further_session_is_to_be_had_what_passes_to_a_slicer_is_heard(
    printer: SimulatedPrinter,
) -> None:
    printer.refuse_sessions()
    async with watching(real_printer(printer), printer.ports.mqtt) as watched:
        await watched.says(lambda status: status.trouble is TargetTrouble.BUSY)
        with watched.reports.relayed("r1") as hear:
            hear(json.dumps(printer.machine.full()).encode())
            hear(b"no JSON")
            hear(json.dumps({"print": {"command": "push_status", "msg": 1, "gcode_state": "RUNNING"}}).encode())
            status = await watched.says(lambda status: status.state == "RUNNING")
            assert (status.online, status.trouble) == (True, None)
            assert watched.report["ams"]["ams"]
            connects = printer.broker.connects
            await until(lambda: watched.watcher._patience is None)  # an attempt that had begun would be let in now
            printer.refuse_sessions(refuse=False)
            hear(json.dumps({"print": {"command": "pause", "sequence_id": "7"}}).encode())
            await until(lambda: watched.said)
            assert printer.broker.connects == connects
        await watched.says(lambda status: status.online and status.state == "IDLE")


async def test_a_printer_that_ends_its_oldest_session_for_a_slicer_is_left_to_the_slicer(
    printer: SimulatedPrinter,
) -> None:
    printer.broker.session_limit, printer.broker.when_full = 1, WhenFull.EVICT
    async with watching(real_printer(printer), printer.ports.mqtt) as watched:
        await watched.says(lambda status: status.online)
        with watched.reports.relayed("r1") as hear:
            printer.drop_sessions()
            await until(lambda: not printer.sessions)
            connects = printer.broker.connects
            for _ in range(20):
                hear(json.dumps(printer.machine.delta()).encode())
                await asyncio.sleep(0.05)
            assert (watched.status.online, printer.broker.connects) == (True, connects)


async def test_a_slicer_that_the_printer_refuses_is_given_way(
    printer: SimulatedPrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    printer.broker.session_limit = 1
    async with watching(real_printer(printer), printer.ports.mqtt) as watched:
        await watched.says(lambda status: status.online)
        watched.reports.refused("r1")
        await until(lambda: not printer.sessions)
        connects = printer.broker.connects
        with watched.reports.relayed("r1") as hear:
            for _ in range(20):
                hear(json.dumps(printer.machine.delta()).encode())
                await asyncio.sleep(0.05)
            assert (watched.status.online, printer.broker.connects) == (True, connects)
        await until(lambda: watched.watcher.connected)
        monkeypatch.setattr(watcher_module, "GIVEN_WAY", 0.2)
        watched.reports.refused("r1")  # and it does not come again
        await until(lambda: printer.broker.connects == connects + 2)


async def test_a_printer_that_hangs_up_instead_of_answering_a_login_has_no_session_free(
    printer: SimulatedPrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "CONNACK_WITHIN", 0.5)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(printer.identity.chain_pem + printer.identity.key_pem)
        file.flush()
        context.load_cert_chain(file.name)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.9.40.4", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        async with watching(real_printer(printer, host="127.9.40.4"), port) as watched:
            status = await watched.says(lambda status: status.trouble is TargetTrouble.BUSY)
            assert "close one of the slicers" in (status.error or "")
    finally:
        server.close()
        await server.wait_closed()
