"""Receipts of files in custody: written before the 226, published until NATS has them, then removed."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import structlog
from pydantic import ValidationError

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts.facts import UploadStored
from vprinter_ftps.metrics import FtpsMetrics

log = structlog.get_logger()

RETRY_FIRST, RETRY_MOST = 0.5, 5.0
"""Seconds until a receipt that NATS did not confirm is tried again: doubled each time, up to the most."""

Checkpoint = Callable[[str], None]


class Outbox:
    """The directory of receipts, `<upload>.json` each. Blocking."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._corrupt = directory / "corrupt"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, receipt: UploadStored, checkpoint: Checkpoint) -> None:
        """Keep a receipt for good. `checkpoint` is called after "receipt_written" and "receipt_renamed"."""
        path = self._directory / f"{receipt.upload}.json"
        unfinished = path.with_suffix(".tmp")
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(receipt.encode())
                file.flush()
                os.fsync(descriptor)
            checkpoint("receipt_written")
            unfinished.rename(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        _sync(self._directory)
        checkpoint("receipt_renamed")

    def pending(self) -> list[Path]:
        """Receipts, oldest first."""
        return sorted(self._directory.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))

    def read(self, path: Path) -> UploadStored | None:
        """The receipt, or None if it is unreadable: then it is set aside for a person to look at, never deleted."""
        try:
            return UploadStored.decode(path.read_bytes())
        except ValidationError as error:
            self._corrupt.mkdir(mode=0o700, exist_ok=True)
            aside = self._corrupt / path.name
            path.rename(aside)
            log.error("receipt_corrupt", receipt=str(aside), error=str(error), advice="the file itself is in the blobs")
            return None

    def remove(self, path: Path) -> None:
        """Forget a receipt that NATS has."""
        path.unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove receipts that were never finished, whose upload got no 226; returns how many."""
        unfinished = list(self._directory.glob("*.tmp"))
        for path in unfinished:
            path.unlink(missing_ok=True)
        return len(unfinished)


class Publisher:
    """Carries receipts from the outbox to the stream, oldest first; none is ever given up."""

    def __init__(self, outbox: Outbox, bus: Bus, metrics: FtpsMetrics, checkpoint: Checkpoint) -> None:
        self._outbox = outbox
        self._bus = bus
        self._metrics = metrics
        self._checkpoint = checkpoint
        self._wake = asyncio.Event()
        self._wake.set()

    def wake(self) -> None:
        """There is a new receipt."""
        self._metrics.outbox_receipts.inc()
        self._wake.set()

    async def run(self) -> None:
        """Publish for ever; begins with what an earlier run left."""
        delay = RETRY_FIRST
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._pass()
                delay = RETRY_FIRST
            except (BusUnavailable, OSError) as error:
                log.warning("outbox_waits", error=str(error), retry_seconds=delay)
                self._wake.set()
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_MOST)

    async def _pass(self) -> None:
        paths = await asyncio.to_thread(self._outbox.pending)
        self._metrics.outbox_receipts.set(len(paths))
        for path in paths:
            receipt = await asyncio.to_thread(self._outbox.read, path)
            if receipt is None:
                self._metrics.outbox_corrupt.inc()
            else:
                await self._bus.publish_fact(receipt, receipt.upload)
                self._checkpoint("published")
                await asyncio.to_thread(self._outbox.remove, path)
                self._metrics.outbox_published.inc()
            self._metrics.outbox_receipts.dec()


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
