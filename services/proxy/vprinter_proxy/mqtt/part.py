"""The MQTT part of a proxy: its listener, its sessions, and how many there may be."""

import asyncio
from collections import Counter as Tally
from collections.abc import Sequence
from contextlib import suppress

from vprinter_common.contracts.printer import Mode
from vprinter_common.fleet.edge import Listener
from vprinter_common.listen import TlsServer, listen_tls
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import ShownCertificate, printer_server_context
from vprinter_proxy.mqtt.closed import Closed
from vprinter_proxy.mqtt.session import LISTENER, RelaySession
from vprinter_proxy.printer import Printer
from vprinter_proxy.upstream import printer_context

MAX_SESSIONS = 64
"""Connections at once: no real printer takes as many."""
MAX_STRANGERS_PER_ADDRESS = 16
"""Connections of one address that the printer has not let in."""
STOP_WITHIN = 1.0
"""Seconds that slicers have to take the last bytes when the proxy stops."""


class MqttRelay:
    """Relays MQTT for one virtual printer."""

    def __init__(self, printer: Printer, shown: ShownCertificate) -> None:
        self.printer = printer
        self.tasks = TaskSet(f"mqtt:{printer.id}")
        self.context = printer_context()
        self._shown = shown
        self._sessions: dict[RelaySession, None] = {}
        self._empty = asyncio.Event()
        port = printer.house.settings.proxy.mqtt_port
        self.listeners: Sequence[Listener] = (Listener(LISTENER, port, self._listen, "VPRINTER_PROXY__MQTT_PORT"),)

    @classmethod
    async def make(cls, printer: Printer) -> "MqttRelay | None":
        """The part, if the printer is a proxy: the others answer MQTT themselves."""
        if printer.spec.mode is not Mode.PROXY:
            return None
        certificate = printer.spec.certificate
        shown = await asyncio.to_thread(
            ShownCertificate, printer_server_context, certificate.chain_pem, certificate.key_pem.get_secret_value()
        )
        return cls(printer, shown)

    def spec_changed(self) -> None:
        """Take over the certificate and the policy; sessions go on."""
        spec = self.printer.spec
        self._shown.show(spec.certificate.chain_pem, spec.certificate.key_pem.get_secret_value())
        for session in self._sessions:
            session.spec_changed(spec)

    async def close(self) -> None:
        """End all sessions."""
        for session in list(self._sessions):
            session.end(Closed.STOPPED)
        await self.tasks.close()
        if self._sessions:
            self._empty.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_WITHIN):
                    await self._empty.wait()
        for session in list(self._sessions):
            session.slicer.abort()

    # -- Host: what sessions ask of their part ------------------------------------------------------------------

    def admit(self, session: RelaySession) -> Closed | None:
        """Refuse a connection beyond the limits."""
        self._sessions[session] = None
        strangers = Tally(each.address for each in self._sessions if not each.known)
        if len(self._sessions) > MAX_SESSIONS or strangers[session.address] > MAX_STRANGERS_PER_ADDRESS:
            return Closed.FULL
        return None

    def gone(self, session: RelaySession) -> None:
        """Forget a connection."""
        self._sessions.pop(session, None)
        if not self._sessions:
            self._empty.set()

    async def _listen(self, address: str, port: int) -> TlsServer:
        house = self.printer.house
        watch = house.handshakes.watch(self.printer.id, LISTENER)
        return await listen_tls(address, port, lambda: RelaySession(self).slicer, self._shown.context, watch)
