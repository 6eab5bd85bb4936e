"""`archive`: list, look, change, delete, download."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web
from pydantic import Field
from sqlalchemy import func, or_, select

from vprinter_common.contracts.message import Sha256
from vprinter_control.api.fields import Id
from vprinter_control.api.files import FileObject, FilePatch, change, show
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.problems import ProblemError
from vprinter_control.api.routing import Call, Route
from vprinter_control.store import files as store
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem
from vprinter_control.threemf import read_thumbnail


class ArchiveQuery(Paging):
    """What to list: all of the given must hold."""

    sha256: Sha256 | None = None
    q: str | None = Field(default=None, min_length=1, max_length=100)
    """Part of the name, file name or notes."""
    project: Id | None = None
    printer: Id | None = None


async def _list(call: Call) -> Page[FileObject]:
    wanted: ArchiveQuery = call.query
    query = select(ArchiveItem)
    if wanted.sha256 is not None:
        query = query.where(ArchiveItem.sha256 == wanted.sha256)
    if wanted.project is not None:
        query = query.where(ArchiveItem.project_id == wanted.project)
    if wanted.printer is not None:
        query = query.where(ArchiveItem.virtual_printer_id == wanted.printer)
    if wanted.q is not None:
        text = wanted.q.lower()
        columns = (ArchiveItem.name, ArchiveItem.filename, ArchiveItem.notes)
        query = query.where(or_(*(func.lower(column).contains(text, autoescape=True) for column in columns)))
    async with call.control.database.read() as session:

        async def shown(items: Sequence[ArchiveItem]) -> list[FileObject]:
            return await show(session, items)

        return await page(session, query, ArchiveItem.seq, wanted, shown)


async def _get(call: Call) -> FileObject:
    async with call.control.database.read() as session:
        return (await show(session, [await store.archive_item(session, call.id)]))[0]


async def _change(call: Call) -> FileObject:
    async with call.control.database.write() as session:
        item = await store.archive_item(session, call.id)
        await change(session, item, call.body)
        changed = sorted(call.body.model_fields_set)
        record(session, call.control.clock(), EventType.ARCHIVE_CHANGED, archive=item.id, changed=changed)
    return await _get(call)


async def _delete(call: Call) -> None:
    async with call.control.database.write() as session:
        item = await store.archive_item(session, call.id)
        await store.remove_from_queue(session, item.id, call.control.clock())
        await session.delete(item)
        record(session, call.control.clock(), EventType.ARCHIVE_DELETED, archive=item.id, sha256=item.sha256)


async def _file(call: Call) -> web.StreamResponse:
    async with call.control.database.read() as session:
        item = await store.archive_item(session, call.id)
    path = call.control.blobs.path(item.sha256)
    if not path.is_file():
        raise ProblemError(
            HTTPStatus.GONE,
            "file_missing",
            f"the content of {item.filename} ({item.sha256}) is missing from the store",
            hint="restore data/blobs from a backup",
        )
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "model/3mf" if item.filename.lower().endswith(".3mf") else "application/octet-stream",
            "Content-Disposition": _attachment(item.filename),
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _thumbnail(call: Call) -> web.Response:
    async with call.control.database.read() as session:
        item = await store.archive_item(session, call.id)
    plate = int(call.request.match_info["plate"])
    picture = await asyncio.to_thread(read_thumbnail, call.control.blobs.path(item.sha256), plate)
    if picture is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "no_thumbnail", f"{item.filename} has no picture of plate {plate}")
    return web.Response(body=picture, content_type="image/png", headers={"X-Content-Type-Options": "nosniff"})


def _attachment(filename: str) -> str:
    """RFC 6266: a plain name for old clients, the real one for the others."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


ROUTES = (
    Route(
        "GET",
        "/archive/{id}/plates/{plate}/thumbnail",
        "The slicer's picture of a plate",
        _thumbnail,
        media_type="image/png",
    ),
    Route("GET", "/archive", "List archived files, the newest first", _list, Page[FileObject], query=ArchiveQuery),
    Route("GET", "/archive/{id}", "Get an archive item", _get, FileObject),
    Route("PATCH", "/archive/{id}", "Change its name, notes, tags or project", _change, FileObject, body=FilePatch),
    Route("DELETE", "/archive/{id}", "Delete it, also from the queue", _delete),
    Route(
        "GET",
        "/archive/{id}/file",
        "Download the file; ranges are served",
        _file,
        media_type="application/octet-stream",
    ),
)
