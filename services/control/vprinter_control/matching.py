"""Joins jobs with uploads in the database, whichever came first, and stamps what they belong to."""

from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from vprinter_control.domain.join import WINDOW, Half, pair
from vprinter_control.store.events import EventType, record
from vprinter_control.store.queue import options_for
from vprinter_control.store.schema import ArchiveItem, Job, QueueItem, Upload

REACH = WINDOW * 4
"""A newcomer may change the partner of a neighbour, that one of the next: so far is looked."""


async def match(session: AsyncSession, printer: str, filename: str, at: datetime, now: datetime) -> None:
    """Pair anew what is around a time; called after an upload or a job was added."""
    uploads = list(
        await session.scalars(
            select(Upload).where(Upload.printer_id == printer, Upload.filename == filename, _around(Upload.at, at))
        )
    )
    jobs = list(
        await session.scalars(
            select(Job).where(Job.printer_id == printer, Job.filename == filename, _around(Job.at, at))
        )
    )
    pairs = pair(
        [Half(upload.id, upload.client, upload.at, upload.access_code) for upload in uploads],
        [Half(job.id, job.client, job.at, job.access_code) for job in jobs],
    )
    orphaned = {job.upload_id for job in jobs if job.upload_id not in (None, pairs.get(job.id))}
    for orphan in orphaned - set(pairs.values()):
        await _stamp(session, str(orphan), None)
    for job in jobs:
        upload_id = pairs.get(job.id)
        if upload_id == job.upload_id:
            continue
        job.upload_id = upload_id
        if upload_id is not None:
            await _stamp(session, upload_id, job)
            record(session, now, EventType.JOB_MATCHED, job=job.id, upload=upload_id, printer=printer)


async def _stamp(session: AsyncSession, upload_id: str, job: Job | None) -> None:
    """Give a job's options to the queue items of its upload that have not started."""
    waiting = await session.scalars(
        select(QueueItem)
        .join(ArchiveItem, ArchiveItem.id == QueueItem.archive_id)
        .where(ArchiveItem.upload_id == upload_id, QueueItem.started_at.is_(None))
    )
    for item in waiting:
        item.job_id = job.id if job else None
        item.options = options_for(job, item.plate)


def _around(column: InstrumentedAttribute[datetime], at: datetime) -> ColumnElement[bool]:
    return column.between(at - REACH, at + REACH)
