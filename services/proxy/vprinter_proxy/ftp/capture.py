"""Copies of relayed files for the archive, by way of custody (ADR 5). The relay never fails, and hardly waits, for one.

A thread for each copy takes pieces from the pump and writes them. When the printer has said 226 the file is kept like one
that was uploaded here; otherwise nothing stays.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from queue import SimpleQueue

import structlog
from prometheus_client import CollectorRegistry

from vprinter_common.bus import Bus
from vprinter_common.contracts.facts import UploadStored
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.custody import Filling, Refusal, Room, check_content, storage_errors
from vprinter_common.object_store import Blobs
from vprinter_common.outbox import Outbox, OutboxMetrics, Publisher
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.wire import ftp_files
from vprinter_proxy.metrics import ProxyMetrics
from vprinter_proxy.sessions import Session
from vprinter_proxy.settings import ProxySettings

log = structlog.get_logger()

SERVICE = "proxy"
PROBE = "verify_job"
"""Before a file, slicers send 16 bytes under this name to see whether they may write."""
WAITING = 1024 * 1024
"""Bytes that may wait for the disk before the relay waits, too."""
PATIENCE = 5.0
"""Seconds that the relay waits for the disk; then the copy is given up."""
MAX_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Stores:
    """Where copies and their receipts rest."""

    blobs: Blobs
    outbox: Outbox


class Captures:
    """All copies of this process."""

    def __init__(
        self, settings: ProxySettings, bus: Bus, registry: CollectorRegistry, tasks: TaskSet, metrics: ProxyMetrics
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._bus = bus
        self._registry = registry
        self._tasks = tasks
        self._opening = threading.Lock()
        self._stores: Stores | None = None
        self._publisher: Publisher | None = None
        self.threads = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="capture")

    def stores(self) -> Stores:
        """The directories, made when they are first needed. Blocking."""
        with self._opening:
            if self._stores is None:
                # Receipts of its own folder: another service's sweep takes what is unfinished there for orphans.
                outbox = Outbox(self.settings.outbox_dir / SERVICE)
                outbox.sweep()
                self._stores = Stores(Blobs.open(self.settings.blobs_dir, self.settings.objects), outbox)
            return self._stores

    async def run(self) -> None:
        """Publish receipts, those of earlier runs first, for ever (a root task)."""
        stores = await asyncio.to_thread(self.stores)
        self._publisher = Publisher(stores.outbox, stores.blobs, self._bus, OutboxMetrics(self._registry))
        await self._publisher.run()

    def begin(self, spec: VirtualPrinter, path: str, session: Session) -> "Capture | None":
        """A copy of a file that is being sent to this path; None if nothing would be kept of it."""
        name = ftp_files.safe_name(path)
        if name is None or name == PROBE:
            return None
        folder = ftp_files.resolve(ftp_files.ROOT, path).parent
        return Capture(self, spec, name, folder, session)

    def end(self, capture: "Capture", *, keep: bool) -> None:
        """The transfer ended; the rest is done beside it."""
        capture.conclude(keep=keep)
        self._tasks.spawn(self._follow(capture), "capture")

    async def _follow(self, capture: "Capture") -> None:
        if await capture.receipt() is not None and self._publisher is not None:
            self._publisher.wake()


class Capture:
    """One copy: a `Tap` of the pump."""

    def __init__(
        self, captures: Captures, spec: VirtualPrinter, name: str, folder: PurePosixPath, session: Session
    ) -> None:
        self.go_on: Callable[[], None] = lambda: None
        self._captures = captures
        self._spec = spec
        self._name = name
        self._folder = folder
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._pieces: SimpleQueue[bytes | bool] = SimpleQueue()
        """What is to be written, and at the end whether it is to be kept."""
        self._waiting = 0
        self._over = False
        """Nothing more is taken: it failed, or the disk was too slow."""
        self._too_slow: asyncio.TimerHandle | None = None
        self._work = self._loop.run_in_executor(captures.threads, self._write)
        self._work.add_done_callback(lambda _: self._give_up())

    def add(self, data: memoryview) -> bool:
        """Take a copy; False if the disk is behind."""
        if self._over:
            return True
        self._pieces.put(bytes(data))
        self._waiting += len(data)
        if self._waiting < WAITING:
            return True
        if self._too_slow is None:
            self._too_slow = self._loop.call_later(PATIENCE, self._stop_waiting)
        return False

    def conclude(self, *, keep: bool) -> None:
        """The transfer ended: keep the file, or nothing of it."""
        self._pieces.put(keep and not self._over)

    async def receipt(self) -> UploadStored | None:
        """When all is done: the receipt, if the file was kept. What goes wrong is logged and counted only."""
        labels = {"printer": self._spec.id}
        try:
            receipt = await self._work
        except Refusal as refusal:
            log.error("capture_failed", **labels, filename=self._name, error=str(refusal))
            self._captures.metrics.captures.labels(self._spec.id, "failed").inc()
            return None
        outcome = "dropped" if receipt is None else "kept"
        self._captures.metrics.captures.labels(self._spec.id, outcome).inc()
        log.info("capture_ended", **labels, filename=self._name, outcome=outcome)
        return receipt

    def _write(self) -> UploadStored | None:
        """In a thread: everything to its end."""
        with storage_errors():
            stores, limits = self._captures.stores(), self._captures.settings.proxy
            room = Room(limits, stores.blobs.free_bytes)
            room.check()
            upload = new_id()
            with stores.blobs.open_part(upload) as part:
                filling = Filling(part, room)
                while isinstance(piece := self._pieces.get(), bytes):
                    filling.add(piece)
                    self._loop.call_soon_threadsafe(self._written, len(piece))
                if not piece:
                    return None
                check_content(part, self._name)
                blob = stores.blobs.commit(part)
            access = self._session.access
            receipt = UploadStored(
                upload=upload,
                printer=self._spec.id,
                service=SERVICE,
                mode=self._spec.mode,
                filename=self._name,
                folder=str(self._folder),
                sha256=blob.sha256,
                size=blob.size,
                client=self._session.client,
                access_code=access.id if access else None,
                owner=access.owner if access else "",
                node=self._captures.settings.node,
            )
            stores.outbox.write(receipt)
            return receipt

    def _written(self, count: int) -> None:
        self._waiting -= count
        if self._waiting < WAITING and self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None
            self.go_on()

    def _stop_waiting(self) -> None:
        log.error("capture_given_up", printer=self._spec.id, filename=self._name, advice="the disk is too slow for it")
        self._give_up()

    def _give_up(self) -> None:
        """The relay goes on without a copy."""
        self._over = True
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None
        self.go_on()
