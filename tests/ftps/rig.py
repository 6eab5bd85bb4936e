"""A printer's FTPS server as tests want it: on loopback, with a bus that remembers."""

import asyncio
import io
import random
import zipfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry

from tests.common import s3
from tests.common.ports import passive_ports
from tests.common.printers import as_certificate, virtual_printer
from tests.ftps.client import RawClient
from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.certs import Leaf
from vprinter_common.contracts.facts import UploadFailed, UploadStored
from vprinter_common.contracts.live import UploadLive
from vprinter_common.contracts.message import Event, Message
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.fleet.edge import Placement, Serving
from vprinter_common.runtime.health import Health
from vprinter_common.runtime.service import Runtime
from vprinter_common.runtime.tasks import TaskSet
from vprinter_ftps.edge import FtpsEdge, open_house
from vprinter_ftps.printer import House
from vprinter_ftps.server import PrinterServer
from vprinter_ftps.settings import FtpsSettings

ADDRESS = "127.0.0.1"
FOREIGNER = "127.0.0.9"
PASSIVE = passive_ports()
"""Ports for data; other workers listen at the same address, and what knocks at a port that was given back would meet them."""


class FakeBus:
    """Remembers what is published; `down` makes it as if NATS were away."""

    def __init__(self) -> None:
        self.live: list[tuple[str, Message]] = []
        self.facts: list[tuple[str, Event]] = []
        self.down = False

    async def publish(self, subject: str, message: Message) -> None:
        self.live.append((subject, message))

    async def publish_fact(self, fact: Event, message_id: str) -> None:
        if self.down:
            raise BusUnavailable("no connection to NATS")
        self.facts.append((message_id, fact))

    async def subscribe(self, subject: str, model: type[Message], handler: Callable[[Any], Any]) -> None:
        """Nobody else publishes."""

    @property
    def uploads(self) -> list[UploadLive]:
        return [message for _, message in self.live if isinstance(message, UploadLive)]

    @property
    def stored(self) -> list[UploadStored]:
        return [fact for _, fact in self.facts if isinstance(fact, UploadStored)]

    @property
    def failed(self) -> list[UploadFailed]:
        return [fact for _, fact in self.facts if isinstance(fact, UploadFailed)]


@dataclass(slots=True)
class Rig:
    """A served printer."""

    house: House
    serving: Serving
    bus: FakeBus
    port: int
    data: Path
    registry: CollectorRegistry
    tasks: TaskSet
    context_file: Path
    server: PrinterServer
    clients: ThreadPoolExecutor
    """For blocking clients; asyncio's own has too few threads."""

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def limit(self, **limits: float) -> None:
        """Set time limits from now on: what came before may take longer on a machine with much to do."""
        for name, seconds in limits.items():
            object.__setattr__(self.house.settings.ftps, name, seconds)

    @property
    def outbox(self) -> list[Path]:
        return sorted((self.data / "outbox").glob("*.json"))

    @property
    def blobs(self) -> list[Path]:
        return sorted((self.data / "blobs" / "sha256").glob("??/*"))

    @property
    def parts(self) -> list[Path]:
        return sorted((self.data / "blobs" / "incoming").iterdir())

    @property
    def entries(self) -> list[Path]:
        return sorted((self.data / "ftps" / self.serving.spec.id).iterdir())

    def nothing_is_left(self) -> bool:
        return not (self.outbox or self.blobs or self.parts or self.entries)


@asynccontextmanager
async def served(
    data: Path,
    leaf: Leaf,
    ca_file: Path,
    *,
    printer: VirtualPrinter | None = None,
    bus: FakeBus | None = None,
    checkpoint: Callable[[str], None] = lambda _: None,
    advertise: str | None = ADDRESS,
    **ftps: Any,
) -> AsyncIterator[Rig]:
    """A printer with settings of its own; the outbox publisher runs only in tests that start it."""
    spec = printer or virtual_printer(passive_ports=PASSIVE, certificate=as_certificate(leaf))
    fields = {"data_dir": data, "node": "node1", "ftps": {"min_free_bytes": 0} | ftps, "objects": s3.of_environment()}
    settings = FtpsSettings.model_validate(fields)
    bus = bus or FakeBus()
    registry = CollectorRegistry()
    async with TaskSet("test") as tasks:
        runtime = Runtime("ftps", settings, cast("Bus", bus), registry, Health(registry), tasks)
        with ThreadPoolExecutor(64) as clients:
            async with (
                open_house(runtime, settings, checkpoint) as house,
                FtpsEdge(house).serve(spec, Placement(ADDRESS, advertise, ADDRESS)) as serving,
            ):
                listener = cast("Any", serving.listeners[0])
                listening = await listener.open(ADDRESS, 0)
                port = listening.sockets[0].getsockname()[1]
                yield Rig(house, serving, bus, port, data, registry, tasks, ca_file, listener.open.__self__, clients)


def container(size: int = 0, seed: int = 1) -> bytes:
    """A whole .3mf with about `size` bytes of incompressible content."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("3D/3dmodel.model", "<model/>")
        archive.writestr("Metadata/plate_1.gcode", random.Random(seed).randbytes(size))
    return memory.getvalue()


async def until(condition: Callable[[], object], timeout: float = 30.0) -> None:
    """Wait for something that happens on another thread or task."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - files and threads set no event
            await asyncio.sleep(0.01)


async def as_client(rig: Rig, conversation: Callable[[RawClient], Any]) -> Any:
    """Hold a conversation in a thread, logged in, with PROT P."""

    def talk() -> Any:
        with RawClient(rig.port, rig.context_file) as client:
            return conversation(client.login())

    return await asyncio.get_running_loop().run_in_executor(rig.clients, talk)


async def as_stranger(rig: Rig, conversation: Callable[[RawClient], Any]) -> Any:
    """Hold a conversation in a thread, from before the greeting on."""

    def talk() -> Any:
        with RawClient(rig.port, rig.context_file) as client:
            return conversation(client)

    return await asyncio.get_running_loop().run_in_executor(rig.clients, talk)
