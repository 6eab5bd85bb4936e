"""A proxy as tests want it: on loopback, with a bus that remembers."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry

from tests.common.printers import NO_CERTIFICATE, as_certificate
from tests.simulators.printer.printer import free_printer_ports
from vprinter_common.bus import Bus
from vprinter_common.certs import CertificateAuthority, Leaf
from vprinter_common.contracts.live import Disconnect
from vprinter_common.contracts.message import Event, Message
from vprinter_common.contracts.printer import Certificate, VirtualPrinter
from vprinter_common.fleet.edge import Placement, Serving
from vprinter_common.runtime.health import Health
from vprinter_common.runtime.service import Runtime
from vprinter_common.runtime.tasks import TaskSet
from vprinter_proxy.edge import ProxyEdge
from vprinter_proxy.settings import ProxySettings

TARGET = {"id": "r1", "host": "10.0.0.9", "serial": "01P00A000000001", "model": "C12", "access_code": "Sesame42"}


@cache
def authority() -> CertificateAuthority:
    """The CA of every certificate in these tests."""
    with tempfile.TemporaryDirectory() as directory:
        return CertificateAuthority.create(Path(directory) / "ca")


@cache
def leaf(serial: str, owner: str = "proxy") -> Leaf:
    """A certificate with this serial number in it, one for each owner."""
    return authority().issue(serial)


def certified(spec: VirtualPrinter) -> VirtualPrinter:
    """The printer with a certificate, whose name is its target's serial number, unless it has one."""
    if spec.certificate.chain_pem != NO_CERTIFICATE["chain_pem"]:
        return spec
    serial = spec.target.serial if spec.target else spec.serial
    certificate = Certificate.model_validate(as_certificate(leaf(serial)))
    return spec.model_copy(update={"certificate": certificate})


class FakeBus:
    """Remembers what is published."""

    def __init__(self) -> None:
        self.live: list[Message] = []
        self.facts: list[Event] = []
        self.handlers: dict[str, Callable[[Any], Any]] = {}

    async def publish(self, subject: str, message: Message) -> None:
        self.live.append(message)

    async def publish_fact(self, fact: Event, message_id: str) -> None:
        self.facts.append(fact)

    async def subscribe(self, subject: str, model: type[Message], handler: Callable[[Any], Any]) -> None:
        self.handlers[subject] = handler


def runtime_of(bus: FakeBus, tasks: TaskSet, registry: CollectorRegistry, settings: ProxySettings) -> Runtime:
    return Runtime("proxy", settings, cast("Bus", bus), registry, Health(registry), tasks)


def edge_of(
    bus: FakeBus, tasks: TaskSet, registry: CollectorRegistry, data: Path = Path("data"), **proxy: Any
) -> ProxyEdge:
    given = {"data_dir": data, "node": "node1", "proxy": {"min_free_bytes": 0} | proxy}
    settings = ProxySettings.model_validate(given)
    return ProxyEdge(runtime_of(bus, tasks, registry, settings), settings)


@dataclass(slots=True)
class Rig:
    """A served proxy, its listeners open."""

    serving: Serving
    bus: FakeBus
    registry: CollectorRegistry
    tasks: TaskSet
    edge: ProxyEdge

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples that bear these labels."""
        return sum(
            sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def disconnect(self, session: str) -> None:
        """As a person wants it."""
        message = Disconnect(printer=self.serving.spec.id, session=session)
        await self.bus.handlers["vprinter.live.*.disconnect"](message)

    async def until(self, condition: Callable[[], object], timeout: float = 20.0) -> None:
        """Wait for something that happens on another task."""
        async with asyncio.timeout(timeout):
            while not condition():  # noqa: ASYNC110 - sockets set no event
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(
    spec: VirtualPrinter, registry: CollectorRegistry, data: Path = Path("data"), **proxy: Any
) -> AsyncIterator[Rig]:
    """A proxy, served as the fleet would."""
    bus = FakeBus()
    address = str(spec.bind.address)
    free = free_printer_ports()  # for listeners that a test does not ask for: others may have the real ones here
    ports = {f"{name}_port": getattr(free, name) for name in ("mqtt", "ftps", "rtsps", "tunnel")}
    async with TaskSet("test") as tasks:
        edge = edge_of(bus, tasks, registry, data, **(ports | proxy))
        await asyncio.sleep(0)
        async with edge.serve(certified(spec), Placement(address, address, address)) as served:
            opened = [await listener.open(address, listener.port) for listener in served.listeners]
            try:
                yield Rig(served, bus, registry, tasks, edge)
            finally:
                for server in opened:
                    server.close()
