"""Archive items, pending uploads and queue items in the database."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.message import new_id
from vprinter_control.domain.refusal import NotThere
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem, Job, PendingUpload, Project, QueueItem

_SHARED = (
    "id", "upload_id", "sha256", "size", "filename", "name", "virtual_printer_id", "received_at", "client", "owner",
    "mode", "plates", "reader_error", "notes", "tags", "project_id",
)  # fmt: skip


async def archive_item(session: AsyncSession, id_: str) -> ArchiveItem:
    """An archive item, or NotThere."""
    found = await session.scalar(select(ArchiveItem).where(ArchiveItem.id == id_))
    if found is None:
        raise NotThere("archive item", id_)
    return found


async def pending_upload(session: AsyncSession, id_: str) -> PendingUpload:
    """A pending upload, or NotThere."""
    found = await session.scalar(select(PendingUpload).where(PendingUpload.id == id_))
    if found is None:
        raise NotThere("pending upload", id_)
    return found


async def queue_item(session: AsyncSession, id_: str) -> QueueItem:
    """A queue item, or NotThere."""
    found = await session.scalar(select(QueueItem).where(QueueItem.id == id_))
    if found is None:
        raise NotThere("queue item", id_)
    return found


async def project(session: AsyncSession, id_: str) -> Project:
    """A project, or NotThere."""
    found = await session.scalar(select(Project).where(Project.id == id_))
    if found is None:
        raise NotThere("project", id_)
    return found


async def jobs_of(session: AsyncSession, uploads: Iterable[str]) -> dict[str, Job]:
    """The matched job by upload id."""
    found = await session.scalars(select(Job).where(Job.upload_id.in_(list(uploads))))
    return {job.upload_id: job for job in found if job.upload_id is not None}


def archived(pending: PendingUpload) -> ArchiveItem:
    """The archive item that an approved upload becomes; it keeps its id."""
    return ArchiveItem(**{name: getattr(pending, name) for name in _SHARED})


async def enqueue(
    session: AsyncSession, item: ArchiveItem, plates: Iterable[int], job: Job | None, now: datetime
) -> list[QueueItem]:
    """Put plates at the end of the queue, assigned to nobody."""
    position = (await session.scalar(select(func.max(QueueItem.position)))) or 0
    added = []
    for offset, plate in enumerate(plates, start=1):
        queued = QueueItem(
            id=new_id(),
            archive_id=item.id,
            plate=plate,
            position=position + offset,
            hold=False,
            options=options_for(job, plate),
            job_id=job.id if job else None,
            created_at=now,
        )
        session.add(queued)
        record(session, now, EventType.QUEUE_ADDED, queue=queued.id, archive=item.id, plate=plate)
        added.append(queued)
    return added


def options_for(job: Job | None, plate: int) -> dict[str, Any]:
    """The print options for one plate: a job that names a plate speaks of that one only."""
    if job is None or job.plate not in (None, plate):
        return {}
    return dict(job.options)


async def remove_from_queue(session: AsyncSession, archive_id: str, now: datetime) -> None:
    """Take a file's plates out of the queue."""
    for item in await session.scalars(select(QueueItem).where(QueueItem.archive_id == archive_id)):
        record(session, now, EventType.QUEUE_REMOVED, queue=item.id, archive=archive_id, plate=item.plate)
        await session.delete(item)
    await session.flush()
