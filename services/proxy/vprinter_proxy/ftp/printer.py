"""The FTPS relay of one printer: its listener and its sessions."""

import asyncio
import random
from collections.abc import Sequence

import structlog

from vprinter_common.contracts.printer import FtpRelay, Mode
from vprinter_common.fleet.edge import Closable, Listener
from vprinter_common.listen import listen_tls
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import ShownCertificate, ftps_server_context
from vprinter_common.wire import ftp
from vprinter_proxy.ftp.control import ControlRelay
from vprinter_proxy.printer import Printer

log = structlog.get_logger()

MAX_SESSIONS = 64
"""Control connections to one printer, which itself takes few."""


class FtpsRelay:
    """Terminates TLS on both sides."""

    def __init__(self, printer: Printer, shown: ShownCertificate) -> None:
        self._printer = printer
        self._shown = shown
        self._tasks = TaskSet(f"ftps:{printer.id}")
        self._rng = random.SystemRandom()
        port = printer.house.settings.proxy.ftps_port
        self.listeners: Sequence[Listener] = (Listener("ftps", port, self._open, "VPRINTER_PROXY__FTPS_PORT"),)

    @classmethod
    async def make(cls, printer: Printer) -> "FtpsRelay | None":
        """For proxies that do not pass FTPS through."""
        spec = printer.spec
        if spec.mode is not Mode.PROXY or spec.relay.ftp is not FtpRelay.TERMINATE:
            return None
        certificate = spec.certificate
        shown = await asyncio.to_thread(
            ShownCertificate, ftps_server_context, certificate.chain_pem, certificate.key_pem.get_secret_value()
        )
        return cls(printer, shown)

    def spec_changed(self) -> None:
        """The certificate may be another; the policy is asked for at each command."""
        certificate = self._printer.spec.certificate
        self._shown.show(certificate.chain_pem, certificate.key_pem.get_secret_value())

    async def close(self) -> None:
        """End all sessions."""
        await self._tasks.close()

    async def _open(self, address: str, port: int) -> Closable:
        watch = self._printer.house.handshakes.watch(self._printer.id, "ftps")
        return await listen_tls(address, port, self._protocol, self._shown.context, watch)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(self._tasks) >= MAX_SESSIONS or writer.get_extra_info("peername") is None:
                writer.write(ftp.reply(421, f"{MAX_SESSIONS} sessions are open; close some first"))
                writer.close()
                return
            relay = ControlRelay(self._printer, reader, writer, self._shown.context, self._rng)
            self._tasks.spawn(relay.run(), "session")

        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=ftp.MAX_LINE), begin)
