"""The running discovery service with a real NATS server, and what tests ask of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from tests.common.nats_server import NatsServer, free_port
from tests.common.printers import virtual_printer
from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.message import Message
from vprinter_common.contracts.requests import Heard, HeardPrinter, Nothing
from vprinter_common.contracts.status import PrinterStatus, State
from vprinter_common.runtime.service import serve
from vprinter_common.runtime.settings import AdminSettings
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import client_context
from vprinter_common.wire.detect import DetectRequest, FrameReader, detect_request, parse_reply
from vprinter_discovery.service import discover
from vprinter_discovery.settings import DiscoverySection, DiscoverySettings


class Discovery:
    """The running service, and control's end of the bus."""

    def __init__(self, settings: DiscoverySettings, bus: Bus) -> None:
        self.section = settings.discovery
        self.bus = bus
        self.admin = f"http://127.0.0.1:{settings.admin.port}"

    async def want(self, **changes: Any) -> None:
        """Desired state: this printer."""
        spec = virtual_printer(**changes)
        await self.bus.put(subjects.PRINTERS, spec.id, spec)

    async def status(self) -> PrinterStatus:
        return (await self.bus.read(subjects.STATUS, PrinterStatus))["p1.discovery.node"]

    async def status_when(self, state: State) -> PrinterStatus:
        """The status once it is in this state."""
        async with asyncio.timeout(60):
            async for statuses in self.bus.watch(subjects.STATUS, PrinterStatus):
                found = statuses.get("p1.discovery.node")
                if found is not None and found.state is state:
                    return found
        raise AssertionError("a watch does not end")

    async def status_gone(self) -> None:
        """Return once nothing is said of the printer any more."""
        async with asyncio.timeout(60):
            async for statuses in self.bus.watch(subjects.STATUS, PrinterStatus):
                if "p1.discovery.node" not in statuses:
                    return

    async def heard(self) -> tuple[HeardPrinter, ...]:
        """Real printers heard so far."""
        answer: Heard = await self.ask("heard", Heard)
        return answer.printers

    async def ask(self, verb: str, answer: type[Message]) -> Any:
        """A request to the service."""
        return await self.bus.request(subjects.rpc("discovery", verb), Nothing(), answer)


@asynccontextmanager
async def discovery(
    nats: NatsServer, ssdp_port: int, addresses: tuple[str, ...] = ("127.0.0.1", "127.0.0.71")
) -> AsyncIterator[Discovery]:
    """The service, allowed to use these addresses only; none = all."""
    settings = DiscoverySettings(
        node="node",
        nats=nats.settings,
        admin=AdminSettings(port=free_port()),
        addresses=addresses,
        discovery=DiscoverySection(ssdp_port=ssdp_port, detect_port=free_port(), detect_tls_port=free_port()),
    )
    stop = asyncio.Event()
    async with TaskSet("test") as tasks, Bus(nats.settings, "control", CollectorRegistry()) as bus:
        await bus.wait_connected()
        service = tasks.spawn(serve("discovery", settings, partial(discover, settings.discovery), stop), "discovery")
        yield Discovery(settings, bus)
        stop.set()
        async with asyncio.timeout(30):
            await service


async def detect(address: str, port: int, ca_pem: str | None = None) -> str:
    """The serial number that detect tells."""
    context = client_context(ca_pem) if ca_pem else None
    reader, writer = await asyncio.open_connection(address, port, ssl=context)
    writer.write(detect_request(DetectRequest()))
    frames = FrameReader()
    async with asyncio.timeout(30):
        frames.feed(await reader.read())
    writer.close()
    payload = frames.next_frame()
    assert payload is not None
    return parse_reply(payload).serial
