"""What becomes of pending uploads: approved, discarded, restored, and deleted some time after."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.domain.refusal import Conflict
from vprinter_control.store import files, queue
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem, PendingUpload


class Destination(StrEnum):
    """Where an approved upload goes."""

    ARCHIVE = "archive"
    QUEUE = "queue"
    """To the archive, and each plate to the queue."""


async def waiting(session: AsyncSession, id_: str) -> PendingUpload:
    """A pending upload that was not discarded."""
    pending = await files.pending_upload(session, id_)
    if pending.discarded_at is not None:
        raise Conflict(
            "discarded",
            f"{pending.filename} was discarded at {pending.discarded_at:%H:%M:%S} UTC",
            hint=f"POST /api/v1/pending/{id_}/restore takes that back",
        )
    return pending


async def approve(session: AsyncSession, pending: PendingUpload, to: Destination, now: datetime) -> ArchiveItem:
    """Make an archive item of it; it keeps its id."""
    item = files.archived(pending)
    session.add(item)
    await session.delete(pending)
    await session.flush()
    record(session, now, EventType.PENDING_APPROVED, pending=item.id, name=item.name, archive=item.id, to=to.value)
    if to is Destination.QUEUE:
        job = (await files.jobs_of(session, [item.upload_id])).get(item.upload_id)
        await queue.append(session, item, [plate["index"] for plate in item.plates], job, now)
    return item


def discard(session: AsyncSession, pending: PendingUpload, now: datetime) -> None:
    """Take it away; for a while it can be restored."""
    if pending.discarded_at is None:
        pending.discarded_at = now
        about = {"name": pending.name, "filename": pending.filename, "sha256": pending.sha256}
        record(session, now, EventType.PENDING_DISCARDED, pending=pending.id, **about)


def restore(session: AsyncSession, pending: PendingUpload, now: datetime) -> None:
    """Take a discarding back."""
    if pending.discarded_at is not None:
        pending.discarded_at = None
        record(session, now, EventType.PENDING_RESTORED, pending=pending.id, name=pending.name)


async def discarded(session: AsyncSession, before: datetime) -> Sequence[PendingUpload]:
    """What was discarded before a time."""
    return (await session.scalars(select(PendingUpload).where(PendingUpload.discarded_at < before))).all()


async def clear_out(session: AsyncSession, before: datetime, now: datetime) -> Sequence[PendingUpload]:
    """Delete what was discarded before a time."""
    gone = await discarded(session, before)
    for pending in gone:
        about = {"name": pending.name, "filename": pending.filename, "sha256": pending.sha256}
        record(session, now, EventType.PENDING_DELETED, pending=pending.id, **about)
        await session.delete(pending)
    return gone
