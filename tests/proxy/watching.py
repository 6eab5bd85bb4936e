"""A watcher with a simulated printer, and a bus that remembers what it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from tests.common.waiting import until
from tests.simulators.printer.printer import SimulatedPrinter
from vprinter_common.bus import Bus
from vprinter_common.contracts.message import Message
from vprinter_common.contracts.target import RealPrinter, TargetCommand, TargetReport, TargetSaid, TargetStatus
from vprinter_common.runtime.tasks import TaskSet
from vprinter_proxy.reports import Reports
from vprinter_proxy.watch.lease import Leases
from vprinter_proxy.watch.session import Sessions
from vprinter_proxy.watch.watcher import Watcher, Workshop


@dataclass
class RememberingBus:
    """Grants every lease."""

    statuses: list[TargetStatus] = field(default_factory=list)
    published: list[Message] = field(default_factory=list)

    async def wait_connected(self) -> None:
        return

    async def claim(self, *_: Any) -> bool:
        return True

    async def delete(self, *_: Any) -> None:
        return

    async def put(self, _bucket: object, _key: str, status: TargetStatus) -> None:
        self.statuses.append(status)

    async def publish(self, _subject: str, message: Message) -> None:
        self.published.append(message)


def real_printer(printer: SimulatedPrinter, **more: Any) -> RealPrinter:
    """As control would describe it."""
    fields: dict[str, Any] = {
        "id": "r1",
        "revision": 1,
        "name": "Real",
        "host": printer.address,
        "serial": printer.serial,
        "model": printer.model.code,
        "access_code": printer.access_code,
    }
    return RealPrinter.model_validate(fields | more)


@dataclass
class Watched:
    """A running watcher and what has come of it."""

    watcher: Watcher
    bus: RememberingBus
    reports: Reports

    @property
    def status(self) -> TargetStatus:
        """The newest."""
        return self.bus.statuses[-1]

    def of(self, kind: type[Message]) -> list[Any]:
        """What was published of a kind."""
        return [message for message in self.bus.published if isinstance(message, kind)]

    @property
    def report(self) -> dict[str, Any]:
        """The newest merged report."""
        found: dict[str, Any] = self.of(TargetReport)[-1].print
        return found

    @property
    def said(self) -> list[dict[str, Any]]:
        """The printer's other messages."""
        return [message.payload for message in self.of(TargetSaid)]

    async def says(self, condition: Callable[[TargetStatus], object], within: float = 20.0) -> TargetStatus:
        """Wait for a status."""
        await until(lambda: self.bus.statuses and condition(self.status), within)
        return self.status

    def command(self, payload: str) -> None:
        """A slicer's."""
        self.watcher.command(TargetCommand(target="r1", printer="p1", client="10.0.0.9", payload=payload))


@asynccontextmanager
async def watching(printer: RealPrinter, port: int, reports: Reports | None = None) -> AsyncIterator[Watched]:
    """Watch a printer; afterwards nothing of the watcher is left."""
    before = asyncio.all_tasks()
    async with TaskSet("test") as tasks:
        bus = RememberingBus()
        as_bus = cast("Bus", bus)
        reports = reports or Reports()
        shop = Workshop("node1", as_bus, Leases(as_bus, "node1"), Sessions(port, tasks), reports)
        watcher = Watcher(printer, shop)
        tasks.spawn(watcher.run(), "watcher")
        yield Watched(watcher, bus, reports)
    await until(lambda: asyncio.all_tasks() <= before)
