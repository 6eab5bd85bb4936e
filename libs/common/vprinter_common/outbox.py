"""Receipts of files in custody: written before the 226, published until NATS has them, then removed.

With an object store, that has the file before NATS hears of it.
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts.facts import UploadStored
from vprinter_common.metrics import declared
from vprinter_common.object_store import Blobs, ObjectStoreUnavailable

log = structlog.get_logger()

RETRY_FIRST, RETRY_MOST = 0.5, 5.0
"""Seconds until a receipt that NATS did not confirm is tried again: doubled each time, up to the most."""

Checkpoint = Callable[[str], None]


def no_checkpoint(_: str) -> None:
    """No fault is injected."""


class OutboxMetrics:
    """What a publisher counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.receipts = declared.OUTBOX_RECEIPTS.create(registry)
        self.age = declared.OUTBOX_AGE.create(registry)
        self.published = declared.OUTBOX_PUBLISHED.create(registry)
        self.corrupt = declared.OUTBOX_CORRUPT.create(registry)


class Outbox:
    """The directory of receipts, `<upload>.json` each. Blocking."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._corrupt = directory / "corrupt"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, receipt: UploadStored, checkpoint: Checkpoint = no_checkpoint) -> None:
        """Keep a receipt for good. `checkpoint` is called after "receipt_written" and "receipt_renamed"."""
        path = self.directory / f"{receipt.upload}.json"
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
        _sync(self.directory)
        checkpoint("receipt_renamed")

    def pending(self) -> list[Path]:
        """Receipts, oldest first."""
        return sorted(self.directory.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))

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
        unfinished = list(self.directory.glob("*.tmp"))
        for path in unfinished:
            path.unlink(missing_ok=True)
        return len(unfinished)


class Publisher:
    """Carries receipts from the outbox to the stream, oldest first; none is ever given up."""

    def __init__(
        self, outbox: Outbox, blobs: Blobs, bus: Bus, metrics: OutboxMetrics, checkpoint: Checkpoint = no_checkpoint
    ) -> None:
        self._outbox = outbox
        self._blobs = blobs
        self._bus = bus
        self._metrics = metrics
        self._checkpoint = checkpoint
        self._wake = asyncio.Event()
        self._wake.set()
        self._oldest: float | None = None
        """When the oldest receipt was written (seconds since 1970); None = none waits."""
        metrics.age.set_function(lambda: max(0.0, time.time() - self._oldest) if self._oldest else 0.0)

    def wake(self) -> None:
        """There is a new receipt."""
        self._oldest = self._oldest or time.time()
        self._metrics.receipts.inc()
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
            except (BusUnavailable, ObjectStoreUnavailable, OSError) as error:
                log.warning("outbox_waits", error=str(error), retry_seconds=delay)
                self._wake.set()
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_MOST)

    async def _pass(self) -> None:
        paths = await asyncio.to_thread(self._outbox.pending)
        self._metrics.receipts.set(len(paths))
        for path in paths:
            self._oldest = path.stat().st_mtime
            receipt = await asyncio.to_thread(self._outbox.read, path)
            if receipt is None:
                self._metrics.corrupt.inc()
            else:
                await self._blobs.keep(receipt.sha256)
                await self._bus.publish_fact(receipt, receipt.upload)
                self._checkpoint("published")
                await asyncio.to_thread(self._outbox.remove, path)
                self._metrics.published.inc()
            self._metrics.receipts.dec()
        self._oldest = None


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
