"""What it means to serve a printer over FTPS, and the body of the service."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from math import nan

import structlog

from vprinter_common.blobs import DirectoryBlobs
from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.fleet.edge import Edge, Listener, Placement, Serving
from vprinter_common.fleet.reconcile import edge_body
from vprinter_common.handshakes import Handshakes
from vprinter_common.logins import Logins
from vprinter_common.object_store import Blobs
from vprinter_common.outbox import Checkpoint, Outbox, OutboxMetrics, Publisher, no_checkpoint
from vprinter_common.runtime.health import Severity
from vprinter_common.runtime.service import Runtime
from vprinter_common.selfcheck import Storage
from vprinter_common.tls import ShownCertificate, ftps_server_context
from vprinter_ftps.announce import SERVICE, Announcer
from vprinter_ftps.card import Card
from vprinter_ftps.custody import Custody
from vprinter_ftps.metrics import FtpsMetrics
from vprinter_ftps.printer import House, Printer
from vprinter_ftps.receive import Intake
from vprinter_ftps.server import PrinterServer
from vprinter_ftps.sessions import SessionLimits
from vprinter_ftps.settings import FtpsSettings
from vprinter_ftps.workers import Workers

log = structlog.get_logger()


class FtpsEdge(Edge):
    """Serves printers over implicit FTPS."""

    def __init__(self, house: House) -> None:
        self._house = house

    def accepts(self, spec: VirtualPrinter) -> bool:
        """Proxied printers are the proxy's."""
        return spec.enabled and spec.mode is not Mode.PROXY

    def storage(self) -> Sequence[Storage]:
        """Where uploads and their receipts rest."""
        settings = self._house.settings
        return (
            Storage("uploads", settings.blobs_dir, settings.ftps.min_free_bytes),
            Storage("receipts", settings.outbox_dir),
        )

    @asynccontextmanager
    async def serve(self, spec: VirtualPrinter, placement: Placement) -> AsyncIterator[Serving]:
        """One printer's server and memory card."""
        settings = self._house.settings
        certificate = spec.certificate
        shown = await asyncio.to_thread(
            ShownCertificate, ftps_server_context, certificate.chain_pem, certificate.key_pem.get_secret_value()
        )
        card = await asyncio.to_thread(Card, settings.data_dir / "ftps" / spec.id, self._house.blobs)
        self._house.metrics.expect(spec.id)
        serving = Serving(spec, placement, shown=shown)
        server = PrinterServer(Printer(self._house, serving, shown.context, card))
        serving.listeners = [Listener("ftps", settings.ftps.port, server.open, "VPRINTER_FTPS__PORT")]
        serving.changed = server.spec_changed
        try:
            yield serving
        finally:
            await server.close()


@asynccontextmanager
async def open_house(
    runtime: Runtime, settings: FtpsSettings, checkpoint: Checkpoint = no_checkpoint
) -> AsyncIterator[House]:
    """What all printers share, cleaned of what an earlier run left unfinished."""
    bus, registry, tasks = runtime.bus, runtime.registry, runtime.tasks
    metrics = FtpsMetrics(registry)
    blobs = await asyncio.to_thread(Blobs.open, settings.blobs_dir, settings.objects)
    outbox = await asyncio.to_thread(Outbox, settings.outbox_dir)
    if swept := await asyncio.to_thread(blobs.sweep):
        log.info("unfinished_uploads_removed", uploads=swept)
    await asyncio.to_thread(outbox.sweep)
    metrics.free_bytes.set_function(lambda: _free_bytes(blobs))
    metrics.reserve_bytes.set(settings.ftps.min_free_bytes)
    # Control connections and their transfers, and in the worst case a handshake beside each.
    workers = Workers(2 * settings.ftps.sessions_total)
    intake = Intake()
    try:
        yield House(
            settings=settings,
            metrics=metrics,
            blobs=blobs,
            custody=Custody(blobs, outbox, settings.ftps, metrics, settings.node, intake, blobs.free_bytes, checkpoint),
            publisher=Publisher(outbox, blobs, bus, OutboxMetrics(registry), checkpoint),
            announcer=Announcer(bus, tasks),
            logins=Logins(SERVICE, settings.node, bus, registry=registry, tasks=tasks, clock=time.monotonic),
            handshakes=Handshakes(SERVICE, bus, registry=registry, tasks=tasks, clock=time.monotonic),
            limits=SessionLimits(settings.ftps.sessions_per_address, settings.ftps.sessions_total),
            workers=workers,
            upload_slots=asyncio.Semaphore(settings.ftps.parallel_uploads),
            rng=random.SystemRandom(),
            now=lambda: datetime.now(UTC),
        )
    finally:
        intake.close()
        workers.close()


def body(
    settings: FtpsSettings, checkpoint: Checkpoint = no_checkpoint
) -> Callable[[Runtime], AbstractAsyncContextManager[None]]:
    """The service. `checkpoint` is called at every step of custody (see custody.py): a test can fail there."""

    @asynccontextmanager
    async def serve(runtime: Runtime) -> AsyncIterator[None]:
        async with open_house(runtime, settings, checkpoint) as house:
            runtime.health.add("disk", Severity.DEGRADED, lambda: _disk_problem(house))
            runtime.root(runtime.tasks.spawn(house.publisher.run(), "outbox"))
            runtime.tasks.spawn(house.logins.follow(), "logins")
            runtime.tasks.spawn(house.blobs.follow_spool(), "spool")
            async with edge_body(runtime, FtpsEdge(house)):
                yield

    return serve


def _free_bytes(blobs: DirectoryBlobs) -> float:
    """Free space as a metric; a disk that is gone must not take all other metrics with it."""
    try:
        return blobs.free_bytes()
    except OSError:
        return nan


def _disk_problem(house: House) -> str | None:
    free, needed = house.custody.free_bytes(), house.settings.ftps.min_free_bytes
    if free >= needed:
        return None
    return f"{free} bytes free in {house.settings.blobs_dir}, uploads are refused below {needed}; delete files"
