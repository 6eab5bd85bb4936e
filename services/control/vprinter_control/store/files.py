"""Archive items, pending uploads and projects in the database."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.domain.refusal import NotThere
from vprinter_control.store.schema import ArchiveItem, Job, PendingUpload, Project

# An approved upload keeps all that both tables have, but not its place in the list.
_SHARED = {column.key for column in PendingUpload.__table__.columns if column.key in ArchiveItem.__table__.columns} - {
    "seq"
}


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
