"""Publishes desired state: the bucket is made equal to the database, again and again, so that no crash leaves a gap."""

import asyncio

import structlog

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_control.store import printers
from vprinter_control.store.database import Database

log = structlog.get_logger()

RETRY = 1.0


class DesiredState:
    """The bucket of virtual printers, as it should be."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._published: dict[str, VirtualPrinter] | None = None
        self._wake = asyncio.Event()

    async def follow(self) -> None:
        """Keep the bucket right, for ever (a root task)."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name="desired:watch")
            group.create_task(self._listen(), name="desired:commits")
            group.create_task(self._settle_for_ever(), name="desired:settle")

    async def _watch(self) -> None:
        async for published in self._bus.watch(subjects.PRINTERS, VirtualPrinter):
            self._published = published
            self._wake.set()

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
                await self.settle()
            except BusUnavailable as error:
                log.warning("desired_state_waits", error=str(error))
                await asyncio.sleep(RETRY)
                self._wake.set()

    async def settle(self) -> None:
        """Write what differs and remove what is gone; nothing before the bucket was read."""
        if self._published is None:
            return
        async with self._database.read() as session:
            wanted = await printers.specifications(session)
        published = self._published
        for id_, spec in wanted.items():
            if published.get(id_) != spec:
                await self._bus.put(subjects.PRINTERS, id_, spec)
                published[id_] = spec
                log.info("printer_published", printer=id_, revision=spec.revision, enabled=spec.enabled)
        for id_ in published.keys() - wanted.keys():
            await self._bus.delete(subjects.PRINTERS, id_)
            del published[id_]
            log.info("printer_withdrawn", printer=id_)
