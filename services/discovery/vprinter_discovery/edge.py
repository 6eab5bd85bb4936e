"""What it means for discovery to serve a printer: announce it and answer detect."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager, nullcontext
from functools import partial

from prometheus_client import CollectorRegistry

from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.fleet.edge import ANY, CannotServe, Edge, Listener, Placement, Serving
from vprinter_common.handshakes import Handshakes
from vprinter_common.listen import BACKLOG, TlsServer, listen_tls
from vprinter_common.metrics import declared
from vprinter_common.tls import ShownCertificate, printer_server_context
from vprinter_discovery.airwaves import Airwaves
from vprinter_discovery.announcer import Announcer
from vprinter_discovery.detect import Exchanges, Limits
from vprinter_discovery.originals import Originals
from vprinter_discovery.settings import DiscoverySection
from vprinter_discovery.sightings import Sightings

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
        sightings: Sightings,
        *,
        originals: Originals,
        registry: CollectorRegistry,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._section = section
        self._airwaves = airwaves
        self._announcer = announcer
        self._handshakes = handshakes
        self._sightings = sightings
        self._originals = originals
        self._limits = limits
        self._requests = declared.DETECT_REQUESTS.create(registry)

    def serving_key(self, spec: VirtualPrinter) -> Hashable:
        """Also whether it is a proxy, which shares its serial number with a real printer."""
        return (super().serving_key(spec), spec.mode is Mode.PROXY)

    @asynccontextmanager
    async def serve(self, spec: VirtualPrinter, placement: Placement) -> AsyncIterator[Serving]:
        """Announce the printer and let slicers detect it."""
        is_proxy = spec.mode is Mode.PROXY
        if is_proxy and spec.target is None:
            raise CannotServe("proxy mode needs a real printer behind it: choose one")
        certificate = spec.certificate
        shown = await asyncio.to_thread(
            ShownCertificate, printer_server_context, certificate.chain_pem, certificate.key_pem.get_secret_value()
        )
        serving = Serving(spec, placement, shown=shown)
        with self._originals.behind(serving) if is_proxy else nullcontext() as original:
            plain, secure = (
                Exchanges(
                    name,
                    serving,
                    self._requests,
                    self._limits,
                    seen=partial(self._sightings.seen, name),
                    original=original,
                )
                for name in (DETECT, DETECT_TLS)
            )
            serving.listeners = self._listeners(spec, plain, secure, shown)
            async with self._announcer.announcing(serving, original):
                try:
                    yield serving
                finally:
                    plain.abort()
                    secure.abort()

    def _listeners(
        self, spec: VirtualPrinter, plain: Exchanges, secure: Exchanges, shown: ShownCertificate
    ) -> tuple[Listener, ...]:
        on_handshake = self._handshakes.watch(spec.id, DETECT_TLS)

        async def open_plain(address: str, port: int) -> asyncio.Server:
            return await asyncio.get_running_loop().create_server(plain.new, address, port, backlog=BACKLOG)

        async def open_tls(address: str, port: int) -> TlsServer:
            return await listen_tls(address, port, secure.new, shown.context, on_handshake)

        ports = self._section
        return (
            Listener(SSDP, ports.ssdp_port, self._airwaves.listen, SSDP_SETTING, protocol="udp", address=ANY),
            Listener(DETECT, ports.detect_port, open_plain, DETECT_SETTING),
            Listener(DETECT_TLS, ports.detect_tls_port, open_tls, DETECT_TLS_SETTING),
        )
