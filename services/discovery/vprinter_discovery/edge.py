"""What it means for discovery to serve a printer: announce it and answer detect."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Counter

from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.fleet.edge import ANY, Edge, Listener, Placement, Serving
from vprinter_common.handshakes import Handshakes
from vprinter_common.listen import BACKLOG, TlsServer, listen_tls
from vprinter_common.tls import printer_server_context
from vprinter_discovery.airwaves import Airwaves
from vprinter_discovery.announcer import Announcer
from vprinter_discovery.detect import Exchanges, Limits
from vprinter_discovery.settings import DiscoverySection

SSDP, DETECT, DETECT_TLS = "ssdp", "detect", "detect-tls"
SSDP_SETTING = "VPRINTER_DISCOVERY__SSDP_PORT"
DETECT_SETTING = "VPRINTER_DISCOVERY__DETECT_PORT"
DETECT_TLS_SETTING = "VPRINTER_DISCOVERY__DETECT_TLS_PORT"


class DiscoveryEdge(Edge):
    """Makes printers findable."""

    def __init__(
        self,
        section: DiscoverySection,
        airwaves: Airwaves,
        announcer: Announcer,
        handshakes: Handshakes,
        *,
        registry: CollectorRegistry,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._section = section
        self._airwaves = airwaves
        self._announcer = announcer
        self._handshakes = handshakes
        self._limits = limits
        self._requests = Counter(
            "vprinter_detect_requests", "Detect connections", ["printer", "listener", "outcome"], registry=registry
        )

    def accepts(self, spec: VirtualPrinter) -> bool:
        """A proxy has the identity of a real printer, which is announced in another way."""
        return spec.enabled and spec.mode is not Mode.PROXY

    @asynccontextmanager
    async def serve(self, spec: VirtualPrinter, placement: Placement) -> AsyncIterator[Serving]:
        """Announce the printer and let slicers detect it."""
        certificate = spec.certificate
        context = await asyncio.to_thread(
            printer_server_context, certificate.chain_pem, certificate.key_pem.get_secret_value()
        )
        serving = Serving(spec, placement)
        plain, secure = (
            Exchanges(listener, serving, self._requests, self._limits) for listener in (DETECT, DETECT_TLS)
        )
        on_handshake = self._handshakes.watch(spec.id, DETECT_TLS)

        async def open_plain(address: str, port: int) -> asyncio.Server:
            return await asyncio.get_running_loop().create_server(plain.new, address, port, backlog=BACKLOG)

        async def open_tls(address: str, port: int) -> TlsServer:
            return await listen_tls(address, port, secure.new, context, on_handshake)

        ports = self._section
        serving.listeners = (
            Listener(SSDP, ports.ssdp_port, self._airwaves.listen, SSDP_SETTING, protocol="udp", address=ANY),
            Listener(DETECT, ports.detect_port, open_plain, DETECT_SETTING),
            Listener(DETECT_TLS, ports.detect_tls_port, open_tls, DETECT_TLS_SETTING),
        )
        async with self._announcer.announcing(serving):
            try:
                yield serving
            finally:
                plain.abort()
                secure.abort()
