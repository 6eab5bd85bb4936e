"""`pending`: uploads that wait for their review."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.api import content
from vprinter_control.api.catalogue import FileQuery, listed
from vprinter_control.api.fields import Id, Notes, Tags
from vprinter_control.api.files import FileObject, FilePatch, change, show
from vprinter_control.api.paging import Page
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.domain.refusal import Refused
from vprinter_control.store import files as store
from vprinter_control.store import review
from vprinter_control.store.events import EventType
from vprinter_control.store.review import Destination
from vprinter_control.store.schema import PendingUpload

MAX_BULK = 500


class PendingQuery(FileQuery):
    """What to list: all of the given must hold."""

    discarded: bool = False
    """List what was discarded and can still be restored."""


class Approval(Body):
    """What to do with an approved upload."""

    to: Destination = Destination.ARCHIVE


class Action(StrEnum):
    """What is done to many."""

    APPROVE = "approve"
    DISCARD = "discard"


class Bulk(Body):
    """One thing to be done to many uploads; each is done or refused by itself."""

    action: Action
    ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MAX_BULK)]
    to: Destination = Destination.ARCHIVE
    """Where approved uploads go."""
    project_id: Id | None = None
    tags: Tags = Field(default_factory=list)
    notes: Notes = ""


class Failed(BaseModel):
    """Why nothing was done to one of many."""

    id: str
    code: str
    title: str


class BulkObject(BaseModel):
    """What was done to whom."""

    done: list[str]
    failed: list[Failed]


async def _list(call: Call) -> Page[FileObject]:
    wanted: PendingQuery = call.query
    discarded = PendingUpload.discarded_at
    query = select(PendingUpload.seq).where(discarded.is_not(None) if wanted.discarded else discarded.is_(None))
    async with call.control.database.read() as session:
        return await listed(session, PendingUpload, query, wanted)


async def _get(call: Call) -> FileObject:
    async with call.control.database.read() as session:
        return await _shown(session, await store.pending_upload(session, call.id))


async def _change(call: Call) -> FileObject:
    async with call.control.database.write() as session:
        pending = await review.waiting(session, call.id)
        await change(session, pending, call.body, EventType.PENDING_CHANGED, call.control.clock())
    return await _get(call)


async def _approve(call: Call) -> FileObject:
    approval: Approval = call.body
    async with call.control.database.write() as session:
        pending = await review.waiting(session, call.id)
        item = await review.approve(session, pending, approval.to, call.control.clock())
        return (await show(session, [item]))[0]


async def _discard(call: Call) -> None:
    async with call.control.database.write() as session:
        review.discard(session, await store.pending_upload(session, call.id), call.control.clock())


async def _restore(call: Call) -> FileObject:
    async with call.control.database.write() as session:
        pending = await store.pending_upload(session, call.id)
        review.restore(session, pending, call.control.clock())
        return await _shown(session, pending)


async def _bulk(call: Call) -> BulkObject:
    body: Bulk = call.body
    patch = FilePatch.model_validate(body.model_dump(include=body.model_fields_set & {"project_id", "tags", "notes"}))
    done: list[str] = []
    failed: list[Failed] = []
    async with call.control.database.write() as session:
        if patch.project_id is not None:
            await store.project(session, patch.project_id)
        for id_ in dict.fromkeys(body.ids):
            try:
                await _carry_out(session, call, id_, body, patch)
            except Refused as refusal:
                failed.append(Failed(id=id_, code=refusal.code, title=refusal.detail))
            else:
                done.append(id_)
    return BulkObject(done=done, failed=failed)


async def _carry_out(session: AsyncSession, call: Call, id_: str, body: Bulk, patch: FilePatch) -> None:
    now = call.control.clock()
    pending = await review.waiting(session, id_)
    if body.action is Action.DISCARD:
        review.discard(session, pending, now)
        return
    if patch.model_fields_set:
        await change(session, pending, patch, EventType.PENDING_CHANGED, now)
    await review.approve(session, pending, body.to, now)


async def _file(call: Call) -> web.StreamResponse:
    async with call.control.database.read() as session:
        pending = await store.pending_upload(session, call.id)
    return await content.download(call, pending)


async def _thumbnail(call: Call) -> web.Response:
    async with call.control.database.read() as session:
        pending = await store.pending_upload(session, call.id)
    return await content.thumbnail(call, pending)


async def _shown(session: AsyncSession, pending: PendingUpload) -> FileObject:
    return (await show(session, [pending]))[0]


_DISCARDED = ((HTTPStatus.CONFLICT, "discarded"),)

ROUTES = (
    Route("GET", "/pending", "List pending uploads", _list, Page[FileObject], query=PendingQuery),
    Route(
        "POST",
        "/pending/bulk",
        "Approve or discard many",
        _bulk,
        BulkObject,
        body=Bulk,
        access=Access.FILES,
        problems=((HTTPStatus.NOT_FOUND, "not_found"),),
    ),
    Route("GET", "/pending/{id}", "Get a pending upload", _get, FileObject),
    Route(
        "PATCH",
        "/pending/{id}",
        "Change its name, notes, tags or project",
        _change,
        FileObject,
        body=FilePatch,
        access=Access.FILES,
        problems=_DISCARDED,
    ),
    Route(
        "POST",
        "/pending/{id}/approve",
        "Move it to the archive, or also to the queue; answers the archive item",
        _approve,
        FileObject,
        body=Approval,
        body_optional=True,
        access=Access.FILES,
        problems=_DISCARDED,
    ),
    Route(
        "POST",
        "/pending/{id}/discard",
        "Discard it; for a minute it can be restored",
        _discard,
        status=HTTPStatus.NO_CONTENT,
        access=Access.FILES,
    ),
    Route("POST", "/pending/{id}/restore", "Take its discarding back", _restore, FileObject, access=Access.FILES),
    *content.routes("pending", _file, _thumbnail),
)
