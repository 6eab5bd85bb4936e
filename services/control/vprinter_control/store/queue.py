"""The queue's order: ranks with gaps, changed inside the one write transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.message import new_id
from vprinter_control.domain import ranks
from vprinter_control.domain.refusal import Conflict, NotThere
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem, Job, QueueItem

ORDER = (QueueItem.rank, QueueItem.seq)


async def item(session: AsyncSession, id_: str) -> QueueItem:
    """A queue item, or NotThere."""
    found = await session.scalar(select(QueueItem).where(QueueItem.id == id_))
    if found is None:
        raise NotThere("queue item", id_)
    return found


async def append(
    session: AsyncSession,
    file: ArchiveItem,
    plates: Iterable[int],
    job: Job | None,
    now: datetime,
    *,
    hold: bool = False,
    printer_id: str | None = None,
) -> list[QueueItem]:
    """Put plates at the end of the queue."""
    last = await session.scalar(select(func.max(QueueItem.rank)))
    added = []
    for plate in plates:
        last = ranks.after(last)
        queued = QueueItem(
            id=new_id(),
            archive_id=file.id,
            plate=plate,
            rank=last,
            hold=hold,
            printer_id=printer_id,
            options=options_for(job, plate),
            job_id=job.id if job else None,
            created_at=now,
        )
        session.add(queued)
        record(session, now, EventType.QUEUE_ADDED, queue=queued.id, name=file.name, archive=file.id, plate=plate)
        added.append(queued)
    return added


def options_for(job: Job | None, plate: int) -> dict[str, Any]:
    """The print options for one plate: a job that names a plate speaks of that one only."""
    if job is None or job.plate not in (None, plate):
        return {}
    return dict(job.options)


async def remove_file(session: AsyncSession, file: ArchiveItem, now: datetime) -> None:
    """Take a file's plates out of the queue."""
    for queued in await session.scalars(select(QueueItem).where(QueueItem.archive_id == file.id)):
        await remove(session, queued, file.name, now)
    await session.flush()


async def remove(session: AsyncSession, queued: QueueItem, name: str, now: datetime) -> None:
    """Take one plate out of the queue."""
    about = {"queue": queued.id, "name": name, "archive": queued.archive_id, "plate": queued.plate}
    record(session, now, EventType.QUEUE_REMOVED, **about)
    await session.delete(queued)


async def unassign(session: AsyncSession, queued: QueueItem, now: datetime) -> None:
    """Let any printer print an item."""
    file = await session.scalar(select(ArchiveItem).where(ArchiveItem.id == queued.archive_id))
    queued.printer_id = None
    about = {"queue": queued.id, "name": file.name if file else "", "changed": ["printer_id"]}
    record(session, now, EventType.QUEUE_CHANGED, **about)


async def move(session: AsyncSession, moved: QueueItem, after: str | None, before: str | None) -> None:
    """Put an item right after one neighbour, or right before the other if the first is gone; both None = the end."""
    low, high = await _gap(session, moved, after, before)
    rank = ranks.between(low.rank if low else None, high.rank if high else None)
    if rank is None:
        await _spread(session)
        rank = ranks.between(low.rank if low else None, high.rank if high else None)
    if rank is None:
        raise AssertionError("there is room between ranks that were just put in order")
    moved.rank = rank
    await session.flush()


async def to_start(session: AsyncSession, moved: QueueItem) -> None:
    """Put an item before all others."""
    first = await session.scalar(select(func.min(QueueItem.rank)).where(QueueItem.seq != moved.seq))
    if first is not None:
        moved.rank = first - ranks.GAP
    await session.flush()


async def position(session: AsyncSession, queued: QueueItem) -> int:
    """The place in the queue, counted from 1."""
    earlier = tuple_(*ORDER) < tuple_(queued.rank, queued.seq)
    return 1 + (await session.scalar(select(func.count()).select_from(QueueItem).where(earlier)) or 0)


async def positions(session: AsyncSession, items: Sequence[QueueItem]) -> list[int]:
    """The places of several, in one query."""
    numbered = select(QueueItem.seq, func.row_number().over(order_by=ORDER).label("place")).subquery()
    wanted = select(numbered.c.seq, numbered.c.place).where(numbered.c.seq.in_([queued.seq for queued in items]))
    places = {row.seq: row.place for row in await session.execute(wanted)}
    return [places[queued.seq] for queued in items]


async def _gap(
    session: AsyncSession, moved: QueueItem, after: str | None, before: str | None
) -> tuple[QueueItem | None, QueueItem | None]:
    """The two items to go between."""
    others = select(QueueItem).where(QueueItem.seq != moved.seq).limit(1)
    if low := await _neighbour(session, after):
        following = others.where(tuple_(*ORDER) > tuple_(low.rank, low.seq)).order_by(*ORDER)
        return low, await session.scalar(following)
    if high := await _neighbour(session, before):
        preceding = others.where(tuple_(*ORDER) < tuple_(high.rank, high.seq))
        return await session.scalar(preceding.order_by(*(column.desc() for column in ORDER))), high
    if (gone := after or before) is not None:
        raise Conflict(
            "neighbour_gone",
            f"the queue item {gone} to put it next to is gone",
            field="after" if after else "before",
            hint="list the queue again",
        )
    return await session.scalar(others.order_by(*(column.desc() for column in ORDER))), None


async def _neighbour(session: AsyncSession, id_: str | None) -> QueueItem | None:
    if id_ is None:
        return None
    return await session.scalar(select(QueueItem).where(QueueItem.id == id_))


async def _spread(session: AsyncSession) -> None:
    """Put all ranks in order anew, with gaps."""
    every: Sequence[QueueItem] = (await session.scalars(select(QueueItem).order_by(*ORDER))).all()
    for queued, rank in zip(every, ranks.spread(len(every)), strict=True):
        queued.rank = rank
    await session.flush()
