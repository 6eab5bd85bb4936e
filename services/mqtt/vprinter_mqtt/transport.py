"""TLS straight on a socket, for many connections that are written to often.

asyncio's own TLS copies every byte through two memory buffers and keeps 256 KiB for each connection; a report to each of
200 slicers a second costs half as much again that way (docs/performance.md).
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog

from vprinter_common.listen import HANDSHAKE_TIMEOUT

log = structlog.get_logger()

RECORD = 16 * 1024
"""Bytes that a TLS record holds at most. Reading less would leave some in OpenSSL, where the event loop sees nothing."""
GOODBYE = 5.0
"""Seconds from `close` that the peer has to read what was written and to close its side."""


async def shake_hands(
    connection: socket.socket, context: ssl.SSLContext, factory: Callable[[], asyncio.BaseProtocol]
) -> None:
    """Shake hands and hand the connection to a protocol of its own; may raise OSError (TimeoutError, ssl.SSLError)."""
    secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            await _finish_handshake(secured)
        TlsTransport(secured, factory())
    except BaseException:
        secured.close()
        raise


class TlsTransport(asyncio.Transport):
    """One connection after its handshake.

    What the socket does not take at once waits: the protocol is told to pause at the first such byte and to go on after
    the last, and nothing is read meanwhile, so that requests cannot pile up answers.
    """

    def __init__(self, secured: ssl.SSLSocket, protocol: asyncio.BaseProtocol) -> None:
        super().__init__(
            {"peername": secured.getpeername(), "sockname": secured.getsockname(), "socket": secured},
        )
        assert isinstance(protocol, asyncio.Protocol)  # noqa: S101 - tells mypy what the factory makes
        self._loop = asyncio.get_running_loop()
        self._socket = secured
        self._protocol = protocol
        self._unsent: deque[bytes] = deque()
        self._closing = False
        self._lost = False
        self._deadline: asyncio.TimerHandle | None = None
        self._loop.add_reader(secured, self._on_readable)
        protocol.connection_made(self)

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send now what the socket takes, the rest as soon as it does; nothing if closing."""
        if self._closing:
            return
        if self._unsent:
            self._unsent.append(bytes(data))
            return
        try:
            self._socket.send(data)  # all or nothing: a record that was begun is finished by sending the same again
        except ssl.SSLWantWriteError:
            self._unsent.append(bytes(data))
            self._loop.remove_reader(self._socket)
            self._loop.add_writer(self._socket, self._on_writable)
            self._protocol.pause_writing()
        except OSError as error:
            self._lose(error)

    def close(self) -> None:
        """Send what waits, say so in TLS, and close when the peer has closed; abort if that takes too long."""
        if self._closing:
            return
        self._closing = True
        self._deadline = self._loop.call_later(GOODBYE, self.abort)
        if not self._unsent:
            self._say_goodbye()

    def abort(self) -> None:
        """Close now."""
        self._lose(None)

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(RECORD)
        except (ssl.SSLWantReadError, BlockingIOError):
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._hung_up()
        elif not self._closing:
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        try:
            self._protocol.data_received(data)
        except Exception:  # as in asyncio: a mistake in a protocol ends its connection and no other
            log.exception("connection_failed", peer=self.get_extra_info("peername"))
            self.abort()

    def _hung_up(self) -> None:
        if self._closing:
            self._lose(None)
        else:
            self.close()

    def _on_writable(self) -> None:
        try:
            while self._unsent:
                self._socket.send(self._unsent[0])
                self._unsent.popleft()
        except ssl.SSLWantWriteError:
            return
        except OSError as error:
            self._lose(error)
            return
        self._loop.remove_writer(self._socket)
        self._loop.add_reader(self._socket, self._on_readable)
        if self._closing:
            self._say_goodbye()
        else:
            self._protocol.resume_writing()

    def _say_goodbye(self) -> None:
        """Tell the peer that nothing follows, and let it close first: to close while bytes of it are unread is a reset.

        That would destroy what it has not read yet: the refusal of its login, for instance.
        """
        try:
            with suppress(ssl.SSLError):  # its own goodbye is not here yet, or is not what comes
                self._socket.unwrap()
            self._socket.shutdown(socket.SHUT_WR)  # from here on what comes is read without TLS, and dropped
        except OSError as error:
            self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._unsent.clear()
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._loop.call_soon(self._protocol.connection_lost, error)
        self._socket.close()


async def _finish_handshake(secured: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        ready = asyncio.Event()
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            loop.add_reader(secured, ready.set)
        except ssl.SSLWantWriteError:
            loop.add_writer(secured, ready.set)
        else:
            return
        try:
            await ready.wait()
        finally:
            loop.remove_reader(secured)
            loop.remove_writer(secured)
