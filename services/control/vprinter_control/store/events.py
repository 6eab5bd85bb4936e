"""The event feed's table."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.store import audit
from vprinter_control.store.schema import Event


class EventType(StrEnum):
    """What can happen."""

    PRINTER_CREATED = "printer.created"
    PRINTER_CHANGED = "printer.changed"
    PRINTER_DELETED = "printer.deleted"
    REAL_PRINTER_ADDED = "real_printer.added"
    REAL_PRINTER_CHANGED = "real_printer.changed"
    REAL_PRINTER_FOLLOWED = "real_printer.followed"
    """It was heard at another address, and is there."""
    REAL_PRINTER_DELETED = "real_printer.deleted"
    CERTIFICATE_PINNED = "real_printer.certificate_pinned"
    """The first one that it showed is trusted from now on."""
    CERTIFICATE_ACCEPTED = "real_printer.certificate_accepted"
    COMMAND_RELAYED = "command.relayed"
    COMMAND_REFUSED = "command.refused"
    SESSION_DISCONNECTED = "session.disconnected"
    CERTIFICATE_ISSUED = "certificate.issued"
    AUTHORITY_RENEWED = "authority.renewed"
    AUTHORITY_IMPORTED = "authority.imported"
    AUTHORITY_EXPORTED = "authority.exported"
    ARCHIVE_ADDED = "archive.added"
    ARCHIVE_CHANGED = "archive.changed"
    ARCHIVE_DELETED = "archive.deleted"
    PENDING_ADDED = "pending.added"
    PENDING_CHANGED = "pending.changed"
    PENDING_APPROVED = "pending.approved"
    PENDING_DISCARDED = "pending.discarded"
    PENDING_RESTORED = "pending.restored"
    PENDING_DELETED = "pending.deleted"
    """Discarded, and not restored in time."""
    QUEUE_ADDED = "queue.added"
    QUEUE_CHANGED = "queue.changed"
    QUEUE_REMOVED = "queue.removed"
    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    PROJECT_DELETED = "project.deleted"
    TOKEN_CREATED = "token.created"  # noqa: S105 - the name of an event
    TOKEN_DELETED = "token.deleted"  # noqa: S105 - the name of an event
    PAGE_LOGIN = "page.login"
    PAGE_LOGOUT = "page.logout"
    ACCESS_CODE_ADDED = "access_code.added"
    ACCESS_CODE_CHANGED = "access_code.changed"
    """Its owner was named anew, or the code itself was replaced."""
    ACCESS_CODE_REVOKED = "access_code.revoked"
    UPLOAD_FAILED = "upload.failed"
    JOB_REQUESTED = "job.requested"
    JOB_MATCHED = "job.matched"
    AUTH_FAILED = "auth.failed"
    TLS_FAILED = "tls.failed"
    FILE_MISSING = "file.missing"
    """A fact tells of a file that is not in the store."""
    FILES_READ = "files.read"
    """A newer reader found more, or other things, in kept files."""
    FACT_UNREADABLE = "fact.unreadable"


_NOT_AUDITED = frozenset(
    {
        EventType.AUTH_FAILED,
        EventType.TLS_FAILED,
        EventType.UPLOAD_FAILED,
        EventType.JOB_MATCHED,
        EventType.COMMAND_RELAYED,
        EventType.COMMAND_REFUSED,
        EventType.FILE_MISSING,
        EventType.FILES_READ,
        EventType.FACT_UNREADABLE,
    }
)
"""What nobody did or did not succeed in, and what has a log of its own."""


def record(
    session: AsyncSession,
    at: datetime,
    type_: EventType,
    changes: Mapping[str, Any] | None = None,
    /,
    **data: Any,
) -> None:
    """Write an event into the transaction of the change it tells of, and who made the change into the audit trail.

    `changes` goes to the audit trail only, in place of `data`; neither may hold a code, a token or a key.
    """
    session.add(Event(at=at, type=type_.value, data=data))
    if type_ not in _NOT_AUDITED:
        audit.write_down(session, at, type_.value, data, changes)


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
