"""The bus on a real NATS server, and what its tests watch with."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from tests.common.nats_server import NatsServer
from tests.common.waiting import until
from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import UploadStored
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.subjects import Bucket
from vprinter_common.runtime.tasks import TaskSet

SESSION = SessionLive(printer="p1", service="ftps", client="10.0.0.9", phase=SessionPhase.CONNECTED)
LIVE = subjects.live_session("p1")
FACTS = subjects.FACT_STREAM


def stored(upload: str = "u1") -> UploadStored:
    return UploadStored(
        upload=upload, printer="p1", mode="immediate", filename="a.3mf", sha256="0" * 64, size=1, client="10.0.0.9"
    )


@asynccontextmanager
async def on(server: NatsServer, **more: Any) -> AsyncIterator[Bus]:
    async with Bus(server.settings, "test", CollectorRegistry(), **more) as bus:
        async with asyncio.timeout(30):
            await bus.wait_connected()
        yield bus


@asynccontextmanager
async def background(*coros: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    async with TaskSet("test") as tasks:
        for coro in coros:
            tasks.spawn(coro, "background")
        yield


async def follow(bus: Bus, states: list[dict[str, VirtualPrinter]], bucket: Bucket = subjects.PRINTERS) -> None:
    async for state in bus.watch(bucket, VirtualPrinter):
        states.append(state)  # noqa: PERF401 - it never ends


def names(states: list[dict[str, VirtualPrinter]]) -> Callable[[], dict[str, str]]:
    """The newest state's names by id."""
    return lambda: {id_: spec.name for id_, spec in states[-1].items()} if states else {}


async def restart(server: NatsServer, bus: Bus) -> None:
    await asyncio.to_thread(server.stop)
    await until(lambda: not bus.connected)
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(30):
        await bus.wait_connected()


class Taken:
    """A consumer that writes down what it takes, and refuses what it is told to."""

    def __init__(self, refuse: int = 0) -> None:
        self.refuse = refuse
        self.uploads: list[str] = []
        self.tried = 0

    async def __call__(self, _subject: str, data: bytes) -> None:
        self.tried += 1
        if self.refuse:
            self.refuse -= 1
            raise RuntimeError("database is away")
        self.uploads += [upload] if (upload := json.loads(data).get("upload")) else []
