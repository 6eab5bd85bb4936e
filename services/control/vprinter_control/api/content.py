"""The content of received files: downloads and pictures."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from vprinter_common.object_store import ObjectStoreUnavailable
from vprinter_control.api.problems import ProblemError
from vprinter_control.api.routing import Call, Result, Route
from vprinter_control.store.schema import ArchiveItem, PendingUpload
from vprinter_control.threemf import read_thumbnail

File = ArchiveItem | PendingUpload
_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
_THREEMF = "model/3mf"
_ANYTHING = "application/octet-stream"
_RANGES = (
    HTTPStatus.PARTIAL_CONTENT,
    HTTPStatus.NOT_MODIFIED,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
)


async def download(call: Call, file: File) -> web.StreamResponse:
    """The file as it was sent."""
    path = await _brought(call, file)
    if path is None:
        raise ProblemError(
            HTTPStatus.GONE,
            "file_missing",
            f"the content of {file.filename} ({file.sha256}) is missing from the store",
            hint="restore data/blobs from a backup",
        )
    return web.FileResponse(
        path,
        headers={
            "Content-Type": _THREEMF if file.filename.lower().endswith(".3mf") else _ANYTHING,
            "Content-Disposition": _attachment(file.filename),
            **_NOSNIFF,
        },
    )


async def thumbnail(call: Call, file: File) -> web.Response:
    """The slicer's picture of a plate. It never changes: an id stands for the same bytes for ever."""
    plate = int(call.request.match_info["plate"])
    tag = f"{file.sha256[:32]}-{plate}"
    headers = {**_NOSNIFF, "ETag": f'"{tag}"', "Cache-Control": "private, max-age=86400, immutable"}
    if any(known.value == tag for known in call.request.if_none_match or ()):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    path, alone = await _brought(call, file), len(file.plates) == 1
    picture = await asyncio.to_thread(read_thumbnail, path, plate, alone=alone) if path else None
    if picture is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "no_thumbnail",
            f"{file.filename} has no picture of plate {plate}",
            hint="its plates say by `thumbnail` which have one",
        )
    return web.Response(body=picture, content_type="image/png", headers=headers)


async def _brought(call: Call, file: File) -> Path | None:
    """Where the content is; None if it is missing."""
    try:
        return await call.control.blobs.bring(file.sha256)
    except FileNotFoundError:
        return None
    except ObjectStoreUnavailable as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "object_store_unavailable",
            f"{file.filename} cannot be fetched: {error}",
            hint="try again; if it lasts, see whether the object store runs and VPRINTER_OBJECTS__… is right",
        ) from error


def routes(
    resource: str, file: Callable[[Call], Awaitable[Result]], picture: Callable[[Call], Awaitable[Result]]
) -> tuple[Route, ...]:
    """Where the content of a resource is."""
    return (
        Route(
            "GET",
            f"/{resource}/{{id}}/file",
            "Download the file; ranges are served",
            file,
            media_type=_ANYTHING,
            other_media_types=(_THREEMF,),
            empty=_RANGES,
            problems=((HTTPStatus.GONE, "file_missing"),),
        ),
        Route(
            "GET",
            f"/{resource}/{{id}}/plates/{{plate}}/thumbnail",
            "The slicer's picture of a plate",
            picture,
            media_type="image/png",
            empty=(HTTPStatus.NOT_MODIFIED,),
            problems=((HTTPStatus.NOT_FOUND, "no_thumbnail"),),
        ),
    )


def _attachment(filename: str) -> str:
    """RFC 6266: a plain name for old clients, the real one for the others."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
