"""The relay's own session with the printer: the control connection, and the data connections that resume its TLS."""

import asyncio
import hashlib
import socket
import ssl
from dataclasses import dataclass
from typing import Self

from vprinter_common.contracts.printer import Target
from vprinter_common.contracts.target import TargetTrouble
from vprinter_common.wire import ftp
from vprinter_proxy.endpoint import SecureEndpoint
from vprinter_proxy.upstream import CONNECT_TIMEOUT, Troubled, connect_tls, dial, ftps_context, tls_trouble


@dataclass(frozen=True, slots=True)
class PrinterLine:
    """An open control connection."""

    address: str
    """Where data connections go, whatever a 227 reply says: some say 0.0.0.0, and one that says more is not believed."""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    context: ssl.SSLContext

    @classmethod
    async def open(cls, target: Target, port: int) -> Self:
        """Connect; raises Troubled."""
        context = ftps_context()
        reader = asyncio.StreamReader(limit=ftp.MAX_LINE)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await connect_tls(target, port, context, lambda: protocol)
        writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
        return cls(transport.get_extra_info("peername")[0], reader, writer, context)

    async def dial(self, port: int) -> socket.socket:
        """A data connection, before its TLS; raises Troubled."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                return await dial(self.address, port)
        except OSError as error:  # TimeoutError is one
            raise Troubled(
                TargetTrouble.UNREACHABLE,
                f"the printer's data port {port} cannot be reached ({error.strerror or 'no answer'}); try again",
            ) from error

    def secure(self, connection: socket.socket) -> SecureEndpoint:
        """A data connection that will resume the session of this one, which many printers insist on."""
        return SecureEndpoint(connection, self.context, session=self._shown.session)

    async def shake_hands(self, endpoint: SecureEndpoint) -> None:
        """Finish the handshake; raises Troubled, also if somebody else than this printer answers."""
        try:
            await endpoint.shake_hands()
        except OSError as error:
            raise tls_trouble(f"the printer's data port at {self.address}", error) from error
        shown, expected = (each.getpeercert(binary_form=True) or b"" for each in (endpoint.tls, self._shown))
        if not endpoint.tls.session_reused and hashlib.sha256(shown).digest() != hashlib.sha256(expected).digest():
            raise Troubled(TargetTrouble.WRONG_PRINTER, f"another one than the printer answers at {self.address}")

    def close(self) -> None:
        """End the connection; what was written is still sent."""
        self.writer.close()

    @property
    def _shown(self) -> ssl.SSLObject:
        shown: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        return shown
