"""What it means for mqtt to serve a printer."""

import asyncio
import time
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import UploadLive
from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.contracts.target import TargetReport, TargetSaid
from vprinter_common.fleet.edge import Edge, Listener, Placement, Serving
from vprinter_common.handshakes import Handshakes
from vprinter_common.listen import TlsServer, listen_tls
from vprinter_common.logins import Logins
from vprinter_common.runtime.service import Runtime
from vprinter_common.tls import ShownCertificate, printer_server_context
from vprinter_mqtt.beat import Beat
from vprinter_mqtt.messenger import Messenger
from vprinter_mqtt.metrics import Metrics
from vprinter_mqtt.printer import Printer
from vprinter_mqtt.settings import MqttSection
from vprinter_mqtt.transport import shake_hands


class MqttEdge(Edge):
    """Serves the MQTT side of every printer that is not a proxy."""

    def __init__(self, runtime: Runtime, settings: MqttSection) -> None:
        self._settings = settings
        self._metrics = Metrics(runtime.registry)
        self._bus = runtime.bus
        bus, tasks, registry = runtime.bus, runtime.tasks, runtime.registry
        node = runtime.settings.node
        self._logins = Logins("mqtt", node, bus, registry=registry, tasks=tasks, clock=time.monotonic)
        self._handshakes = Handshakes("mqtt", bus, registry=registry, tasks=tasks, clock=time.monotonic)
        self._messenger = Messenger(bus, tasks)
        self._printers: dict[str, Printer] = {}
        self._beat = Beat()
        tasks.spawn(self._logins.follow(), "logins")
        tasks.spawn(bus.subscribe(subjects.ALL_UPLOADS, UploadLive, self._on_upload), "uploads")
        runtime.root(tasks.spawn(self._messenger.deliver(), "jobs"))
        runtime.root(tasks.spawn(self._beat.run(), "beat"))

    def accepts(self, spec: VirtualPrinter) -> bool:
        """Proxies speak with the real printer instead."""
        return spec.enabled and spec.mode is not Mode.PROXY

    @asynccontextmanager
    async def serve(self, spec: VirtualPrinter, placement: Placement) -> AsyncIterator[Serving]:
        """Serve one printer."""
        certificate = spec.certificate
        shown = await asyncio.to_thread(
            ShownCertificate, printer_server_context, certificate.chain_pem, certificate.key_pem.get_secret_value()
        )
        serving = Serving(spec, placement, shown=shown)
        printer = Printer(
            serving,
            logins=self._logins,
            messenger=self._messenger,
            metrics=self._metrics,
            clock=time.monotonic,
            max_clients=self._settings.max_clients,
        )

        async def listen(address: str, port: int) -> TlsServer:
            watch = self._handshakes.watch(spec.id, "mqtt")
            return await listen_tls(address, port, printer.connection, shown.context, watch, shake_hands=shake_hands)

        serving.listeners = (Listener("mqtt", self._settings.port, listen, "VPRINTER_MQTT__PORT"),)
        serving.changed = printer.spec_changed
        self._printers[spec.id] = printer
        try:
            async with self._behind(spec, printer):
                with self._beat.followed_by(printer.report):
                    yield serving
        finally:
            del self._printers[spec.id]
            printer.close()

    def serving_key(self, spec: VirtualPrinter) -> Hashable:
        """Also which real printer is shown."""
        target = spec.target
        return (super().serving_key(spec), (target.id, target.serial, target.model) if target else None)

    @asynccontextmanager
    async def _behind(self, spec: VirtualPrinter, printer: Printer) -> AsyncIterator[None]:
        """Listen to the real printer behind this one, if there is one."""
        if spec.target is None:
            yield
            return
        report, said = subjects.target_report(spec.target.id), subjects.target_said(spec.target.id)
        async with (
            self._bus.listening(report, TargetReport, printer.target_reported),
            self._bus.listening(said, TargetSaid, printer.target_said),
        ):
            yield

    async def _on_upload(self, upload: UploadLive) -> None:
        if (printer := self._printers.get(upload.printer)) is not None:
            printer.upload_moved(upload)
