"""The event feed's table."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.store.schema import Event


class EventType(StrEnum):
    """What can happen."""

    PRINTER_CREATED = "printer.created"
    PRINTER_CHANGED = "printer.changed"
    PRINTER_DELETED = "printer.deleted"
    CERTIFICATE_ISSUED = "certificate.issued"
    ARCHIVE_ADDED = "archive.added"
    ARCHIVE_CHANGED = "archive.changed"
    ARCHIVE_DELETED = "archive.deleted"
    PENDING_ADDED = "pending.added"
    PENDING_CHANGED = "pending.changed"
    PENDING_APPROVED = "pending.approved"
    PENDING_DISCARDED = "pending.discarded"
    QUEUE_ADDED = "queue.added"
    QUEUE_CHANGED = "queue.changed"
    QUEUE_REMOVED = "queue.removed"
    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    PROJECT_DELETED = "project.deleted"
    TOKEN_CREATED = "token.created"  # noqa: S105 - the name of an event
    TOKEN_DELETED = "token.deleted"  # noqa: S105 - the name of an event
    UPLOAD_FAILED = "upload.failed"
    JOB_REQUESTED = "job.requested"
    JOB_MATCHED = "job.matched"
    AUTH_FAILED = "auth.failed"
    TLS_FAILED = "tls.failed"
    FILE_MISSING = "file.missing"
    """A fact tells of a file that is not in the store."""
    FACT_UNREADABLE = "fact.unreadable"


def record(session: AsyncSession, at: datetime, type_: EventType, /, **data: Any) -> None:
    """Write an event into the transaction of the change it tells of."""
    session.add(Event(at=at, type=type_.value, data=data))


async def after(session: AsyncSession, last: int, limit: int) -> list[Event]:
    """The next events after an id."""
    return list(await session.scalars(select(Event).where(Event.id > last).order_by(Event.id).limit(limit)))


async def bounds(session: AsyncSession) -> tuple[int, int]:
    """First and last id that are kept; 0, 0 if none is."""
    first, last = (await session.execute(select(func.min(Event.id), func.max(Event.id)))).one()
    return first or 0, last or 0


async def forget(session: AsyncSession, keep: int) -> None:
    """Keep the newest events only."""
    _, last = await bounds(session)
    await session.execute(delete(Event).where(Event.id <= last - keep))
