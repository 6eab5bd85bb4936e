"""`queue`: plates that wait to be printed, in order."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import AwareDatetime, Field
from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.api.conditional import Item
from vprinter_control.api.fields import Id
from vprinter_control.api.paging import Page, Part, decode, encode, whole
from vprinter_control.api.problems import ProblemError
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.domain.refusal import Invalid
from vprinter_control.store import audit, queue, targets
from vprinter_control.store import files as store
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem, QueueItem


class QueueQuery(Part):
    """What to list: all of the given must hold."""

    printer: Id | None = None
    """Assigned to this printer."""
    unassigned: bool | None = None
    hold: bool | None = None


class QueueBody(Body):
    """What to put at the end of the queue."""

    archive_id: Id
    plate: int | None = Field(default=None, ge=1, le=1000)
    """Left out: the file's first plate."""
    hold: bool = False
    printer_id: Id | None = None
    """The real printer it is assigned to; null = any."""


class QueuePatch(Body):
    """Changes; what is left out stays.

    `after` and `before` name the neighbours to put it between. If `after` is gone, `before` is gone by; null is the end
    on that side: `{"after": null}` puts it first, `{"before": null}` last.
    """

    hold: bool = False
    printer_id: Id | None = None
    """The real printer it is assigned to; null = any."""
    after: Id | None = None
    before: Id | None = None


class QueueObject(Item):
    """One plate in the queue."""

    derived: ClassVar = frozenset({"position", "name"})

    id: str
    archive_id: str
    name: str
    filename: str
    sha256: str
    plate: int
    position: int
    """The place in the queue, counted from 1."""
    hold: bool
    printer_id: str | None
    options: dict[str, Any]
    job_id: str | None
    created_at: AwareDatetime


async def _list(call: Call) -> Page[QueueObject]:
    wanted: QueueQuery = call.query
    query = _filtered(wanted)
    async with call.control.database.read() as session:
        rows = (await session.scalars(query.order_by(*queue.ORDER).limit(wanted.limit + 1))).all()
        shown = await _show(session, rows[: wanted.limit], numbered=query.whereclause is None)
    last = rows[wanted.limit - 1] if len(rows) > wanted.limit else None
    return Page(items=shown, next=encode([last.rank, last.seq]) if last else None)


def _filtered(wanted: QueueQuery) -> Select[QueueItem]:
    query = select(QueueItem)
    if wanted.printer is not None:
        query = query.where(QueueItem.printer_id == wanted.printer)
    if wanted.unassigned is not None:
        assigned = QueueItem.printer_id
        query = query.where(assigned.is_(None) if wanted.unassigned else assigned.is_not(None))
    if wanted.hold is not None:
        query = query.where(QueueItem.hold == wanted.hold)
    if wanted.cursor is not None:
        query = query.where(tuple_(*queue.ORDER) > tuple_(*_place(wanted.cursor)))
    return query


def _place(cursor: str) -> tuple[int, int]:
    try:
        rank, seq = decode(cursor)
        return whole(rank), whole(seq)
    except ValueError:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid_cursor",
            "the cursor is not one of ours",
            field="cursor",
            hint="take it from `next` of the page before",
        ) from None


async def _get(call: Call) -> QueueObject:
    async with call.control.database.read() as session:
        return (await _show(session, [await queue.item(session, call.id)]))[0]


async def _add(call: Call) -> QueueObject:
    body: QueueBody = call.body
    async with call.control.database.write() as session:
        item = await store.archive_item(session, body.archive_id)
        await targets.named(session, body.printer_id, "printer_id")
        plates = [plate["index"] for plate in item.plates]
        wanted = body.plate if body.plate is not None else next(iter(plates), 0)
        if wanted not in plates:
            raise Invalid(
                "no_such_plate",
                f"{item.filename} has no plate {wanted or 'at all'}",
                field="plate",
                hint=f"it has {plates}" if plates else "it holds no sliced plate: slice it first",
            )
        job = (await store.jobs_of(session, [item.upload_id])).get(item.upload_id)
        queued = await queue.append(
            session, item, [wanted], job, call.control.clock(), hold=body.hold, printer_id=body.printer_id
        )
        await session.flush()
        return (await _show(session, queued))[0]


async def _change(call: Call) -> QueueObject:
    body: QueuePatch = call.body
    wanted = body.model_fields_set
    if call.id in (body.after, body.before):
        field = "after" if body.after == call.id else "before"
        raise Invalid("invalid", "an item cannot be its own neighbour", field=field)
    async with call.control.database.write() as session:
        item = await queue.item(session, call.id)
        await targets.named(session, body.printer_id, "printer_id")
        before = {name: getattr(item, name) for name in sorted(wanted & {"hold", "printer_id"})}
        for name in before:
            setattr(item, name, getattr(body, name))
        changes = audit.changes(before, item)
        if wanted & {"after", "before"}:
            changes["position"] = {"from": await queue.position(session, item)}
            if body.after is None and body.before is None and "before" not in wanted:
                await queue.to_start(session, item)
            else:
                await queue.move(session, item, body.after, body.before)
            changes["position"]["to"] = await queue.position(session, item)
        shown = (await _show(session, [item]))[0]
        about = {"queue": item.id, "name": shown.name, "changed": sorted(wanted)}
        record(session, call.control.clock(), EventType.QUEUE_CHANGED, changes, **about)
    return shown


async def _remove(call: Call) -> None:
    async with call.control.database.write() as session:
        item = await queue.item(session, call.id)
        file = await store.archive_item(session, item.archive_id)
        await queue.remove(session, item, file.name, call.control.clock())


async def _show(session: AsyncSession, items: Sequence[QueueItem], *, numbered: bool = False) -> list[QueueObject]:
    """Queue items with their files. `numbered`: they follow one another from the first on."""
    ids = {item.archive_id for item in items}
    files = {file.id: file for file in await session.scalars(select(ArchiveItem).where(ArchiveItem.id.in_(ids)))}
    if numbered:
        places = list(range(1, len(items) + 1))
    else:
        places = await queue.positions(session, items)
    return [_object(item, files[item.archive_id], place) for item, place in zip(items, places, strict=True)]


def _object(item: QueueItem, file: ArchiveItem, position: int) -> QueueObject:
    return QueueObject(
        id=item.id,
        archive_id=item.archive_id,
        name=file.name,
        filename=file.filename,
        sha256=file.sha256,
        plate=item.plate,
        position=position,
        hold=item.hold,
        printer_id=item.printer_id,
        options=item.options,
        job_id=item.job_id,
        created_at=item.created_at,
    )


_UNKNOWN = (HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_printer")
ROUTES = (
    Route("GET", "/queue", "List the queue in its order", _list, Page[QueueObject], query=QueueQuery),
    Route(
        "POST",
        "/queue",
        "Add a plate of an archived file",
        _add,
        QueueObject,
        body=QueueBody,
        status=HTTPStatus.CREATED,
        access=Access.QUEUE,
        problems=(
            (HTTPStatus.NOT_FOUND, "not_found"),
            (HTTPStatus.UNPROCESSABLE_ENTITY, "no_such_plate"),
            _UNKNOWN,
        ),
    ),
    Route("GET", "/queue/{id}", "Get a queue item", _get, QueueObject),
    Route(
        "PATCH",
        "/queue/{id}",
        "Move, hold or assign it",
        _change,
        QueueObject,
        body=QueuePatch,
        access=Access.QUEUE,
        problems=((HTTPStatus.CONFLICT, "neighbour_gone"), _UNKNOWN),
    ),
    Route("DELETE", "/queue/{id}", "Remove it", _remove, access=Access.QUEUE),
)
