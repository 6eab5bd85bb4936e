"""What has to be looked after from time to time: certificates, old events, gauges, the database's health."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from vprinter_control.addresses import Addresses
from vprinter_control.domain.refusal import Conflict, Unable
from vprinter_control.metrics import Metrics
from vprinter_control.printers import Printers
from vprinter_control.store import events
from vprinter_control.store.database import Database
from vprinter_control.store.schema import ArchiveItem, Blob, Job, PendingUpload, Printer, QueueItem
from vprinter_control.trust import Trust

log = structlog.get_logger()

LOOK_EVERY = 15.0
"""Seconds between two looks at the database."""
TIDY_EVERY = 3600.0
"""Seconds between two looks at certificates and old rows."""
LONELY_JOB = timedelta(days=1)
"""A job whose file never came is forgotten after this time."""


@dataclass(slots=True)
class Upkeep:
    """Housekeeping. `events_kept`: how many events are kept."""

    database: Database
    printers: Printers
    trust: Trust
    addresses: Addresses
    metrics: Metrics
    events_kept: int
    failure: str | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def problem(self) -> str | None:
        """A sentence if certificates cannot be made (a health check)."""
        return self.failure

    async def first_steps(self) -> None:
        """What must be done before anything is served: the default printer, on the very first start."""
        await self._trustworthy()
        await self._gauges()

    async def follow(self) -> None:
        """Look after everything, for ever (a root task)."""
        self.addresses.changed = self._wake.set
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look(), name="upkeep:look")
            group.create_task(self._tidy(), name="upkeep:tidy")

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.database.probe()
            try:
                await self._gauges()
            except SQLAlchemyError as error:
                log.warning("database_unreadable", error=type(error).__name__)

    async def _tidy(self) -> None:
        while True:
            try:
                await self._trustworthy()
                await self.forget()
            except SQLAlchemyError as error:
                log.warning("upkeep_postponed", error=type(error).__name__)
            wait = TIDY_EVERY if self.failure is None else LOOK_EVERY
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            self._wake.clear()

    async def _trustworthy(self) -> None:
        """The default printer on the very first start; certificates that fit; the CA's end as a metric."""
        try:
            await self.printers.create_first()
            await self.printers.keep_certificates()
            authority = await self.trust.existing()
        except (Unable, Conflict) as refusal:
            log.error("certificates_unusable", error=refusal.detail)
            self.failure = refusal.detail
            return
        self.failure = None
        self.metrics.ca_not_after.set(authority.not_after.timestamp() if authority else 0)

    async def forget(self) -> None:
        """Forget old events, and jobs whose file never came."""
        long_ago = self.printers.clock() - LONELY_JOB
        async with self.database.write() as session:
            await events.forget(session, self.events_kept)
            await session.execute(delete(Job).where(Job.upload_id.is_(None), Job.at < long_ago))

    async def _gauges(self) -> None:
        async with self.database.read() as session:
            for kind, table in _COUNTED.items():
                self.metrics.items.labels(kind).set(await session.scalar(select(func.count()).select_from(table)) or 0)
            self.metrics.blob_bytes.set(await session.scalar(select(func.sum(Blob.size))) or 0)


_COUNTED = {"archive": ArchiveItem, "pending": PendingUpload, "queue": QueueItem, "virtual_printers": Printer}
