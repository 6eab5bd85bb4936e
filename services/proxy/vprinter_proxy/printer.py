"""What all proxies of this process share, what one proxy has of its own, and what its parts are."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from vprinter_common.bus import Bus
from vprinter_common.contracts.printer import Target, VirtualPrinter
from vprinter_common.fleet.edge import Listener, Serving
from vprinter_common.handshakes import Handshakes
from vprinter_common.logins import Logins
from vprinter_common.runtime.tasks import TaskSet
from vprinter_proxy.ftp.capture import Captures
from vprinter_proxy.metrics import ProxyMetrics
from vprinter_proxy.reports import Reports
from vprinter_proxy.sessions import Monitor
from vprinter_proxy.settings import ProxySettings
from vprinter_proxy.upstream import Troubled

log = structlog.get_logger()

SERVICE = "proxy"


@dataclass(frozen=True, slots=True)
class House:
    """What all proxies of this process share."""

    settings: ProxySettings
    bus: Bus
    tasks: TaskSet
    metrics: ProxyMetrics
    handshakes: Handshakes
    logins: Logins
    """The real printer checks the codes; who brought wrong ones is braked as anywhere else."""
    reports: Reports
    captures: Captures
    buffer: memoryview
    """What all pumps read into."""


@dataclass(frozen=True, slots=True)
class Printer:
    """One virtual printer with a real one behind it; `serving.spec` is always its newest spec."""

    house: House
    serving: Serving
    monitor: Monitor

    @property
    def spec(self) -> VirtualPrinter:
        """As it should be now."""
        return self.serving.spec

    @property
    def id(self) -> str:
        """The virtual printer's id."""
        return self.serving.spec.id

    @property
    def target(self) -> Target:
        """The real printer, as it is to be reached now: its code and pinned certificate may change under way."""
        target = self.serving.spec.target
        assert target is not None  # noqa: S101 - `ProxyEdge.accepts` saw to it
        return target

    def troubled(self, listener: str, trouble: Troubled) -> None:
        """The real printer could not be used."""
        self.house.metrics.upstream_failures.labels(self.id, listener, trouble.trouble.value).inc()
        log.warning("printer_not_reached", printer=self.id, listener=listener, error=str(trouble))


class Part(Protocol):
    """One part of a proxy: some listeners and the connections that came through them."""

    @property
    def listeners(self) -> Sequence[Listener]:
        """What the fleet opens."""

    def spec_changed(self) -> None:
        """`Printer.spec` was replaced: policy, code or pinned certificate may be others."""

    async def close(self) -> None:
        """End all connections; the listeners are closed already."""


MakePart = Callable[[Printer], Awaitable[Part | None]]
"""Makes a part of a printer; None = its mode or relay settings ask for none."""
