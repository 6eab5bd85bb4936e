"""Files that come over HTTP: the custody of ADR 5, with control's own transaction in the place of the receipt.

When `Delivery.keep` returns, the file cannot be lost by this system any more. Of a delivery that breaks off nothing
stays; what a killed process leaves is swept at the next start.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog

from vprinter_common.blobs import Blob, Part
from vprinter_common.certs import Clock
from vprinter_common.contracts.facts import FailureReason, JobRequested, UploadFailed, UploadStored
from vprinter_common.contracts.live import UploadLive, UploadPhase
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import Mode
from vprinter_common.custody import CustodySection, Filling, Refusal, Room, check_content, storage_errors
from vprinter_common.object_store import Blobs, ObjectStoreUnavailable
from vprinter_control.domain.names import display_name
from vprinter_control.domain.sighting import Sighting
from vprinter_control.ingest import Ingest
from vprinter_control.live.live import Live

log = structlog.get_logger()

SERVICE = "octoprint"
PIECE = 1 << 20
"""Bytes that are written at once."""
REPORT_INTERVAL = 0.25
"""Seconds between progress messages: at most four a second."""
AT_ONCE = 16
"""Deliveries at the same time; each holds about two pieces in memory."""

T = TypeVar("T")


class TooManyDeliveries(Exception):  # noqa: N818 - a state, not a mistake
    """There is no place for one more just now."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who delivers, and to which printer."""

    printer: str
    mode: Mode
    client: str
    owner: str


class Delivery:
    """One file that is coming in. Use `Deliveries.opened`."""

    def __init__(self, house: "Deliveries", sender: Sender, filename: str, size: int | None, part: Part) -> None:
        self.id = part.path.stem
        self._house = house
        self._sender = sender
        self._filename = filename
        self._size = size
        self._part = part
        self._filling = Filling(part, house.room)
        self._unwritten = bytearray()
        self._started_at = house.clock()
        self._reported = 0.0

    @property
    def received(self) -> int:
        """Bytes so far."""
        return self._part.size + len(self._unwritten)

    async def add(self, data: bytes) -> None:
        """Take more of the content; raises Refusal."""
        self._unwritten += data
        if len(self._unwritten) >= PIECE:
            await self._write()
        now = asyncio.get_running_loop().time()
        if now - self._reported >= REPORT_INTERVAL:
            self._reported = now
            self.tell(UploadPhase.PROGRESS)

    async def keep(self, folder: str, *, wants_print: bool) -> UploadStored:
        """All of it came: check it, keep it, and place it where the printer's mode sends it. Raises Refusal."""
        await self._write()
        with self._house.committing():
            blob = await in_thread(self._commit)
            await self._store(blob)
            fact = self._fact(blob, folder)
            await self._house.ingest.keep(fact)
        if wants_print:
            await self._house.ingest.keep(self._job())
        self.tell(UploadPhase.STORED)
        return fact

    def tell(self, phase: UploadPhase, refusal: Refusal | None = None) -> None:
        """Tell pages how far it is."""
        message = UploadLive(
            upload=self.id,
            printer=self._sender.printer,
            client=self._sender.client,
            owner=self._sender.owner,
            filename=self._filename,
            phase=phase,
            received=self.received,
            total=self._size,
            reason=refusal.reason if refusal else None,
            started_at=self._started_at,
        )
        self._house.live.uploads.moved(message, SERVICE, self._house.clock())

    def failure(self, refusal: Refusal) -> UploadFailed:
        """The fact that it failed."""
        return UploadFailed(
            upload=self.id,
            printer=self._sender.printer,
            service=SERVICE,
            filename=self._filename,
            client=self._sender.client,
            owner=self._sender.owner,
            reason=refusal.reason,
            detail=refusal.detail,
            received=self.received,
        )

    async def _write(self) -> None:
        data, self._unwritten = bytes(self._unwritten), bytearray()
        if data:
            await in_thread(lambda: self._write_now(data))

    def _write_now(self, data: bytes) -> None:
        with storage_errors():
            self._filling.add(data)

    def _commit(self) -> Blob:
        with storage_errors():
            check_content(self._part, self._filename)
            return self._house.blobs.commit(self._part)

    async def _store(self, blob: Blob) -> None:
        try:
            await self._house.blobs.keep(blob.sha256)
        except ObjectStoreUnavailable as error:
            raise Refusal(FailureReason.STORAGE, str(error)) from error

    def _fact(self, blob: Blob, folder: str) -> UploadStored:
        return UploadStored(
            upload=self.id,
            printer=self._sender.printer,
            service=SERVICE,
            mode=self._sender.mode,
            filename=self._filename,
            folder=folder,
            sha256=blob.sha256,
            size=blob.size,
            client=self._sender.client,
            owner=self._sender.owner,
            at=self._house.clock(),
        )

    def _job(self) -> JobRequested:
        return JobRequested(
            job=new_id(),
            printer=self._sender.printer,
            filename=self._filename,
            subtask_name=display_name(self._filename)[:255],
            client=self._sender.client,
            owner=self._sender.owner,
            at=self._house.clock(),
        )


@dataclass(slots=True)
class Deliveries:
    """All deliveries."""

    ingest: Ingest
    live: Live
    blobs: Blobs
    limits: CustodySection
    clock: Clock
    under_way: int = 0
    _committing: int = 0

    @property
    def room(self) -> Room:
        """Whether there is room."""
        return Room(self.limits, self.blobs.free_bytes)

    @property
    def is_committing(self) -> bool:
        """Whether some file is in the store and not yet in the database."""
        return self._committing > 0

    @contextmanager
    def committing(self) -> Iterator[None]:
        """While the context is open, the store is not searched for what nobody needs."""
        self._committing += 1
        try:
            yield
        finally:
            self._committing -= 1

    @asynccontextmanager
    async def opened(self, sender: Sender, filename: str, size: int | None) -> AsyncIterator[Delivery]:
        """Begin one; `size` is about what the client announced, for pages. Raises Refusal, recorded and passed on."""
        if self.under_way >= AT_ONCE:
            raise TooManyDeliveries(f"{self.under_way} files are coming in already")
        self.under_way += 1
        self.live.sessions.saw(sender.printer, Sighting(sender.client, SERVICE, self.clock()))
        try:
            part = await in_thread(self._open)
            try:
                delivery = Delivery(self, sender, filename, size, part)
                async with self._watched(delivery):
                    await in_thread(self.room.check)
                    yield delivery
            finally:
                await in_thread(part.discard)
        finally:
            self.under_way -= 1

    @asynccontextmanager
    async def _watched(self, delivery: Delivery) -> AsyncIterator[None]:
        delivery.tell(UploadPhase.STARTED)
        try:
            yield
        except Refusal as refusal:
            delivery.tell(UploadPhase.FAILED, refusal)
            log.warning("upload_refused", upload=delivery.id, reason=refusal.reason.value, detail=refusal.detail)
            await self.ingest.keep(delivery.failure(refusal))
            raise
        except BaseException:
            delivery.tell(UploadPhase.FAILED, Refusal(FailureReason.ABORTED))
            raise

    def _open(self) -> Part:
        with storage_errors():
            return self.blobs.open_part(new_id())


async def in_thread(work: Callable[[], T]) -> T:
    """Run something that blocks, and wait for its end even when cancelled: it works on a file that we would close."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait({future})
        raise
