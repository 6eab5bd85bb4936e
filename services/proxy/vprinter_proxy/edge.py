"""What it means for proxy to serve a printer: the parts that its mode and relay settings ask for."""

import asyncio
import time
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager

from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import Disconnect
from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.fleet.edge import CannotServe, Edge, Placement, Serving
from vprinter_common.handshakes import Handshakes
from vprinter_common.logins import Logins
from vprinter_common.runtime.service import Runtime
from vprinter_common.selfcheck import Storage
from vprinter_proxy.endpoint import ROOM
from vprinter_proxy.ftp.capture import Captures
from vprinter_proxy.ftp.printer import FtpsRelay
from vprinter_proxy.metrics import ProxyMetrics
from vprinter_proxy.mqtt.part import MqttRelay
from vprinter_proxy.printer import SERVICE, House, MakePart, Printer
from vprinter_proxy.raw import RawRelay
from vprinter_proxy.reports import Reports
from vprinter_proxy.sessions import Monitor
from vprinter_proxy.settings import ProxySettings

PARTS: tuple[MakePart, ...] = (MqttRelay.make, FtpsRelay.make, RawRelay.make)
"""Every part that a printer may have."""


class ProxyEdge(Edge):
    """Relays slicers to real printers."""

    def __init__(self, runtime: Runtime, settings: ProxySettings) -> None:
        bus, tasks, registry = runtime.bus, runtime.tasks, runtime.registry
        self.reports = Reports()
        metrics = ProxyMetrics(registry)
        self.captures = Captures(settings, bus, registry, tasks, metrics)
        logins = Logins(SERVICE, settings.node, bus, registry=registry, tasks=tasks, clock=time.monotonic)
        self._house = House(
            settings=settings,
            bus=bus,
            tasks=tasks,
            metrics=metrics,
            handshakes=Handshakes(SERVICE, bus, registry=registry, tasks=tasks, clock=time.monotonic),
            logins=logins,
            reports=self.reports,
            captures=self.captures,
            buffer=memoryview(bytearray(ROOM)),
        )
        self._monitors: dict[str, Monitor] = {}
        tasks.spawn(logins.follow(), "logins")
        tasks.spawn(bus.subscribe(subjects.ALL_DISCONNECTS, Disconnect, self._on_disconnect), "disconnects")

    def accepts(self, spec: VirtualPrinter) -> bool:
        """Proxies, and other printers whose target's camera is relayed."""
        if not spec.enabled:
            return False
        return spec.mode is Mode.PROXY or (spec.target is not None and spec.relay.camera)

    def storage(self) -> Sequence[Storage]:
        """Where copies of relayed files and their receipts rest."""
        settings = self._house.settings
        return (
            Storage("captures", settings.blobs_dir, settings.proxy.min_free_bytes),
            Storage("receipts", settings.outbox_dir),
        )

    def serving_key(self, spec: VirtualPrinter) -> Hashable:
        """Also what decides which parts there are, and where their connections go."""
        target = spec.target
        behind = (target.id, target.host, target.serial, target.model) if target else None
        is_proxy = spec.mode is Mode.PROXY
        return (super().serving_key(spec), is_proxy, behind, spec.relay.camera, is_proxy and spec.relay.ftp)

    @asynccontextmanager
    async def serve(self, spec: VirtualPrinter, placement: Placement) -> AsyncIterator[Serving]:
        """One printer's relays."""
        if spec.target is None:
            raise CannotServe("proxy mode needs a real printer behind it: choose one")
        house, serving = self._house, Serving(spec, placement)
        async with Monitor(serving, house.bus, house.tasks, house.metrics) as monitor:
            printer = Printer(house, serving, monitor)
            parts = [part for make in PARTS if (part := await make(printer)) is not None]

            def changed() -> None:
                for part in parts:
                    part.spec_changed()

            serving.listeners = [listener for part in parts for listener in part.listeners]
            serving.changed = changed
            self._monitors[spec.id] = monitor
            try:
                yield serving
            finally:
                del self._monitors[spec.id]
                async with asyncio.TaskGroup() as closing:
                    for part in parts:
                        closing.create_task(part.close())

    async def _on_disconnect(self, message: Disconnect) -> None:
        if (monitor := self._monitors.get(message.printer)) is not None:
            monitor.disconnect(message)
