"""The form of an OctoPrint upload, read as a stream: fields may stand before and after the file."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from aiohttp import BodyPartReader, ClientError, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from vprinter_common.contracts.facts import FailureReason, UploadStored
from vprinter_common.custody import Refusal
from vprinter_common.wire import ftp_files
from vprinter_control.deliveries import Delivery

CHUNK = 256 * 1024
STALL_TIMEOUT = 60.0
"""Seconds without a byte until an upload is broken off."""
MOST_FIELDS = 16
MOST_FIELD_BYTES = 4_096
_TRUE = frozenset({"true", "1", "yes", "on"})

T = TypeVar("T")
Open = Callable[[str], AbstractAsyncContextManager[Delivery]]
"""Begins a delivery under a file name."""


class FormError(Exception):
    """The request is not such a form; the message says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent."""

    stored: UploadStored
    wants_print: bool


async def read_form(request: web.Request, open_delivery: Open) -> Form:
    """Read the whole form and keep its file. Raises FormError, Refusal, and what `open_delivery` raises."""
    if not request.content_type.startswith("multipart/form-data"):
        raise FormError(f"the body is {request.content_type}, not multipart/form-data")
    try:
        reader = await request.multipart()
        fields: dict[str, str] = {}
        part = await _field_or_file(reader, fields)
        if part is None:
            raise FormError('the form has no part "file"')
        async with open_delivery(_file_name(part)) as delivery:
            while chunk := await _soon(part.read_chunk(CHUNK)):
                await delivery.add(chunk)
            if await _field_or_file(reader, fields) is not None:
                raise FormError("the form has more than one file")
            if not reader.at_eof():
                raise _broke_off("its end is missing")
            wants_print = fields.get("print", "").strip().lower() in _TRUE
            return Form(await delivery.keep(_folder(fields), wants_print=wants_print), wants_print)
    except (ValueError, HttpProcessingError) as error:
        raise FormError(f"the form is malformed: {str(error)[:200]}") from error


async def _field_or_file(reader: MultipartReader, fields: dict[str, str]) -> BodyPartReader | None:
    """Read fields up to the next file; None at the end."""
    while True:
        part = await _soon(reader.next())
        if part is None:
            return None
        if not isinstance(part, BodyPartReader) or len(fields) >= MOST_FIELDS:
            raise FormError("the form has parts within parts, or too many")
        if part.headers.get("Content-Transfer-Encoding", "binary").lower() not in ("binary", "8bit", "7bit"):
            raise FormError("an encoded part; send it as it is")
        if part.name == "file":
            return part
        fields[part.name or ""] = await _text(part)


async def _text(part: BodyPartReader) -> str:
    content = b""
    while chunk := await _soon(part.read_chunk()):
        content += chunk
        if len(content) > MOST_FIELD_BYTES:
            raise FormError(f"the field {str(part.name)[:40]!r} is longer than {MOST_FIELD_BYTES} bytes")
    return content.decode(errors="replace")


async def _soon(reading: Awaitable[T]) -> T:
    """What is read; Refusal if nothing comes for long, or the client is gone."""
    try:
        async with asyncio.timeout(STALL_TIMEOUT):
            return await reading
    except TimeoutError as error:
        raise Refusal(FailureReason.STALLED, f"no byte in {STALL_TIMEOUT:g} s") from error
    except (OSError, ClientError, web.RequestPayloadError, EOFError) as error:
        raise _broke_off(str(error) or type(error).__name__) from error


def _broke_off(why: str) -> Refusal:
    return Refusal(FailureReason.DISCONNECTED, why)


def _file_name(part: BodyPartReader) -> str:
    given = part.filename
    name = ftp_files.safe_name(given) if given else None
    if name is None:
        raise FormError('the part "file" has no usable filename')
    return name


def _folder(fields: dict[str, str]) -> str:
    """Where the sender wants it; only shown again, as there are no folders here."""
    return str(ftp_files.resolve(PurePosixPath("/"), fields.get("path", "").replace("\\", "/")[:255]))
