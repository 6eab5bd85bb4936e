"""Custody: from the first byte to the receipt. When `take` returns, the file cannot be lost by this system any more.

Blocking, for a worker thread. The steps at which a test can fail, in order (the first three for every upload):
"received", "checked", "fsynced", "renamed", "directory_synced", "receipt_written", "receipt_renamed"; then, outside,
"replied" (the 226 is on its way) and "published" (NATS has the receipt, which is still there).
"""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import structlog

from vprinter_common.blobs import Blob, BlobError, DirectoryBlobs, Part
from vprinter_common.contracts.facts import FailureReason, UploadStored
from vprinter_common.wire.container import BrokenContainer, check_container
from vprinter_ftps.card import Card
from vprinter_ftps.datachannel import Channel
from vprinter_ftps.metrics import FtpsMetrics, Stage
from vprinter_ftps.outbox import Checkpoint, Outbox
from vprinter_ftps.receive import Ending, Receiver
from vprinter_ftps.refusal import Refusal
from vprinter_ftps.settings import FtpsSection
from vprinter_ftps.upload import PROBE_MAX, Progress, Upload

log = structlog.get_logger()

BUSY_THREADS = max(2, os.cpu_count() or 1)
"""Threads that work on received bytes at once."""

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def no_checkpoint(_: str) -> None:
    """No fault is injected."""


@dataclass(frozen=True, slots=True)
class Custody:
    """Takes uploads into custody. `free_bytes` says what the disk still takes."""

    blobs: DirectoryBlobs
    outbox: Outbox
    settings: FtpsSection
    metrics: FtpsMetrics
    node: str
    free_bytes: Callable[[], int]
    turnstile: AbstractContextManager[object] = field(default_factory=lambda: threading.BoundedSemaphore(BUSY_THREADS))
    """Held by a thread that works on received bytes, see `Receiver`."""
    checkpoint: Checkpoint = no_checkpoint

    def check_room(self, announced: int | None) -> None:
        """Raise Refusal if there is no room for an upload, of the size that the client announced if it did."""
        if announced is not None and announced > self.settings.max_upload_bytes:
            raise Refusal(
                FailureReason.TOO_LARGE, f"{announced} bytes announced, at most {self.settings.max_upload_bytes}"
            )
        with _storage_errors():
            free = self.free_bytes()
        if free - (announced or 0) < self.settings.min_free_bytes:
            raise Refusal(
                FailureReason.DISK_FULL, f"{free} bytes free, {self.settings.min_free_bytes} must stay so afterwards"
            )

    def take(self, upload: Upload, card: Card, channel: Channel, progress: Progress) -> UploadStored | None:
        """Receive and keep a file; None for the slicer's probe, of which nothing stays. Raises Refusal, then nothing
        stays either. The channel is closed in any case."""
        try:
            with _storage_errors():
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
        checked = 0

        def keep(data: memoryview) -> None:
            nonlocal checked
            if part.size + len(data) > self.settings.max_upload_bytes:
                raise Refusal(FailureReason.TOO_LARGE, f"more than {self.settings.max_upload_bytes} bytes")
            if part.size - checked >= self.settings.free_check_bytes:
                checked = part.size
                self.check_room(None)
            part.write(data)
            self.metrics.ingest_bytes.labels(upload.printer).inc(len(data))

        ending = Receiver(
            channel.connection,
            keep,
            progress,
            turnstile=self.turnstile,
            stall_timeout=self.settings.stall_timeout,
            rate=self.settings.upload_rate,
        ).run()
        channel.finish()
        return ending

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
    if part.size == 0:
        raise Refusal(FailureReason.EMPTY)
    if upload.is_container:
        # Its directory stands at the end, so a whole one is proof enough, however the connection ended.
        with part.reader() as file:
            try:
                check_container(file)
            except BrokenContainer as error:
                raise Refusal(FailureReason.BROKEN, str(error)) from error
    elif ending is Ending.RAGGED:
        raise Refusal(FailureReason.DISCONNECTED, f"TLS broke off after {part.size} bytes, without close_notify")


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Errors of the disk as refusals; errors of the network are Refusals before they come here."""
    try:
        yield
    except OSError as error:
        reason = FailureReason.DISK_FULL if error.errno in _DISK_FULL else FailureReason.STORAGE
        raise Refusal(reason, error.strerror or str(error)) from error
    except BlobError as error:
        raise Refusal(FailureReason.STORAGE, str(error)) from error
