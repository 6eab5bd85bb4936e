"""What the other services hear of uploads and sessions while they happen."""

import structlog

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import UploadFailed, UploadStored
from vprinter_common.contracts.live import SessionLive, SessionPhase, UploadLive, UploadPhase
from vprinter_common.contracts.status import SessionStatus
from vprinter_common.runtime.tasks import TaskSet
from vprinter_ftps.refusal import Refusal
from vprinter_ftps.upload import Upload

log = structlog.get_logger()

SERVICE = "ftps"


class Announcer:
    """Publishes in tasks of its own: nobody's transfer waits for NATS. The slicer's probe is never mentioned."""

    def __init__(self, bus: Bus, tasks: TaskSet) -> None:
        self._bus = bus
        self._tasks = tasks

    async def moving(self, upload: Upload, phase: UploadPhase, received: int, refusal: Refusal | None = None) -> None:
        """An upload started, goes on, or ended."""
        if upload.named_as_probe:
            return
        message = UploadLive(
            upload=upload.id,
            printer=upload.printer,
            client=upload.client,
            owner=upload.owner,
            filename=upload.filename,
            phase=phase,
            received=received,
            total=upload.announced,
            reason=refusal.reason if refusal else None,
            started_at=upload.started_at,
        )
        await self._bus.publish(subjects.live_upload(upload.printer), message)

    async def stored(self, receipt: UploadStored) -> None:
        """A file is in custody."""
        message = UploadLive(
            upload=receipt.upload,
            printer=receipt.printer,
            client=receipt.client,
            owner=receipt.owner,
            filename=receipt.filename,
            phase=UploadPhase.STORED,
            received=receipt.size,
            total=receipt.size,
        )
        await self._bus.publish(subjects.live_upload(receipt.printer), message)

    async def failed(self, upload: Upload, refusal: Refusal, received: int) -> None:
        """An upload was refused or broke off."""
        if upload.named_as_probe:
            return
        await self.moving(upload, UploadPhase.FAILED, received, refusal)
        fact = UploadFailed(
            upload=upload.id,
            printer=upload.printer,
            filename=upload.filename,
            client=upload.client,
            owner=upload.owner,
            reason=refusal.reason,
            detail=refusal.detail,
            received=received,
        )
        self._tasks.spawn(self._publish(fact), "upload-failed")

    def session(self, printer: str, login: SessionStatus, phase: SessionPhase) -> None:
        """A slicer logged in, or left."""
        message = SessionLive(
            printer=printer,
            service=SERVICE,
            session=login.id,
            client=login.client,
            access_code=login.access_code,
            owner=login.owner,
            phase=phase,
        )
        self._tasks.spawn(self._bus.publish(subjects.live_session(printer), message), "session")

    async def _publish(self, fact: UploadFailed) -> None:
        try:
            await self._bus.publish_fact(fact, fact.upload)
        except BusUnavailable as error:
            log.debug("fact_dropped", kind="upload.failed", error=str(error))
