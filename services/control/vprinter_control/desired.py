"""Publishes desired state: buckets are made equal to the database, again and again, so that no crash leaves a gap."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.subjects import Bucket
from vprinter_common.contracts.target import RealPrinter
from vprinter_control.store import printers, targets
from vprinter_control.store.database import Database

log = structlog.get_logger()

RETRY = 1.0

M = TypeVar("M", bound=VirtualPrinter | RealPrinter)


class _Published(Generic[M]):
    """One bucket, and what should be in it."""

    def __init__(
        self, bus: Bus, bucket: Bucket, model: type[M], wanted: Callable[[AsyncSession], Awaitable[dict[str, M]]]
    ) -> None:
        self._bus = bus
        self._bucket = bucket
        self._model = model
        self._wanted = wanted
        self._there: dict[str, M] | None = None

    async def watch(self, changed: Callable[[], None]) -> None:
        """See what is in the bucket, for ever."""
        async for there in self._bus.watch(self._bucket, self._model):
            self._there = there
            changed()

    async def settle(self, database: Database) -> None:
        """Write what differs and remove what is gone; nothing before the bucket was read."""
        if self._there is None:
            return
        async with database.read() as session:
            wanted = await self._wanted(session)
        there = self._there
        for id_, spec in wanted.items():
            if there.get(id_) != spec:
                await self._bus.put(self._bucket, id_, spec)
                there[id_] = spec
                log.info("printer_published", bucket=self._bucket.name, printer=id_, revision=spec.revision)
        for id_ in there.keys() - wanted.keys():
            await self._bus.delete(self._bucket, id_)
            del there[id_]
            log.info("printer_withdrawn", bucket=self._bucket.name, printer=id_)


class DesiredState:
    """The buckets of real and of virtual printers, as they should be."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._targets = _Published(bus, subjects.TARGETS, RealPrinter, targets.specifications)
        self._printers = _Published(bus, subjects.PRINTERS, VirtualPrinter, printers.specifications)
        self._wake = asyncio.Event()

    async def follow(self) -> None:
        """Keep the buckets right, for ever (a root task)."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._targets.watch(self._wake.set), name="desired:watch-targets")
            group.create_task(self._printers.watch(self._wake.set), name="desired:watch-printers")
            group.create_task(self._listen(), name="desired:commits")
            group.create_task(self._settle_for_ever(), name="desired:settle")

    async def _listen(self) -> None:
        seen = 0
        while True:
            seen = await self._database.commits.after(seen)
            self._wake.set()

    async def _settle_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._targets.settle(self._database)
                await self._printers.settle(self._database)
            except BusUnavailable as error:
                log.warning("desired_state_waits", error=str(error))
                await asyncio.sleep(RETRY)
                self._wake.set()
