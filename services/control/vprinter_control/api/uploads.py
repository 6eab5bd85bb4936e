"""`uploads`: what is being received now."""

from pydantic import AwareDatetime, BaseModel

from vprinter_control.api.paging import Page
from vprinter_control.api.routing import Call, Route
from vprinter_control.live.uploads import UploadNow


class UploadObject(BaseModel):
    """An upload under way. Sizes in bytes; `size` is null if the slicer did not announce it."""

    upload: str
    printer_id: str
    service: str
    filename: str
    client: str
    owner: str
    received: int
    size: int | None
    started_at: AwareDatetime


async def _list(call: Call) -> Page[UploadObject]:
    return Page(items=[_object(upload) for upload in call.control.live.uploads.under_way()])


def _object(upload: UploadNow) -> UploadObject:
    return UploadObject(
        upload=upload.upload,
        printer_id=upload.printer_id,
        service=upload.service,
        filename=upload.filename,
        client=upload.client,
        owner=upload.owner,
        received=upload.received,
        size=upload.size,
        started_at=upload.started_at,
    )


ROUTES = (Route("GET", "/uploads", "List the uploads under way, the oldest first", _list, Page[UploadObject]),)
