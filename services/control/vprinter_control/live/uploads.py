"""Uploads under way."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from vprinter_common.contracts.live import UploadLive, UploadPhase
from vprinter_common.contracts.status import PrinterStatus
from vprinter_control.live.board import Board, LiveType

SILENCE = timedelta(seconds=90)
"""An upload of which nothing was heard for so long has ended with its service: a stalled one is given up sooner."""
MOST = 1_000
REMEMBERED = 256


class Phase(StrEnum):
    """Where an upload is, as pages are told."""

    STARTED = "started"
    PROGRESS = "progress"
    STORED = "stored"
    FAILED = "failed"
    LOST = "lost"
    """The service that received it is gone; nothing is kept of it."""


@dataclass(frozen=True, slots=True)
class UploadNow:
    """An upload under way. Sizes in bytes; `size` is None if the slicer did not announce it."""

    upload: str
    printer_id: str
    service: str
    filename: str
    client: str
    owner: str
    received: int
    size: int | None
    started_at: datetime
    heard_at: datetime


class Uploads:
    """What is being received now, by upload id."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._now: OrderedDict[str, UploadNow] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def under_way(self) -> list[UploadNow]:
        """All of them, the oldest first."""
        return sorted(self._now.values(), key=lambda upload: (upload.started_at, upload.upload))

    def moved(self, message: UploadLive, service: str, now: datetime) -> None:
        """A service tells of an upload; what is told of one that has ended comes too late."""
        if message.upload in self._ended:
            return
        known = self._now.get(message.upload)
        started_at = message.started_at or (known.started_at if known else message.at)
        upload = UploadNow(
            upload=message.upload,
            printer_id=message.printer,
            service=service,
            filename=message.filename,
            client=message.client,
            owner=message.owner,
            received=message.received,
            size=message.total,
            started_at=started_at,
            heard_at=now,
        )
        if message.phase in (UploadPhase.STORED, UploadPhase.FAILED):
            self._now.pop(message.upload, None)
            self._ended[message.upload] = None
            if len(self._ended) > REMEMBERED:
                self._ended.popitem(last=False)
        else:
            self._now[message.upload] = upload
            if len(self._now) > MOST:
                self._now.popitem(last=False)
        reason = message.reason.value if message.reason else None
        self._tell(upload, Phase(message.phase.value), reason)

    def restarted(self, status: PrinterStatus) -> None:
        """A service that began to serve a printer only now receives nothing that was under way before."""
        for upload in self.under_way():
            same = (upload.printer_id, upload.service) == (status.printer, status.service)
            if same and upload.heard_at < status.since:
                self._lose(upload)

    def sweep(self, now: datetime) -> None:
        """Drop what nothing was heard of for long."""
        for upload in self.under_way():
            if now - upload.heard_at > SILENCE:
                self._lose(upload)

    def _lose(self, upload: UploadNow) -> None:
        del self._now[upload.upload]
        self._tell(upload, Phase.LOST, None)

    def _tell(self, upload: UploadNow, phase: Phase, reason: str | None) -> None:
        self._board.tell(
            LiveType.UPLOAD_PROGRESS, upload.upload, {"phase": phase.value, **shown(upload), "reason": reason}
        )


def shown(upload: UploadNow) -> dict[str, Any]:
    """An upload as the API shows it."""
    return {
        "upload": upload.upload,
        "printer_id": upload.printer_id,
        "service": upload.service,
        "filename": upload.filename,
        "client": upload.client,
        "owner": upload.owner,
        "received": upload.received,
        "size": upload.size,
        "started_at": upload.started_at.isoformat(),
    }
