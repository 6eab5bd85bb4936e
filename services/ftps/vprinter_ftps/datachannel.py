"""The data connection: passive listener, peer check, TLS or clear by the first byte, handshake in a thread."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from vprinter_common.contracts.facts import FailureReason
from vprinter_common.listen import OnHandshake, close_listening
from vprinter_common.metrics.declared import Security
from vprinter_common.passive import accept_from, first_byte_is_tls
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import handshake_failure_reason
from vprinter_common.wire import ftp
from vprinter_ftps.refusal import Refusal
from vprinter_ftps.workers import Workers

NEED_DATA = ftp.reply(425, "use EPSV or PASV first")
HANDSHAKE_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0


@dataclass(slots=True)
class Channel:
    """An open data connection; blocking, used by one worker thread. `interrupt` may be called from any thread."""

    connection: socket.socket
    security: Security
    _breaker: socket.socket = field(repr=False)
    """A second descriptor of the connection: closing the first under a thread that reads it would be a race."""

    def interrupt(self) -> None:
        """Make whatever blocks on the connection return."""
        with suppress(OSError):
            self._breaker.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """End our side: newer libcurl waits for the server's close_notify before it is content."""
        with suppress(OSError, ValueError):  # the peer may be gone, and has then all it wanted
            self.connection.settimeout(CLOSE_TIMEOUT)
            if isinstance(self.connection, ssl.SSLSocket):
                self.connection = self.connection.unwrap()
            self.connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close; what the peer still sends is answered with a reset."""
        self.connection.close()
        self._breaker.close()


class DataChannel:
    """What PASV or EPSV made: from the listener to the open connection. Serves one transfer."""

    def __init__(
        self,
        listening: socket.socket,
        peer: str,
        context: ssl.SSLContext,
        *,
        workers: Workers,
        tasks: TaskSet,
        on_handshake: OnHandshake,
        foreign: Callable[[str], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._listening = listening
        self._peer = peer
        self._context = context
        self._workers = workers
        self._on_handshake = on_handshake
        self._foreign = foreign
        self._accepted: asyncio.Future[None] = loop.create_future()
        self._secure: asyncio.Future[bool] = loop.create_future()
        self._opened: asyncio.Future[Channel | Refusal] = loop.create_future()
        self._taken = self._closed = False
        self._opening = tasks.spawn(self._run(), "data")

    @property
    def port(self) -> int:
        """The port that the client is to connect to."""
        return int(self._listening.getsockname()[1])

    async def for_upload(self, connect_timeout: float, stall_timeout: float) -> Channel:
        """The open connection of a client that will speak first; the caller closes it. Raises Refusal."""
        await self._wait_accepted(connect_timeout)
        try:
            async with asyncio.timeout(stall_timeout):
                return self._take(await asyncio.shield(self._opened))
        except TimeoutError as error:
            raise Refusal(FailureReason.STALLED, f"no byte in {stall_timeout:g} s") from error

    async def for_download(self, connect_timeout: float, silence: float, *, secure: bool) -> Channel:
        """The open connection of a client that may wait for us to begin; the caller closes it. Raises Refusal.

        A TLS client speaks first here too. One that is silent for `silence` seconds is taken to be as `secure` says.
        """
        await self._wait_accepted(connect_timeout)
        with suppress(TimeoutError):
            async with asyncio.timeout(silence):
                await asyncio.shield(self._secure)
        if not self._secure.done():
            self._secure.set_result(secure)
        return self._take(await asyncio.shield(self._opened))

    def close(self) -> None:
        """Give up listener and connection, unless a transfer took the connection already."""
        self._closed = True
        close_listening(self._listening)
        self._opening.cancel()
        self._settle(Refusal(FailureReason.ABORTED))
        opened = self._opened.result()
        if isinstance(opened, Channel) and not self._taken:
            opened.close()

    async def _wait_accepted(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._accepted)
        except TimeoutError as error:
            raise Refusal(FailureReason.NO_DATA_CONNECTION, f"waited {timeout:g} s") from error

    def _take(self, opened: Channel | Refusal) -> Channel:
        if isinstance(opened, Refusal):
            raise opened
        if self._closed:  # between its opening and now
            raise Refusal(FailureReason.ABORTED)
        self._taken = True
        return opened

    def _settle(self, opened: Channel | Refusal) -> None:
        if not self._accepted.done():
            self._accepted.set_result(None)
        if not self._opened.done():
            self._opened.set_result(opened)

    async def _run(self) -> None:
        connection = await accept_from(self._listening, self._peer, self._foreign)
        self._accepted.set_result(None)
        breaker = connection.dup()
        try:
            self._settle(await self._secured(connection, breaker))
        except asyncio.CancelledError:
            connection.close()
            breaker.close()
            raise
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: reset before the handshake
            connection.close()
            breaker.close()
            reason = handshake_failure_reason(error)
            self._on_handshake(self._peer, reason)
            self._settle(Refusal(FailureReason.TLS, reason.value))

    async def _secured(self, connection: socket.socket, breaker: socket.socket) -> Channel:
        if not await first_byte_is_tls(connection, self._secure):
            return Channel(connection, Security.CLEAR, breaker)

        def shake_hands() -> ssl.SSLSocket:
            connection.settimeout(HANDSHAKE_TIMEOUT)
            # Only so does the end of data tell a client that finished from one that was killed.
            return self._context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)

        def interrupt() -> None:
            with suppress(OSError):
                breaker.shutdown(socket.SHUT_RDWR)

        secured = await self._workers.run(shake_hands, interrupt=interrupt, too_late=ssl.SSLSocket.close)
        self._on_handshake(self._peer, None)
        return Channel(secured, Security.RESUMED if secured.session_reused else Security.TLS, breaker)
