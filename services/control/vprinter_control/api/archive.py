"""`archive`: list, look, change, delete, download."""

from http import HTTPStatus

from aiohttp import web
from sqlalchemy import select

from vprinter_control.api import content
from vprinter_control.api.catalogue import FileQuery, listed
from vprinter_control.api.fields import Id
from vprinter_control.api.files import FileObject, FilePatch, change, show
from vprinter_control.api.paging import Page
from vprinter_control.api.routing import Access, Call, Route
from vprinter_control.store import duplicates, queue
from vprinter_control.store import files as store
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem


class ArchiveQuery(FileQuery):
    """What to list: all of the given must hold."""

    duplicates_of: Id | None = None
    """Exact and likely duplicates of this archive item or pending upload."""


async def _list(call: Call) -> Page[FileObject]:
    wanted: ArchiveQuery = call.query
    query = select(ArchiveItem.seq)
    async with call.control.database.read() as session:
        if wanted.duplicates_of is not None:
            query = query.where(duplicates.duplicates_of(await duplicates.any_file(session, wanted.duplicates_of)))
        return await listed(session, ArchiveItem, query, wanted)


async def _get(call: Call) -> FileObject:
    async with call.control.database.read() as session:
        return (await show(session, [await store.archive_item(session, call.id)]))[0]


async def _change(call: Call) -> FileObject:
    async with call.control.database.write() as session:
        item = await store.archive_item(session, call.id)
        await change(session, item, call.body, EventType.ARCHIVE_CHANGED, call.control.clock())
    return await _get(call)


async def _delete(call: Call) -> None:
    now = call.control.clock()
    async with call.control.database.write() as session:
        item = await store.archive_item(session, call.id)
        await queue.remove_file(session, item, now)
        await session.delete(item)
        about = {"name": item.name, "filename": item.filename, "sha256": item.sha256}
        record(session, now, EventType.ARCHIVE_DELETED, archive=item.id, **about)


async def _file(call: Call) -> web.StreamResponse:
    async with call.control.database.read() as session:
        item = await store.archive_item(session, call.id)
    return await content.download(call, item)


async def _thumbnail(call: Call) -> web.Response:
    async with call.control.database.read() as session:
        item = await store.archive_item(session, call.id)
    return await content.thumbnail(call, item)


ROUTES = (
    Route(
        "GET",
        "/archive",
        "List archived files",
        _list,
        Page[FileObject],
        query=ArchiveQuery,
        problems=((HTTPStatus.NOT_FOUND, "not_found"),),
    ),
    Route("GET", "/archive/{id}", "Get an archive item", _get, FileObject),
    Route(
        "PATCH",
        "/archive/{id}",
        "Change its name, notes, tags or project",
        _change,
        FileObject,
        body=FilePatch,
        access=Access.FILES,
    ),
    Route("DELETE", "/archive/{id}", "Delete it, also from the queue", _delete, access=Access.FILES),
    *content.routes("archive", _file, _thumbnail),
)
