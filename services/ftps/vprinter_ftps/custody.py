"""Custody: from the first byte to the receipt. When `take` returns, the file cannot be lost by this system any more.

Blocking, for a worker thread. The steps at which a test can fail, in order (the first three for every upload):
"received", "checked", "fsynced", "renamed", "directory_synced", "receipt_written", "receipt_renamed"; then, outside,
"replied" (the 226 is on its way) and "published" (NATS has the receipt, which is still there).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

import structlog

from vprinter_common.blobs import Blob, DirectoryBlobs, Part
from vprinter_common.contracts.facts import FailureReason, UploadStored
from vprinter_common.custody import Filling, Refusal, Room, check_content, is_container, storage_errors
from vprinter_common.metrics.declared import Stage
from vprinter_common.outbox import Checkpoint, Outbox, no_checkpoint
from vprinter_ftps.card import Card
from vprinter_ftps.datachannel import Channel
from vprinter_ftps.metrics import FtpsMetrics
from vprinter_ftps.receive import Ending, Intake, Reception
from vprinter_ftps.settings import FtpsSection
from vprinter_ftps.upload import PROBE_MAX, Progress, Upload

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Custody:
    """Takes uploads into custody. `free_bytes` says what the disk still takes."""

    blobs: DirectoryBlobs
    outbox: Outbox
    settings: FtpsSection
    metrics: FtpsMetrics
    node: str
    intake: Intake
    free_bytes: Callable[[], int]
    checkpoint: Checkpoint = no_checkpoint

    def check_room(self, announced: int | None) -> None:
        """Raise Refusal if there is no room for an upload, of the size that the client announced if it did."""
        self._room.check(announced)

    def take(self, upload: Upload, card: Card, channel: Channel, progress: Progress) -> UploadStored | None:
        """Receive and keep a file; None for the slicer's probe, of which nothing stays. Raises Refusal, then nothing
        stays either. The channel is closed in any case."""
        try:
            with storage_errors():
                return self._take(upload, card, channel, progress)
        finally:
            channel.close()

    def _take(self, upload: Upload, card: Card, channel: Channel, progress: Progress) -> UploadStored | None:
        with self.blobs.open_part(upload.id) as part:
            with self._timed(Stage.RECEIVE):
                ending = self._receive(upload, part, channel, progress)
            self.checkpoint("received")
            if upload.named_as_probe and part.size <= PROBE_MAX:
                return None
            with self._timed(Stage.CHECK):
                _check(upload, part, ending)
            progress.proceed()
            self.checkpoint("checked")
            with self._timed(Stage.FSYNC):
                blob = self.blobs.commit(part, self.checkpoint)
        with self._timed(Stage.RECEIPT):
            receipt = self._receipt(upload, blob)
            self.outbox.write(receipt, self.checkpoint)
        self._show(card, receipt)
        return receipt

    def _receive(self, upload: Upload, part: Part, channel: Channel, progress: Progress) -> Ending:
        filling = Filling(part, self._room)

        def keep(data: memoryview) -> None:
            filling.add(data)
            self.metrics.ingest_bytes.labels(upload.printer).inc(len(data))

        ending = self.intake.receive(
            Reception(channel.connection, keep, progress, self.settings.stall_timeout, self.settings.upload_rate)
        )
        channel.finish()
        return ending

    @property
    def _room(self) -> Room:
        return Room(self.settings, self.free_bytes)

    def _receipt(self, upload: Upload, blob: Blob) -> UploadStored:
        return UploadStored(
            upload=upload.id,
            printer=upload.printer,
            mode=upload.mode,
            filename=upload.filename,
            folder=upload.folder,
            sha256=blob.sha256,
            size=blob.size,
            client=upload.client,
            access_code=upload.access_code,
            owner=upload.owner,
            node=self.node,
        )

    def _show(self, card: Card, receipt: UploadStored) -> None:
        """After the receipt, so that nothing is shown that was not taken; the card is no reason to refuse a file."""
        path = PurePosixPath(receipt.folder) / receipt.filename
        try:
            card.put(path, receipt.sha256, receipt.size, receipt.at)
        except OSError as error:
            log.error("card_entry_not_written", upload=receipt.upload, error=str(error))

    @contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.metrics.stage_seconds.labels(stage.value).observe(time.monotonic() - started)


def _check(upload: Upload, part: Part, ending: Ending) -> None:
    check_content(part, upload.filename)
    if ending is Ending.RAGGED and not is_container(upload.filename):
        raise Refusal(FailureReason.DISCONNECTED, f"TLS broke off after {part.size} bytes, without close_notify")
