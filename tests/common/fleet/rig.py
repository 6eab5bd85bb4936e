"""A fleet with a fake edge on a fake bus."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Interface
from typing import Any, cast

from prometheus_client import CollectorRegistry

from tests.common.printers import virtual_printer
from tests.common.waiting import until
from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.status import PrinterStatus, State
from vprinter_common.contracts.subjects import Bucket
from vprinter_common.fleet.edge import Edge, Listener, Placement, Serving
from vprinter_common.fleet.reconcile import Fleet
from vprinter_common.net import Interface

LO = Interface("lo", (IPv4Interface("127.0.0.1/8"),))
ETH0 = Interface("eth0", (IPv4Interface("192.168.1.5/24"),))
HOST = (LO, ETH0)
SETTING = "VPRINTER_FAKE__PORT"


class FakeBus:
    """Keeps the statuses, and says what a test wants to be desired."""

    def __init__(self) -> None:
        self.statuses: dict[str, PrinterStatus] = {}
        self.history: list[PrinterStatus] = []
        self.desired: asyncio.Queue[dict[str, VirtualPrinter]] = asyncio.Queue()
        self.away = False

    async def put(self, _bucket: Bucket, key: str, status: PrinterStatus) -> None:
        if self.away:
            raise BusUnavailable("no connection to NATS")
        self.statuses[key] = status
        self.history.append(status)

    async def delete(self, _bucket: Bucket, key: str) -> None:
        if self.away:
            raise BusUnavailable("no connection to NATS")
        self.statuses.pop(key, None)

    async def watch(self, _bucket: Bucket, _model: type[VirtualPrinter]) -> AsyncIterator[dict[str, VirtualPrinter]]:
        while True:
            yield await self.desired.get()


class FakeEdge(Edge):
    """Listens on one port per printer and writes down what happens."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.story: list[str] = []
        self.serving: dict[str, Serving] = {}
        self.refuse: dict[str, Exception] = {}
        self.opener: Callable[[str, int], Any] | None = None
        self.gate: asyncio.Event | None = None
        self.stopping: asyncio.Event | None = None
        self.preparing = asyncio.Event()

    @asynccontextmanager
    async def serve(self, spec: VirtualPrinter, placement: Placement) -> AsyncIterator[Serving]:
        if spec.id in self.refuse:
            raise self.refuse[spec.id]
        if self.gate is not None:
            self.preparing.set()
            await self.gate.wait()
        serving = Serving(spec, placement, [Listener("fake", self.port, self.opener or self._open, SETTING)])
        serving.changed = lambda: self.story.append(f"changed {spec.id} to {serving.spec.name}")
        self.serving[spec.id] = serving
        self.story.append(f"start {spec.id} at {placement.bind}")
        try:
            yield serving
        finally:
            if self.stopping is not None:
                await self.stopping.wait()
            await asyncio.sleep(0)  # stopping takes a moment
            self.story.append(f"stop {spec.id}")

    async def _open(self, address: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(lambda _reader, writer: writer.close(), address, port)


class Rig:
    """A fleet with a fake edge on a fake bus."""

    def __init__(self, edge: FakeEdge) -> None:
        self.edge = edge
        self.bus = FakeBus()
        self.registry = CollectorRegistry()
        self.fleet = Fleet(edge, "fake", "node", cast("Bus", self.bus), self.registry)

    async def want(self, *specs: VirtualPrinter, host: Sequence[Interface] = HOST) -> None:
        await self.fleet.reconcile({spec.id: spec for spec in specs}, host)

    def status(self, id_: str = "p1") -> PrinterStatus | None:
        return self.bus.statuses.get(f"{id_}.fake.node")

    async def reach(self, state: State, id_: str = "p1") -> PrinterStatus:
        await until(lambda: (status := self.status(id_)) is not None and status.state is state)
        status = self.status(id_)
        assert status is not None
        return status


def two() -> tuple[VirtualPrinter, VirtualPrinter]:
    return virtual_printer("127.0.0.2"), virtual_printer("127.0.0.3", id="p2", serial="S2", name="other")
