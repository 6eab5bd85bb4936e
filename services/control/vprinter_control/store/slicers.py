"""Which slicer is at an address: what the newest file from there says of the program that made it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.domain.sighting import Sighting
from vprinter_control.store.schema import ArchiveItem, PendingUpload, SetupEvidence


@dataclass(frozen=True, slots=True)
class Slicer:
    """A program."""

    name: str
    version: str | None


async def by_client(session: AsyncSession, clients: Collection[str]) -> dict[str, Slicer]:
    """The slicer at each address of which one is known."""
    found = {}
    for client in clients:
        rows = [await _newest(session, table, client) for table in (ArchiveItem, PendingUpload)]
        if files := [row for row in rows if row is not None]:
            found[client] = max(files, key=lambda file: file[0])[1]
    return found


async def last_seen(session: AsyncSession, printer: str) -> Sighting | None:
    """The slicer that turned up last, as far as the set-up remembers."""
    newest = await session.scalar(
        select(SetupEvidence).where(SetupEvidence.printer_id == printer).order_by(SetupEvidence.at.desc()).limit(1)
    )
    return Sighting(newest.client, newest.service, newest.at) if newest else None


async def _newest(
    session: AsyncSession, table: type[ArchiveItem] | type[PendingUpload], client: str
) -> tuple[datetime, Slicer] | None:
    columns = select(table.received_at, table.slicer_name, table.slicer_version)
    named = columns.where(table.client == client, table.slicer_name.is_not(None))
    row = (await session.execute(named.order_by(table.received_at.desc()).limit(1))).first()
    return (row[0], Slicer(row[1] or "", row[2])) if row else None
