"""When tokens, sessions of the page and access codes were used last: noted at once, written at leisure."""

import asyncio
from datetime import datetime

import structlog
from sqlalchemy import or_, update
from sqlalchemy.exc import SQLAlchemyError

from vprinter_control.store.database import Database
from vprinter_control.store.schema import Code, PageSession, Token

log = structlog.get_logger()

WRITE_EVERY = 30.0
"""Seconds between two writes: a request that only reads must not cost a transaction."""

Used = type[Token] | type[PageSession] | type[Code]


class LastUses:
    """The last use of rows that have an `id` and a `last_used_at`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[tuple[Used, str], datetime] = {}

    def note(self, table: Used, id_: str, at: datetime) -> None:
        """A row was used."""
        noted = self._noted.get((table, id_))
        if noted is None or noted < at:
            self._noted[table, id_] = at

    def newest(self, table: Used, id_: str, stored: datetime | None) -> datetime | None:
        """The last use, whether or not it is in the database already."""
        noted = self._noted.get((table, id_))
        return max((at for at in (noted, stored) if at is not None), default=None)

    def forget(self, table: Used, id_: str) -> None:
        """The row is gone, or what was used is another thing now."""
        self._noted.pop((table, id_), None)

    async def write(self) -> None:
        """Bring everything noted into the database; what cannot be written stays noted."""
        noted = dict(self._noted)
        if not noted:
            return
        try:
            async with self._database.write() as session:
                for (table, id_), at in noted.items():
                    older = or_(table.last_used_at.is_(None), table.last_used_at < at)
                    await session.execute(update(table).where(table.id == id_, older).values(last_used_at=at))
        except SQLAlchemyError as error:
            log.warning("last_uses_not_written", error=type(error).__name__, rows=len(noted))
            return
        for key, at in noted.items():
            if self._noted.get(key) == at:
                del self._noted[key]

    async def follow(self) -> None:
        """Write now and then, for ever (a root task)."""
        while True:
            await asyncio.sleep(WRITE_EVERY)
            await self.write()
