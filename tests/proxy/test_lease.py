"""One session with a printer, over all nodes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.common.nats_server import NatsServer
from tests.common.waiting import until
from tests.proxy.watching import real_printer
from tests.simulators.printer.printer import SimulatedPrinter, free_printer_ports
from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.subjects import Bucket
from vprinter_common.contracts.target import TargetStatus
from vprinter_common.runtime.health import Health
from vprinter_common.runtime.service import Runtime
from vprinter_common.runtime.tasks import TaskSet
from vprinter_proxy.reports import Reports
from vprinter_proxy.settings import ProxySettings
from vprinter_proxy.watch import lease as lease_module
from vprinter_proxy.watch import watcher as watcher_module
from vprinter_proxy.watch.house import watching

pytestmark = pytest.mark.full

TTL = 3.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket("vprinter-leases", ttl=TTL)
    monkeypatch.setattr(
        subjects, "BUCKETS", tuple(bucket if each == subjects.LEASES else each for each in subjects.BUCKETS)
    )
    monkeypatch.setattr(subjects, "LEASES", bucket)
    for module, name, seconds in (
        (lease_module, "RENEW", 0.5),
        (lease_module, "KEEP", 2.0),
        (lease_module, "ASK_AGAIN", 0.2),
        (watcher_module, "RETRY_FIRST", 0.1),
    ):
        monkeypatch.setattr(module, name, seconds)


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path) as server:
        yield server


@pytest.fixture
def printer() -> Iterator[SimulatedPrinter]:
    with SimulatedPrinter("127.9.42.1", model="C12", ports=free_printer_ports(), period=0.2) as running:
        yield running


class Node:
    """A node that watches; `die` takes its network away, as a crash would."""

    def __init__(self, name: str, nats: NatsServer, printer: SimulatedPrinter) -> None:
        self.name = name
        self.bus = Bus(nats.settings, name, CollectorRegistry())
        ports = {"mqtt": printer.ports.mqtt}
        self._settings = ProxySettings.model_validate({"node": name, "proxy": {"printers": ports}})
        self._stop = asyncio.Event()
        self._gone = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        registry = CollectorRegistry()
        async with self.bus, TaskSet(self.name) as tasks:
            runtime = Runtime("proxy", self._settings, self.bus, registry, Health(registry), tasks)
            async with watching(runtime, self._settings, Reports()):
                await self._stop.wait()

    def stop(self) -> None:
        self._stop.set()

    def die(self) -> None:
        """Nothing reaches NATS any more, and nothing is given back."""

        async def never(*_: Any) -> bool:
            await asyncio.sleep(3600)
            return False

        self.bus.claim = never  # type: ignore[method-assign,assignment]


async def holder(bus: Bus, other_than: str = "") -> str:
    """Which node says that the printer is online."""
    async with asyncio.timeout(30):
        async for statuses in bus.watch(subjects.TARGET_STATUS, TargetStatus):
            status = statuses.get("r1")
            if status is not None and status.online and status.node != other_than:
                return status.node
    raise AssertionError("a watch does not end")


async def test_of_two_nodes_one_has_the_session_and_the_other_takes_over_when_it_stops_or_dies(
    nats: NatsServer, printer: SimulatedPrinter
) -> None:
    nodes = {name: Node(name, nats, printer) for name in ("one", "two", "three")}
    async with Bus(nats.settings, "control", CollectorRegistry()) as control, TaskSet("nodes") as running:
        await control.wait_connected()
        await control.put(subjects.TARGETS, "r1", real_printer(printer))
        for node in nodes.values():
            node.task = running.spawn(node.run(), node.name)
        first = await holder(control)
        await until(lambda: len(printer.sessions) == 1, 20)
        nodes[first].stop()
        second = await holder(control, first)
        await until(lambda: len(printer.sessions) == 1, 20)
        nodes[second].die()
        third = await asyncio.wait_for(holder(control, second), TTL + 10)
        assert {first, second, third} == set(nodes)
        await control.delete(subjects.TARGETS, "r1")
        await until(lambda: not printer.sessions or third not in nodes, 20)
        for node in nodes.values():
            node.stop()


async def test_when_nats_is_away_for_long_the_session_ends_and_comes_back_with_it(
    nats: NatsServer, printer: SimulatedPrinter
) -> None:
    node = Node("one", nats, printer)
    async with TaskSet("nodes") as running:
        running.spawn(node.run(), "one")
        async with Bus(nats.settings, "control", CollectorRegistry()) as control:
            await control.wait_connected()
            await control.put(subjects.TARGETS, "r1", real_printer(printer))
            await holder(control)
            await asyncio.to_thread(nats.stop)
            await until(lambda: not printer.sessions, 20)
            await asyncio.to_thread(nats.start)
            await until(lambda: printer.sessions, 20)
        node.stop()
