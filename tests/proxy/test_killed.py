"""The service as a process: killed, started again, and changed under way."""

import asyncio
import os
import random
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest
from prometheus_client import CollectorRegistry

from tests.common.nats_server import NatsServer, free_port
from tests.ftps.client import RawClient
from tests.proxy.ftps_rig import CODE, NETWORK, PRINTER, PROXY, proxy_for
from tests.simulators.mqtt import Link
from tests.simulators.printer.printer import Character, SimulatedPrinter, free_printer_ports
from tests.simulators.slicer import USER
from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.status import PrinterStatus, State

pytestmark = pytest.mark.full

CONTENT = random.Random(9).randbytes(2_000_000)
OTHER = f"{NETWORK}.5"
CYCLES, WARM_UP = 5_000, 1_000
GROWTH = 6 << 20
"""Bytes by which the process may be larger afterwards: allocators keep some of what was freed."""


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path) as server:
        yield server


@dataclass(slots=True)
class Service:
    """The proxy as a process, in front of a printer."""

    environ: dict[str, str]
    bus: Bus
    printer: SimulatedPrinter
    spec: VirtualPrinter
    port: int
    ca_file: Path
    process: Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vprinter_proxy"), env=self.environ, stderr=asyncio.subprocess.DEVNULL
        )

    async def end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        await self.process.wait()

    async def serves(self, *specs: VirtualPrinter) -> None:
        """Wait until it serves these, as they are now."""
        wanted = {subjects.status_key(spec.id, "proxy", "node"): spec.revision for spec in specs}
        async with asyncio.timeout(30):
            async for statuses in self.bus.watch(subjects.STATUS, PrinterStatus):
                running = {key: one.revision for key, one in statuses.items() if one.state is State.RUNNING}
                if wanted.items() <= running.items():
                    return

    def client(self, address: str = PROXY) -> RawClient:
        return RawClient(self.port, self.ca_file, address)

    async def sends(self) -> str:
        """A whole upload; its last reply."""

        def send() -> str:
            with self.client() as client:
                return client.login(CODE).store("cube.gcode.3mf", CONTENT)

        return await asyncio.to_thread(send)


@asynccontextmanager
async def served(tmp_path: Path, nats: NatsServer) -> AsyncIterator[Service]:
    ports, own, tunnel = free_printer_ports(), free_port(), free_port()
    printer = SimulatedPrinter(
        PRINTER, character=Character.LATE, access_code=CODE, ports=ports, final_delay=0.0, session_limit=64
    )
    await asyncio.to_thread(printer.start)
    environ = os.environ | {
        "VPRINTER_DATA_DIR": str(tmp_path / "data"),
        "VPRINTER_NODE": "node",
        "VPRINTER_ADMIN__PORT": str(free_port()),
        "VPRINTER_NATS__URL": nats.settings.url,
        "VPRINTER_NATS__USER": "test",
        "VPRINTER_NATS__PASSWORD": nats.password,
        "VPRINTER_PROXY__FTPS_PORT": str(own),
        "VPRINTER_PROXY__MQTT_PORT": str(free_port()),
        "VPRINTER_PROXY__TUNNEL_PORT": str(tunnel),
        "VPRINTER_PROXY__PRINTERS__FTPS": str(ports.ftps),
        "VPRINTER_PROXY__PRINTERS__MQTT": str(ports.mqtt),
        "VPRINTER_PROXY__PRINTERS__TUNNEL": str(ports.tunnel),
    }
    spec = proxy_for(printer, tmp_path, {})
    async with Bus(nats.settings, "control", CollectorRegistry()) as bus:
        service = Service(environ, bus, printer, spec, own, tmp_path / "ca" / "bbl_ca.crt")
        try:
            await bus.wait_connected()
            await bus.put(subjects.PRINTERS, spec.id, spec)
            await service.start()
            await service.serves(spec)
            yield service
        finally:
            if service.process is not None and service.process.returncode is None:
                await service.end(signal.SIGKILL)
            await asyncio.to_thread(printer.stop)


def halfway(client: RawClient, meanwhile: Callable[[], None]) -> str:
    """An upload in whose middle something happens; its last reply, empty if the connection broke."""
    client.login(CODE)
    with suppress(OSError):
        data = client.connect_data()
        assert client.code("STOR cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            secured.sendall(CONTENT[:1_000_000])
            meanwhile()
            secured.sendall(CONTENT[1_000_000:])
            secured.unwrap()
        return client.reply()
    return ""


async def test_an_upload_through_a_killed_proxy_is_no_success_and_the_next_one_is(
    tmp_path: Path, nats: NatsServer
) -> None:
    async with served(tmp_path, nats) as service:
        loop = asyncio.get_running_loop()

        def kill() -> None:
            asyncio.run_coroutine_threadsafe(service.end(signal.SIGKILL), loop).result(20)

        def send() -> str:
            with service.client() as client:
                return halfway(client, kill)

        assert not (await asyncio.to_thread(send)).startswith("2")
        await service.start()
        await until_listening(PROXY, service.port)
        assert (await service.sends()).startswith("226")
        assert (service.printer.root / "cube.gcode.3mf").read_bytes() == CONTENT


async def test_an_upload_does_not_notice_that_nats_dies_or_that_another_proxy_changes(
    tmp_path: Path, nats: NatsServer
) -> None:
    async with served(tmp_path, nats) as service:
        loop = asyncio.get_running_loop()
        other = changed(service.spec, id="p2", bind={"address": OTHER})
        await service.bus.put(subjects.PRINTERS, other.id, other)
        await service.serves(service.spec, other)

        async def change_the_other() -> None:
            target = service.spec.target.model_dump() | {"host": OTHER} if service.spec.target else None
            anew = changed(other, revision=2, target=target)
            await service.bus.put(subjects.PRINTERS, anew.id, anew)
            await service.serves(anew)
            nats.stop()

        def send() -> str:
            with service.client() as client:
                return halfway(client, lambda: asyncio.run_coroutine_threadsafe(change_the_other(), loop).result(40))

        assert (await asyncio.to_thread(send)).startswith("226")
        assert (service.printer.root / "cube.gcode.3mf").read_bytes() == CONTENT
        assert (await service.sends()).startswith("226")


class Cycle(Protocol):
    """One connection, ended in one of many ways."""

    def __call__(self, service: Service, number: int) -> None: ...


async def come_and_go(service: Service, cycle: Cycle, cycles: int) -> None:
    """Connections of every kind, some at a time."""
    numbers = iter(range(cycles))

    def some() -> None:
        for number in numbers:
            cycle(service, number)

    await asyncio.gather(*(asyncio.to_thread(some) for _ in range(4)))


def bytes_and_files(service: Service, number: int) -> None:
    """At the tunnel or at FTPS."""
    kind = number % 10
    if kind < 5:
        with socket.create_connection((PROXY, int(service.environ["VPRINTER_PROXY__TUNNEL_PORT"])), 20) as raw:
            raw.sendall(b"hello")
        return
    with service.client() as client:
        if kind < 7:  # gone before the greeting is read
            return
        client.login(CODE)
        if kind == 7:
            assert client.code("QUIT") == 221
            return
        with client.connect_data() as data:
            if kind == 9:
                assert client.code(f"STOR {number}.bin") == 150
                with client.secure(data) as secured:
                    secured.sendall(bytes(100_000))


def sessions(service: Service, number: int) -> None:
    """At MQTT."""
    port, printer = int(service.environ["VPRINTER_PROXY__MQTT_PORT"]), service.printer
    link = Link(PROXY, port, ca_pem=service.ca_file.read_text(), serial=printer.serial)
    match number % 5:
        case 0:  # gone before it says who it is
            link.close(polite=False)
        case 1:
            link.connect(f"studio_client_id:{number:x}", USER, CODE)
            link.subscribe(f"device/{printer.serial}/report")
            link.close(polite=False)
        case _:
            link.connect(f"studio_client_id:{number:x}", USER, CODE)
            link.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("cycle", [bytes_and_files, sessions])
async def test_thousands_of_connections_leave_nothing_behind(tmp_path: Path, nats: NatsServer, cycle: Cycle) -> None:
    async with served(tmp_path, nats) as service:
        assert service.process is not None
        process = psutil.Process(service.process.pid)
        await come_and_go(service, cycle, WARM_UP)
        descriptors, memory = await left(process)
        await come_and_go(service, cycle, CYCLES)
        descriptors_after, memory_after = await left(process)
        assert descriptors_after <= descriptors
        assert memory_after - memory < GROWTH


async def left(process: psutil.Process) -> tuple[int, int]:
    """Descriptors and memory, once they have come to rest."""
    previous, now = -1, process.num_fds()
    while now != previous:
        await asyncio.sleep(3)
        previous, now = now, process.num_fds()
    return now, process.memory_info().rss


def changed(spec: VirtualPrinter, **changes: Any) -> VirtualPrinter:
    """Another printer, or a newer revision."""
    return VirtualPrinter.model_validate(spec.model_dump() | changes)


async def until_listening(address: str, port: int) -> None:
    """Wait for a port to open."""
    async with asyncio.timeout(30):
        while True:
            with suppress(OSError):
                await asyncio.to_thread(lambda: socket.create_connection((address, port), 1).close())
                return
            await asyncio.sleep(0.05)
