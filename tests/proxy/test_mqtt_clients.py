"""Clients that nobody here wrote, at a simulated printer, through a proxy."""

import asyncio
import json
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bambulabs_api.mqtt_client import PrinterMQTTClient
from bambulabs_api.states_info import GcodeState
from prometheus_client import CollectorRegistry

from tests.common.nats_server import free_port
from tests.common.printers import virtual_printer
from tests.proxy.rig import Rig, authority, serving
from tests.simulators.gates import Blocked
from tests.simulators.mqtt import Link
from tests.simulators.printer.printer import SimulatedPrinter, free_printer_ports
from vprinter_common.contracts.facts import CommandOutcome, CommandRelayed
from vprinter_common.wire.report import ip_as_u32_le

PROXY, PRINTER, SECOND = "127.0.4.21", "127.0.4.22", "10.66.0.9"
USER = "bblp"


@asynccontextmanager
async def house(model: str, allow: str = "control", **options: Any) -> AsyncIterator[tuple[Rig, SimulatedPrinter, int]]:
    """A simulated printer, a proxy in front of it, and the proxy's port."""
    ports, port = free_printer_ports(), free_port()
    printer = SimulatedPrinter(PRINTER, model=model, ports=ports, other_addresses=(SECOND,), **options)
    await asyncio.to_thread(printer.start)
    try:
        target = {
            "id": "r1",
            "host": PRINTER,
            "serial": printer.serial,
            "model": model,
            "access_code": printer.access_code,
            "fingerprint": printer.identity.fingerprint,
        }
        spec = virtual_printer(
            PROXY,
            mode="proxy",
            model=model,
            serial=printer.serial,
            target=target,
            relay={"camera": False, "allow": allow},
        )
        where: dict[str, Any] = {"mqtt_port": port, "ftps_port": free_port(), "printers": {"mqtt": ports.mqtt}}
        async with serving(spec, CollectorRegistry(), **where) as rig:
            yield rig, printer, port
    finally:
        await asyncio.to_thread(printer.stop)


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(authority().certificate_pem)
    return path


def connected(printer: SimulatedPrinter, port: int) -> Link:
    """A slicer's session through the proxy; raises Blocked."""
    link = Link(PROXY, port, ca_pem=authority().certificate_pem, serial=printer.serial)
    try:
        link.connect(f"studio_client_id:{secrets.token_hex(2)}", USER, printer.access_code)
    except Blocked:
        link.close(polite=False)
        raise
    return link


async def mosquitto(program: str, printer: SimulatedPrinter, port: int, ca_file: Path, *more: str) -> tuple[int, bytes]:
    """Its exit status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(program, "-h", PROXY, "-p", str(port), "--cafile", str(ca_file), "--insecure", "-V", "mqttv311"),
        *("-u", USER, "-P", printer.access_code, *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out


async def push_on(printer: SimulatedPrinter, enough: asyncio.Event) -> None:
    """Full reports, a few a second; not to be cancelled, for the thread would go on and find the printer gone."""
    while not enough.is_set():
        await asyncio.to_thread(printer.push_all)
        await asyncio.sleep(0.1)


@pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="mosquitto's clients are not installed")
async def test_mosquitto_gets_reports_that_lead_to_the_proxy(ca_file: Path) -> None:
    async with house("O1D", period=0.2) as (_, printer, port):
        topic, ask = f"device/{printer.serial}", '{"pushing": {"command": "pushall", "sequence_id": "1"}}'
        publish = ("-i", "pub", "-q", "1", "-t", f"{topic}/request", "-m", ask)
        code, out = await mosquitto("mosquitto_pub", printer, port, ca_file, *publish)
        assert code == 0, out
        assert printer.commands == ["pushing.pushall"]
        listen = ("-i", "sub", "-t", f"{topic}/report", "-C", "3", "-W", "20")
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(push_on(printer, enough))
            code, out = await mosquitto("mosquitto_sub", printer, port, ca_file, *listen)
            enough.set()
        assert code == 0, out
        assert str(ip_as_u32_le(PROXY)).encode() in out
        assert f"rtsps://{PROXY}:322/".encode() in out
        for address in (PRINTER, SECOND):
            assert address.encode() not in out
            assert str(ip_as_u32_le(address)).encode() not in out


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning")
async def test_bambulabs_api_prints_and_watches() -> None:
    async with house("C12", period=0.1, print_seconds=1.0) as (rig, printer, port):
        client = PrinterMQTTClient(PROXY, printer.access_code, printer.serial, port=port)

        def until(condition: Callable[[], object], what: str) -> None:
            printer.wait_for(condition, what, 20)

        def work() -> None:
            client.connect()
            client.start()  # type: ignore[no-untyped-call]
            try:
                until(client.ready, "bambulabs-api is ready")
                client.info_get_version()
                until(client.firmware_version, "bambulabs-api knows the firmware")
                client.start_print_3mf("by bambulabs-api.gcode.3mf", 1)
                until(lambda: client.get_printer_state() is GcodeState.FINISH, "bambulabs-api saw the print finish")
            finally:
                client.stop()  # type: ignore[no-untyped-call]

        await asyncio.to_thread(work)
        assert "print.project_file" in printer.commands
        told = [(fact.command, fact.outcome) for fact in rig.bus.facts if isinstance(fact, CommandRelayed)]
        assert ("print.project_file", CommandOutcome.PASSED) in told


async def test_a_signed_command_reaches_the_printer_as_the_slicer_signed_it() -> None:
    async with house("O1D", signed=True) as (_, printer, port):
        signed = b'{"print":{"command":"pause","sequence_id":"20007"} ,"header":{"sign_string":"c2lnbmVk"}}\0'

        def work() -> None:
            link = connected(printer, port)
            link.subscribe(f"device/{printer.serial}/report")
            link.publish(f"device/{printer.serial}/request", signed, 1)
            link.publish(f"device/{printer.serial}/request", b'{"print":{"command":"resume","sequence_id":"1"}}', 1)
            printer.wait_for(lambda: any(b"verify failed" in got.payload for got in link.received), "a refusal passes")
            flags = [json.loads(got.payload).get("print", {}).get("fun", "0") for got in link.received]
            assert {int(each, 16) >> 29 & 1 for each in flags if each != "0"} <= {1}, "bit 29 is the printer's word"
            link.close()

        await asyncio.to_thread(work)
        assert printer.received[0].payload == signed


async def test_sessions_that_the_printer_has_no_room_for_are_refused_in_its_words_and_the_others_go_on() -> None:
    async with house("N2S", session_limit=1, period=0.1) as (rig, printer, port):

        def work() -> None:
            first = connected(printer, port)
            first.subscribe(f"device/{printer.serial}/report")
            with pytest.raises(Blocked, match="CONNACK 3"):
                connected(printer, port)
            seen = len(first.received)
            printer.wait_for(lambda: len(first.received) > seen, "the first is still served")
            first.close()
            printer.wait_for(lambda: not printer.sessions, "the printer has room again")
            connected(printer, port).close()

        await asyncio.to_thread(work)
        assert rig.metric("vprinter_proxy_upstream_failures_total", reason="too_many_sessions") == 1


async def test_a_printer_that_was_switched_off_and_on_is_found_again() -> None:
    async with house("C12", period=0.1) as (rig, printer, port):

        def work() -> None:
            link = connected(printer, port)
            link.subscribe(f"device/{printer.serial}/report")
            printer.wait_for(lambda: link.received, "it reports")
            printer.power_off()
            printer.wait_for(lambda: link.closed, "the slicer is told")
            link.close(polite=False)
            printer.power_on()

        for _ in range(2):
            await asyncio.to_thread(work)
        assert rig.metric("vprinter_proxy_closed_sessions_total", reason="printer_left") == 2


@pytest.mark.full
async def test_many_sessions_leave_nothing_behind() -> None:
    async with house("C12") as (rig, printer, port):

        def connect(times: int) -> None:
            for number in range(times):
                connected(printer, port).close(polite=number % 2 == 0)

        def held() -> tuple[int, int]:
            return len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())

        await asyncio.to_thread(connect, 20)
        await rig.until(lambda: not rig.serving.sessions and not printer.sessions)
        before = held()
        await asyncio.to_thread(connect, 500)
        await rig.until(lambda: not rig.serving.sessions and not printer.sessions)
        await rig.until(lambda: held() <= before)
