"""One data connection of a relayed session: from the printer's passive port to the last byte on both sides."""

import asyncio
import socket
import ssl
from collections.abc import Callable

import structlog

from vprinter_common.listen import OnHandshake
from vprinter_common.passive import accept_from, first_byte_is_tls
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import handshake_failure_reason
from vprinter_common.wire.ftp_relay import Direction, Transfer
from vprinter_proxy.endpoint import Endpoint, SecureEndpoint
from vprinter_proxy.ftp.line import PrinterLine
from vprinter_proxy.pump import Flow, Meter, Pump, Tap
from vprinter_proxy.upstream import Troubled, keep_alive

log = structlog.get_logger()

STAND_WITHIN = 30.0
"""Seconds from a transfer's command until its data connection must stand on both sides."""
SILENCE = 2.0
"""Seconds until a download's silent client, who may be waiting for clear data, is taken at its PROT."""
TAIL = 5.0
"""Seconds that either side has to close its data connection when the printer has said its last word."""


class Client:
    """The slicer's side: who may connect, and how TLS is told from clear."""

    def __init__(
        self,
        listening: socket.socket,
        address: str,
        context: ssl.SSLContext,
        *,
        on_handshake: OnHandshake,
        foreign: Callable[[str], None],
    ) -> None:
        self.port: int = listening.getsockname()[1]
        self._address = address
        self._context = context
        self._on_handshake = on_handshake
        self._accepted = asyncio.Event()
        self._is_tls: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._tasks = TaskSet("ftp-client")
        self._endpoint: Endpoint | None = None
        self._opening = self._tasks.spawn(self._open(listening, foreign), "open")

    async def endpoint(self, transfer: Transfer, *, private: bool) -> Endpoint:
        """The open connection; may raise OSError. One that is silent is taken at its PROT if it is to be sent to."""
        await self._accepted.wait()
        if transfer.direction is Direction.DOWNLOAD:
            await asyncio.wait({self._is_tls}, timeout=SILENCE if private else 0.0)
            if not self._is_tls.done():
                self._is_tls.set_result(private)
        await asyncio.shield(self._opening)
        assert self._endpoint is not None  # noqa: S101 - `_open` made it
        return self._endpoint

    async def close(self) -> None:
        """Reset the connection, if it is still open; also if this is broken off."""
        try:
            await self._tasks.close()
        finally:
            if self._endpoint is not None:
                self._endpoint.reset()

    async def _open(self, listening: socket.socket, foreign: Callable[[str], None]) -> None:
        connection = await accept_from(listening, self._address, foreign)
        self._endpoint = Endpoint(connection)
        connection.setblocking(False)
        keep_alive(connection)
        self._accepted.set()
        if not await first_byte_is_tls(connection, self._is_tls):
            return
        self._endpoint = secured = SecureEndpoint(connection, self._context, server_side=True)
        try:
            await secured.shake_hands()
        except OSError as error:
            self._on_handshake(self._address, handshake_failure_reason(error))
            raise ConnectionAbortedError("TLS on the data connection failed") from error
        self._on_handshake(self._address, None)


class DataRelay:
    """Made when the printer has opened a passive port; serves one transfer."""

    def __init__(self, line: PrinterLine, target: socket.socket, client: Client) -> None:
        self.client = client
        self._line = line
        self._target = Endpoint(target)
        self._tasks = TaskSet("ftp-data")
        self._pump: Pump | None = None
        self._flow: Flow | None = None
        self._failure: str | None = None
        self._settled = asyncio.Event()
        """The transfer's bytes are where they should be, or never will be."""

    def begin(self, transfer: Transfer, buffer: memoryview, meter: Meter, *, private: bool, tap: Tap | None) -> None:
        """The transfer's command is on its way; `private`: the printer wants TLS."""
        self._tasks.spawn(self._carry(transfer, buffer, meter, private=private, tap=tap), "transfer")

    async def end(self, *, succeeded: bool) -> str | None:
        """The printer said its last word: wait until the data is where it should be; why it is not, if it is not."""
        if succeeded:
            if self._flow is not None and self._pump is not None and self._flow is self._pump.to_target:
                self._pump.conclude(TAIL)
            await self._settled.wait()
        if self._pump is not None:
            self._pump.conclude(TAIL)
        return self._failure

    async def finish(self) -> None:
        """After `end`: wait until both sides have closed."""
        if self._pump is not None and (running := self._tasks.running()):
            await asyncio.wait(running)
        await self.close()

    async def close(self) -> None:
        """Break off whatever is left; also if this is broken off."""
        try:
            await self._tasks.close()
        finally:
            self._target.reset()
            await self.client.close()

    async def _carry(
        self, transfer: Transfer, buffer: memoryview, meter: Meter, *, private: bool, tap: Tap | None
    ) -> None:
        try:
            async with asyncio.timeout(STAND_WITHIN):
                if private:
                    self._target = secured = self._line.secure(self._target.connection)
                    await self._line.shake_hands(secured)
                client = await self.client.endpoint(transfer, private=private)
        except (Troubled, OSError) as error:  # TimeoutError is one
            self._failure = str(error) or f"no data connection within {STAND_WITHIN:g} s"
            log.warning("data_connection_failed", verb=transfer.verb, error=self._failure)
            self._target.reset()
            self._settled.set()
            return
        self._pump = pump = Pump(client, self._target, buffer, meter, tap=tap, moved=self._moved)
        self._flow = pump.to_target if transfer.direction is Direction.UPLOAD else pump.to_client
        try:
            await pump.run()
        finally:
            if self._flow.lost:
                self._failure = "the data connection broke, so the file is not complete"
            self._settled.set()

    def _moved(self) -> None:
        """A direction of the pump ended."""
        if self._flow is not None and self._flow.delivered:
            self._settled.set()
