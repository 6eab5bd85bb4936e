"""STOR: an upload from its first line to its last reply."""

import asyncio

import structlog

from vprinter_common.contracts.facts import FailureReason, UploadStored
from vprinter_common.contracts.live import UploadPhase
from vprinter_common.metrics.declared import Direction
from vprinter_common.wire import ftp, ftp_files
from vprinter_ftps.datachannel import NEED_DATA, Channel, DataChannel
from vprinter_ftps.printer import House
from vprinter_ftps.refusal import Refusal, reply_to
from vprinter_ftps.session import Session
from vprinter_ftps.upload import Progress, Upload

log = structlog.get_logger()

REPORT_INTERVAL = 0.5
"""Seconds between progress messages: a slicer sees the printer's state once a second."""


async def stor(session: Session, argument: str) -> bytes | None:
    """STOR."""
    data = session.take_data()
    if data is None:
        return NEED_DATA
    upload = _named(session, argument)
    if isinstance(upload, bytes):
        data.close()
        return upload
    house, store = session.printer.house, _Store(session, upload, data)
    try:
        await house.workers.call(lambda: house.custody.check_room(upload.announced))
    except Refusal as refusal:
        data.close()
        return await store.refused(refusal)
    # Before the data connection's handshake: many clients begin it only after this reply.
    session.respond(ftp.reply(150, "send the file"))
    session.start(store.run, store.abort, lambda: house.custody.checkpoint("replied"))
    return None


def _named(session: Session, argument: str) -> Upload | bytes:
    name = ftp_files.safe_name(argument)
    if name is None:
        return ftp.reply(553, "this is no name for a file")
    folder = ftp_files.place(ftp_files.resolve(session.folder, argument).parent)
    if not session.is_folder(folder):
        return ftp.reply(553, f"no folder {folder}")
    announced, session.announced = session.announced, None
    spec, access = session.printer.serving.spec, session.access
    return Upload(
        printer=spec.id,
        mode=spec.mode,
        filename=name,
        folder=str(folder),
        client=session.peer,
        access_code=access.id if access else None,
        owner=access.owner if access else "",
        announced=announced,
    )


class _Store:
    """One STOR."""

    def __init__(self, session: Session, upload: Upload, data: DataChannel) -> None:
        self._session = session
        self._house: House = session.printer.house
        self._upload = upload
        self._data = data
        self._channel: Channel | None = None
        self._kept: UploadStored | None = None
        self._progress = Progress()
        self._log = log.bind(printer=upload.printer, peer=upload.client, upload=upload.id, file=upload.filename)

    def abort(self) -> None:
        """End soon: called for ABOR, and when the client is gone."""
        self._progress.aborted.set()
        self._data.close()
        if self._channel is not None:
            self._channel.interrupt()

    async def run(self) -> bytes:
        """Receive into custody and give the last reply."""
        await self._house.announcer.moving(self._upload, UploadPhase.STARTED, 0)
        reporter = self._session.tasks.spawn(self._report(), "progress")
        try:
            receipt = await self._take()
        except Refusal as refusal:
            return await self.refused(refusal)
        except asyncio.CancelledError:
            if self._kept is None:
                await self.refused(Refusal(FailureReason.DISCONNECTED, "the control connection ended"))
            else:
                await self._house.announcer.stored(self._kept)
            raise
        finally:
            reporter.cancel()
            self._data.close()
            if self._channel is not None:
                self._channel.close()
        if receipt is None:
            self._log.info("probe_received", size=self._progress.received)
            return ftp.reply(226, "received")
        await self._house.announcer.stored(receipt)
        return ftp.reply(226, f"{receipt.size} bytes are safe")

    async def refused(self, refusal: Refusal) -> bytes:
        """Tell everybody that the upload failed; the reply for the client."""
        self._count("refused", refusal.reason)
        self._log.warning("upload_refused", reason=refusal.reason.value, detail=refusal.detail, received=self._received)
        await self._house.announcer.failed(self._upload, refusal, self._received)
        return reply_to(refusal)

    async def _take(self) -> UploadStored | None:
        limits = self._house.settings.ftps
        channel = await self._data.for_upload(limits.connect_timeout, limits.stall_timeout)
        self._channel = channel
        self._house.metrics.data_channels.labels(channel.security.value).inc()
        async with self._house.upload_slots:
            self._progress.proceed()
            receipt = await self._house.workers.run(
                lambda: self._house.custody.take(self._upload, self._session.printer.card, channel, self._progress),
                interrupt=self.abort,
                too_late=self._keep,
            )
        self._keep(receipt)
        return receipt

    def _keep(self, receipt: UploadStored | None) -> None:
        """The receipt is in the outbox: from here on the upload exists, whether or not its 226 arrives."""
        self._kept = receipt
        self._count("stored" if receipt else "probe", "")
        if receipt is not None:
            self._house.publisher.wake()
            self._log.info("upload_stored", size=receipt.size, sha256=receipt.sha256, folder=receipt.folder)

    async def _report(self) -> None:
        reported = 0
        while True:
            await asyncio.sleep(REPORT_INTERVAL)
            if self._received != reported:
                reported = self._received
                await self._house.announcer.moving(self._upload, UploadPhase.PROGRESS, reported)

    @property
    def _received(self) -> int:
        return self._progress.received

    def _count(self, outcome: str, reason: str) -> None:
        self._house.metrics.transfers.labels(self._upload.printer, Direction.UPLOAD.value, outcome, reason).inc()
