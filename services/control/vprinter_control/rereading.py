"""Reads files again that an older reader looked into, or that could not be read: in the background, a few at a time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.certs import Clock
from vprinter_common.object_store import Blobs
from vprinter_control import prints
from vprinter_control.reading import read_kept
from vprinter_control.store.database import Database
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem, PendingUpload
from vprinter_control.threemf import VERSION, Contents

log = structlog.get_logger()

Table = type[ArchiveItem | PendingUpload]

EVERY = 3600.0
"""Seconds between two rounds: what the disk did not give up may come back, as after a backup was restored."""
BATCH = 20
PAUSE = 0.1
"""Seconds between two batches, for those who wait for the database."""


@dataclass(slots=True)
class Rereading:
    """Brings what is known of the kept files to what the present reader finds."""

    database: Database
    blobs: Blobs
    clock: Clock

    async def follow(self) -> None:
        """Read again what must be, for ever (a root task)."""
        while True:
            try:
                count = await self.round()
            except SQLAlchemyError as error:
                log.warning("rereading_postponed", error=type(error).__name__)
            else:
                if count:
                    log.info("files_read_again", count=count)
            await asyncio.sleep(EVERY)

    async def round(self) -> int:
        """Read everything again that an older reader read; returns how many files' records changed."""
        changed = 0
        for table, kind in _TABLES.items():
            last = 0
            while rows := await self._outdated(table, last):
                changed += await self._read(table, kind, rows)
                last = rows[-1][0]
                await asyncio.sleep(PAUSE)
        return changed

    async def _outdated(self, table: Table, last: int) -> list[tuple[int, str, str]]:
        query = select(table.seq, table.sha256, table.filename).where(table.reader < VERSION, table.seq > last)
        async with self.database.read() as session:
            rows = await session.execute(query.order_by(table.seq).limit(BATCH))
            return [(seq, sha256, filename) for seq, sha256, filename in rows]

    async def _read(self, table: Table, kind: str, rows: Sequence[tuple[int, str, str]]) -> int:
        found = {seq: await read_kept(self.blobs, sha256, filename) for seq, sha256, filename in rows}
        changed = []
        async with self.database.write() as session:
            for seq, contents in found.items():
                file = await _file(session, table, seq)
                if file is not None and _update(file, contents):  # none if it was deleted or approved meanwhile
                    changed.append(file.id)
            if changed:
                record(session, self.clock(), EventType.FILES_READ, **{kind: changed})
        return len(changed)


_TABLES: Mapping[Table, str] = {ArchiveItem: "archive", PendingUpload: "pending"}


async def _file(session: AsyncSession, table: Table, seq: int) -> ArchiveItem | PendingUpload | None:
    if table is ArchiveItem:
        return await session.get(ArchiveItem, seq)
    return await session.get(PendingUpload, seq)


def _update(file: ArchiveItem | PendingUpload, contents: Contents) -> bool:
    """Write down what was found; a file that could not be read keeps what was known of it."""
    found = prints.columns(contents, file.filename) if contents.reader else {"reader_error": contents.error}
    news = {name: value for name, value in found.items() if getattr(file, name) != value}
    for name, value in news.items():
        setattr(file, name, value)
    return bool(news)
