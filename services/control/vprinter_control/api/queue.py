"""`queue`: plates that wait to be printed, in order."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.api.fields import Id
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.routing import Body, Call, Route
from vprinter_control.domain.refusal import Invalid
from vprinter_control.store import files as store
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem, QueueItem


class QueueBody(Body):
    """What to put at the end of the queue."""

    archive_id: Id
    plate: int | None = Field(default=None, ge=1, le=1000)
    """Left out: the file's first plate."""


class QueuePatch(Body):
    """Changes; what is left out stays."""

    position: int = Field(default=1, ge=1)
    """The place in the queue, counted from 1; beyond the end is the end."""
    hold: bool = False
    printer_id: Id | None = None
    """The real printer it is assigned to; null = any."""


class QueueObject(BaseModel):
    """One plate in the queue."""

    id: str
    archive_id: str
    name: str
    filename: str
    sha256: str
    plate: int
    position: int
    hold: bool
    printer_id: str | None
    options: dict[str, Any]
    job_id: str | None
    created_at: AwareDatetime


async def _list(call: Call) -> Page[QueueObject]:
    async with call.control.database.read() as session:

        async def shown(items: Sequence[QueueItem]) -> list[QueueObject]:
            return await _show(session, items)

        return await page(session, select(QueueItem), QueueItem.position, call.query, shown, newest_first=False)


async def _get(call: Call) -> QueueObject:
    async with call.control.database.read() as session:
        return (await _show(session, [await store.queue_item(session, call.id)]))[0]


async def _add(call: Call) -> QueueObject:
    body: QueueBody = call.body
    async with call.control.database.write() as session:
        item = await store.archive_item(session, body.archive_id)
        plates = [plate["index"] for plate in item.plates]
        wanted = body.plate if body.plate is not None else plates[0]
        if wanted not in plates:
            raise Invalid(
                "no_such_plate", f"{item.filename} has no plate {wanted}", field="plate", hint=f"it has {plates}"
            )
        job = (await store.jobs_of(session, [item.upload_id])).get(item.upload_id)
        queued = await store.enqueue(session, item, [wanted], job, call.control.clock())
        await session.flush()
        return (await _show(session, queued))[0]


async def _change(call: Call) -> QueueObject:
    body: QueuePatch = call.body
    async with call.control.database.write() as session:
        item = await store.queue_item(session, call.id)
        if "hold" in body.model_fields_set:
            item.hold = body.hold
        if "printer_id" in body.model_fields_set:
            item.printer_id = body.printer_id
        if "position" in body.model_fields_set:
            await _move(session, item, body.position)
        changed = sorted(body.model_fields_set)
        record(session, call.control.clock(), EventType.QUEUE_CHANGED, queue=item.id, changed=changed)
    return await _get(call)


async def _remove(call: Call) -> None:
    async with call.control.database.write() as session:
        item = await store.queue_item(session, call.id)
        await session.delete(item)
        await session.flush()
        _number(await _ordered(session))
        record(session, call.control.clock(), EventType.QUEUE_REMOVED, queue=item.id, archive=item.archive_id)


async def _move(session: AsyncSession, item: QueueItem, position: int) -> None:
    others = [other for other in await _ordered(session) if other is not item]
    others.insert(position - 1, item)
    _number(others)


async def _ordered(session: AsyncSession) -> list[QueueItem]:
    return list(await session.scalars(select(QueueItem).order_by(QueueItem.position, QueueItem.seq)))


def _number(items: Sequence[QueueItem]) -> None:
    for position, item in enumerate(items, start=1):
        if item.position != position:
            item.position = position


async def _show(session: AsyncSession, items: Sequence[QueueItem]) -> list[QueueObject]:
    ids = {item.archive_id for item in items}
    files = {file.id: file for file in await session.scalars(select(ArchiveItem).where(ArchiveItem.id.in_(ids)))}
    return [_object(item, files[item.archive_id]) for item in items]


def _object(item: QueueItem, file: ArchiveItem) -> QueueObject:
    return QueueObject(
        id=item.id,
        archive_id=item.archive_id,
        name=file.name,
        filename=file.filename,
        sha256=file.sha256,
        plate=item.plate,
        position=item.position,
        hold=item.hold,
        printer_id=item.printer_id,
        options=item.options,
        job_id=item.job_id,
        created_at=item.created_at,
    )


ROUTES = (
    Route("GET", "/queue", "List the queue in its order", _list, Page[QueueObject], query=Paging),
    Route(
        "POST",
        "/queue",
        "Add a plate of an archived file",
        _add,
        QueueObject,
        body=QueueBody,
        status=HTTPStatus.CREATED,
    ),
    Route("GET", "/queue/{id}", "Get a queue item", _get, QueueObject),
    Route("PATCH", "/queue/{id}", "Move, hold or assign it", _change, QueueObject, body=QueuePatch),
    Route("DELETE", "/queue/{id}", "Remove it", _remove),
)
