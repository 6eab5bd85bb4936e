"""Deletes files that nobody refers to any more, when it is certain that nobody is about to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.certs import Clock
from vprinter_common.contracts import subjects
from vprinter_common.object_store import Blobs, ObjectStoreUnavailable
from vprinter_control.metrics import Metrics
from vprinter_control.store.database import Database
from vprinter_control.store.schema import ArchiveItem, Blob, PendingUpload

log = structlog.get_logger()

CONSUMER = "control"


@dataclass(slots=True)
class Collector:
    """The garbage collection of ADR 5. `grace`: seconds that a file must not have come in again."""

    database: Database
    blobs: Blobs
    bus: Bus
    outbox: Path
    clock: Clock
    metrics: Metrics
    grace: float
    is_committing: Callable[[], bool] = lambda: False
    """Whether control itself is about to refer to a file that is in the store."""

    async def follow(self, interval: float) -> None:
        """Collect every `interval` seconds, for ever (a root task)."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.collect()
            except (BusUnavailable, ObjectStoreUnavailable, OSError) as error:
                log.info("collection_postponed", reason=str(error))

    async def collect(self) -> list[str]:
        """Delete what nobody needs; returns the hashes. Nothing while some upload is not yet in the database."""
        began = self.clock().timestamp()
        if await self._uploads_under_way():
            return []
        async with self.database.read() as session:
            needed = await _referenced(session)
        unneeded = {sha async for sha in self.blobs.every() if sha not in needed}
        gone = [sha for sha in sorted(unneeded) if await self.blobs.discard(sha, began - self.grace)]
        if gone:
            log.info("files_deleted", count=len(gone))
            self.metrics.collected.inc(len(gone))
            async with self.database.write() as session:
                for sha in gone:
                    await session.execute(
                        delete(Blob).where(Blob.sha256 == sha, ~_refers(ArchiveItem), ~_refers(PendingUpload))
                    )
        return gone

    async def _uploads_under_way(self) -> bool:
        """Whether a receipt waits or a fact is unread. The outbox first: a receipt leaves it for the stream."""
        if self.is_committing():
            return True
        if await asyncio.to_thread(_holds_receipts, self.outbox):
            return True
        return await self.bus.backlog(subjects.FACT_STREAM, CONSUMER) > 0


async def _referenced(session: AsyncSession) -> set[str]:
    archived = await session.scalars(select(ArchiveItem.sha256).distinct())
    pending = await session.scalars(select(PendingUpload.sha256).distinct())
    return {*archived, *pending}


def _refers(table: type[ArchiveItem] | type[PendingUpload]) -> ColumnElement[bool]:
    return exists().where(table.sha256 == Blob.sha256)


def _holds_receipts(outbox: Path) -> bool:
    return outbox.is_dir() and any(outbox.rglob("*.json"))
