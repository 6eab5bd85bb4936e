"""What OctoPrint answers to a slicer that uploads: OrcaSlicer's and PrusaSlicer's "Physical printer" needs no more.

Plain HTTP with a key, so the slicer need not trust a printer's certificate. The key is a token that is bound to a
virtual printer; the file takes that printer's way. Errors are OctoPrint's `{"error": "…"}` with a stable `code`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from vprinter_common.contracts.facts import FailureReason, UploadStored
from vprinter_common.contracts.printer import Mode
from vprinter_common.custody import Refusal
from vprinter_control.api.auth import by_token
from vprinter_control.api.caller import Caller, caller_of
from vprinter_control.api.context import Control
from vprinter_control.api.octoprint_form import Form, FormError, read_form
from vprinter_control.api.problems import ProblemError
from vprinter_control.deliveries import Sender, TooManyDeliveries
from vprinter_control.store.schema import Printer

VERSION = {"api": "0.1", "server": "1.10.0", "text": "OctoPrint 1.10.0 (Virtual Printer)"}
"""Slicers look for `api`, and whether `text` begins with OctoPrint."""
LARGEST_FRAME = 64 * 1024
"""Bytes of a request around the file at most: other fields, boundaries, headers of parts."""

_STATUS: Mapping[FailureReason, HTTPStatus] = {
    FailureReason.EMPTY: HTTPStatus.BAD_REQUEST,
    FailureReason.BROKEN: HTTPStatus.UNPROCESSABLE_ENTITY,
    FailureReason.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    FailureReason.DISK_FULL: HTTPStatus.INSUFFICIENT_STORAGE,
    FailureReason.DISCONNECTED: HTTPStatus.BAD_REQUEST,
    FailureReason.STALLED: HTTPStatus.REQUEST_TIMEOUT,
}
_SENTENCES: Mapping[FailureReason, tuple[str, str]] = {
    FailureReason.EMPTY: ("the file arrived empty", "slice it again, then send it"),
    FailureReason.BROKEN: ("the file is incomplete or corrupt", "send it again"),
    FailureReason.TOO_LARGE: ("the file is too large", "raise VPRINTER_CONTROL__MAX_UPLOAD_BYTES, or send less plates"),
    FailureReason.DISK_FULL: ("there is not enough free space", "delete files in the archive, then send it again"),
    FailureReason.DISCONNECTED: ("the upload broke off", "send it again"),
    FailureReason.STALLED: ("nothing came for a minute", "send it again"),
}
_STORAGE = ("the file could not be stored", "see control's log")


class OctoPrintError(Exception):
    """Answer with this error."""

    def __init__(self, status: HTTPStatus, code: str, error: str, hint: str, headers: Mapping[str, str] | None) -> None:
        super().__init__(error)
        self.response = web.json_response({"error": error, "code": code, "hint": hint}, status=status, headers=headers)


def add_octoprint(app: web.Application, control: Control) -> None:
    """Serve what slicers ask of OctoPrint."""
    app.router.add_get("/api/version", _guarded(_version, control))
    app.router.add_post("/api/files/local", _guarded(_upload, control))


Handler = Callable[[Control, web.Request], Awaitable[web.Response]]


def _guarded(handler: Handler, control: Control) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        try:
            return await handler(control, request)
        except OctoPrintError as error:
            response = error.response
        except Refusal as refusal:
            response = _of_refusal(refusal)
        except FormError as error:
            response = _error(HTTPStatus.BAD_REQUEST, "invalid_form", str(error), "send multipart/form-data").response
        except TooManyDeliveries as error:
            again = {"Retry-After": "10"}
            response = _error(
                HTTPStatus.SERVICE_UNAVAILABLE, "too_many_uploads", str(error), "send it again", again
            ).response
        except SQLAlchemyError as error:
            why = f"the database failed: {type(error).__name__}"
            response = _error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", why, "send it again").response
        # What is still to come of the file is of no use to anyone.
        response.force_close()
        return response

    return serve


async def _version(control: Control, request: web.Request) -> web.Response:
    await _printer(control, request, caller_of(request, control.proxies))
    return web.json_response(VERSION)


async def _upload(control: Control, request: web.Request) -> web.Response:
    caller = caller_of(request, control.proxies)
    printer, owner = await _printer(control, request, caller)
    if not printer.enabled:
        raise _error(HTTPStatus.CONFLICT, "printer_disabled", f"{printer.name} is disabled", "enable it on the page")
    sender = Sender(printer.id, Mode(printer.mode), caller.address, owner)
    length = request.content_length
    if length is not None:
        await asyncio.to_thread(control.deliveries.room.check, max(0, length - LARGEST_FRAME))
    form = await read_form(request, lambda name: control.deliveries.opened(sender, name, length))
    return _created(caller, form.stored, form, review=sender.mode is Mode.REVIEW)


async def _printer(control: Control, request: web.Request, caller: Caller) -> tuple[Printer, str]:
    """The printer that the key belongs to, and the key's name."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    key = request.headers.get("X-Api-Key") or (bearer.strip() if scheme.lower() == "bearer" else "")
    hint = "make a token with this printer's printer_id (POST /api/v1/tokens) and give it to the slicer as API key"
    if not key:
        raise _error(HTTPStatus.FORBIDDEN, "no_key", "the request has no API key", hint)
    try:
        identity = await by_token(control, caller, key)
    except ProblemError as error:
        problem = error.problem
        brake = problem.status == HTTPStatus.TOO_MANY_REQUESTS
        status = HTTPStatus.TOO_MANY_REQUESTS if brake else HTTPStatus.FORBIDDEN
        code, why = (problem.code, problem.detail) if brake else ("wrong_key", "the API key is not known")
        raise _error(status, code, why, hint, error.headers if brake else None) from error
    if identity.printer_id is None:
        raise _error(HTTPStatus.FORBIDDEN, "unbound_key", f"{identity.name} belongs to no printer", hint)
    async with control.database.read() as session:
        printer = await session.scalar(select(Printer).where(Printer.id == identity.printer_id))
    if printer is None:
        raise _error(HTTPStatus.FORBIDDEN, "printer_gone", "the printer of this key was deleted", hint)
    return printer, identity.name


def _created(caller: Caller, stored: UploadStored, form: Form, *, review: bool) -> web.Response:
    place = "pending" if review else "archive"
    resource = f"{caller.scheme}://{caller.host}/api/v1/{place}/{stored.upload}"
    path = f"{stored.folder.strip('/')}/{stored.filename}".lstrip("/")
    local = {
        "name": stored.filename,
        "display": stored.filename,
        "path": path,
        "type": "machinecode",
        "typePath": ["machinecode", "gcode"],
        "origin": "local",
        "size": stored.size,
        "date": int(stored.at.timestamp()),
        "refs": {"resource": resource, "download": f"{resource}/file"},
    }
    body = {
        "files": {"local": local},
        "done": True,
        "effectiveSelect": form.wants_print,
        "effectivePrint": form.wants_print,
    }
    return web.json_response(body, status=HTTPStatus.CREATED, headers={"Location": resource})


def _of_refusal(refusal: Refusal) -> web.Response:
    sentence, hint = _SENTENCES.get(refusal.reason, _STORAGE)
    status = _STATUS.get(refusal.reason, HTTPStatus.INTERNAL_SERVER_ERROR)
    error = f"{sentence} ({refusal.detail})" if refusal.detail else sentence
    return _error(status, refusal.reason.value, error, hint).response


def _error(
    status: HTTPStatus, code: str, error: str, hint: str, headers: Mapping[str, str] | None = None
) -> OctoPrintError:
    return OctoPrintError(status, code, error, hint, headers)
