"""`pending`: uploads that wait for their review."""

from collections.abc import Sequence
from enum import StrEnum
from http import HTTPStatus

from sqlalchemy import select

from vprinter_control.api.files import FileObject, FilePatch, change, show
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.routing import Body, Call, Route
from vprinter_control.store import files as store
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import PendingUpload


class Destination(StrEnum):
    """Where an approved upload goes."""

    ARCHIVE = "archive"
    QUEUE = "queue"


class Approval(Body):
    """What to do with an approved upload."""

    to: Destination = Destination.ARCHIVE


async def _list(call: Call) -> Page[FileObject]:
    async with call.control.database.read() as session:

        async def shown(items: Sequence[PendingUpload]) -> list[FileObject]:
            return await show(session, items)

        return await page(session, select(PendingUpload), PendingUpload.seq, call.query, shown)


async def _get(call: Call) -> FileObject:
    async with call.control.database.read() as session:
        return (await show(session, [await store.pending_upload(session, call.id)]))[0]


async def _change(call: Call) -> FileObject:
    async with call.control.database.write() as session:
        pending = await store.pending_upload(session, call.id)
        await change(session, pending, call.body)
        changed = sorted(call.body.model_fields_set)
        record(session, call.control.clock(), EventType.PENDING_CHANGED, pending=pending.id, changed=changed)
    return await _get(call)


async def _approve(call: Call) -> FileObject:
    approval: Approval = call.body
    now = call.control.clock()
    async with call.control.database.write() as session:
        pending = await store.pending_upload(session, call.id)
        item = store.archived(pending)
        session.add(item)
        await session.delete(pending)
        await session.flush()
        record(session, now, EventType.PENDING_APPROVED, pending=item.id, archive=item.id, to=approval.to.value)
        if approval.to is Destination.QUEUE:
            job = (await store.jobs_of(session, [item.upload_id])).get(item.upload_id)
            await store.enqueue(session, item, [plate["index"] for plate in item.plates], job, now)
        return (await show(session, [item]))[0]


async def _discard(call: Call) -> None:
    async with call.control.database.write() as session:
        pending = await store.pending_upload(session, call.id)
        await session.delete(pending)
        record(session, call.control.clock(), EventType.PENDING_DISCARDED, pending=pending.id, sha256=pending.sha256)


ROUTES = (
    Route("GET", "/pending", "List pending uploads, the newest first", _list, Page[FileObject], query=Paging),
    Route("GET", "/pending/{id}", "Get a pending upload", _get, FileObject),
    Route("PATCH", "/pending/{id}", "Change its name, notes, tags or project", _change, FileObject, body=FilePatch),
    Route(
        "POST",
        "/pending/{id}/approve",
        "Move it to the archive, or also to the queue; answers the archive item",
        _approve,
        FileObject,
        body=Approval,
        body_optional=True,
    ),
    Route("POST", "/pending/{id}/discard", "Delete it", _discard, status=HTTPStatus.NO_CONTENT),
)
