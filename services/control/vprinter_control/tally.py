"""What the database holds, as metrics."""

from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.metrics import Metrics
from vprinter_control.store.schema import ArchiveItem, Blob, PendingUpload, Printer, QueueItem

_COUNTED = {"archive": ArchiveItem, "pending": PendingUpload, "queue": QueueItem, "virtual_printers": Printer}
_STATE = case((QueueItem.started_at.is_not(None), "started"), (QueueItem.hold, "held"), else_="waiting")
_STATES = ("waiting", "held", "started")


async def count(session: AsyncSession, metrics: Metrics, now: datetime) -> None:
    """Set the gauges."""
    for kind, table in _COUNTED.items():
        metrics.items.labels(kind).set(await session.scalar(select(func.count()).select_from(table)) or 0)
    metrics.blob_bytes.set(await session.scalar(select(func.sum(Blob.size))) or 0)
    amounts = dict.fromkeys(_STATES, 0)
    for state, amount in await session.execute(select(_STATE, func.count()).group_by(_STATE)):
        amounts[state] = amount
    for state, amount in amounts.items():
        metrics.queue.labels(state).set(amount)
    waiting = select(func.min(QueueItem.created_at)).where(QueueItem.started_at.is_(None), ~QueueItem.hold)
    metrics.queue_age.set(_age(await session.scalar(waiting), now))
    undecided = select(func.min(PendingUpload.received_at)).where(PendingUpload.discarded_at.is_(None))
    metrics.pending_age.set(_age(await session.scalar(undecided), now))


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
