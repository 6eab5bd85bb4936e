"""A side of a pump: a non-blocking connection, in the clear or with TLS.

TLS runs in memory: straight on the socket, OpenSSL asks the kernel twice for each record of 16 KiB that comes, and once for
each that goes, which is a sixth of a relay's work. asyncio's own TLS takes an end without close_notify for a clean one, so
a slicer that was killed would look like one that has finished; here every ending is told as it came.
"""

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from enum import Enum

PIECE = 64 * 1024
"""Bytes of TLS that are taken from the kernel at a time. More would be faster still, but each connection keeps twice as many."""
ROOM = 256 * 1024
"""Bytes that are taken at a time in the clear. With TLS, less comes of a piece and of a record whose beginning came before."""
_RESET = struct.pack("ii", 1, 0)


class Ending(Enum):
    """How a side ended."""

    CLEAN = "clean"
    """With close_notify; or in the clear, where an end cannot say more."""
    RAGGED = "ragged"
    """TLS that ended without close_notify: its program was killed, or is a careless one."""
    BROKEN = "broken"
    """A reset, or no TLS any more."""


class Endpoint:
    """A connection in the clear, and what is common to both kinds."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.ending: Ending | None = None
        """How the peer ended; None = it may still send."""
        self._unsent = b""

    def take(self, buffer: memoryview) -> int:
        """Take what is there into a buffer of ROOM, a piece at most; how many bytes it was. `ending` may be set by it."""
        try:
            count = self.connection.recv_into(buffer)
        except BlockingIOError:
            return 0
        except OSError:
            self.ending = Ending.BROKEN
            return 0
        if count == 0:
            self.ending = Ending.CLEAN
        return count

    def send(self, data: memoryview) -> bool:
        """Send, and hold back what the kernel does not take; whether that is nothing. May raise OSError."""
        sent = 0
        with suppress(BlockingIOError):
            while sent < len(data):
                sent += self.connection.send(data[sent:])
        self._unsent = bytes(data[sent:])
        return not self._unsent

    def flush(self) -> bool:
        """Send what was held back, when the connection is writable; whether nothing is any more. May raise OSError."""
        if self._unsent:
            with suppress(BlockingIOError):
                self._unsent = self._unsent[self.connection.send(self._unsent) :]
        return not self._unsent

    def end(self, _how: Ending) -> bool:
        """Let the peer know that no more comes; False = again when the connection is writable. May raise OSError."""
        self.connection.shutdown(socket.SHUT_WR)
        return True

    def part(self) -> None:
        """Close in the regular way, whether or not the peer has."""
        with suppress(OSError):
            self.end(Ending.CLEAN)
        self.close()

    def reset(self) -> None:
        """Close so that the peer cannot take it for a regular end; of no effect on what is closed."""
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()

    def close(self) -> None:
        """Close, and let go of what is held back."""
        self.connection.close()
        self._unsent = b""


class SecureEndpoint(Endpoint):
    """A connection with TLS; `shake_hands` comes first."""

    def __init__(
        self,
        connection: socket.socket,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        session: ssl.SSLSession | None = None,
    ) -> None:
        super().__init__(connection)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, session=session
        )
        self._was_ended = False
        self._is_fresh = True
        """What came along with the handshake is in memory."""

    @property
    def tls(self) -> ssl.SSLObject:
        """What TLS knows of the peer; raises OSError once it is closed."""
        if self._tls is None:
            raise ConnectionAbortedError("the connection is closed")
        return self._tls

    async def shake_hands(self) -> None:
        """Finish the handshake; may raise OSError (ssl.SSLError). Time limits are the caller's."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await loop.sock_sendall(self.connection, self._outgoing.read())
                if data := await loop.sock_recv(self.connection, PIECE):
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with suppress(OSError):  # the alert that says why
                    self.connection.send(self._outgoing.read())
                raise
            else:
                await loop.sock_sendall(self.connection, self._outgoing.read())
                return

    def take(self, buffer: memoryview) -> int:
        # All that came is decrypted before it returns: of what is in memory, the event loop would not tell.
        if self._is_fresh:
            self._is_fresh = False
            return self._decrypt(buffer)
        ciphertext = buffer[-PIECE:]
        try:
            count = self.connection.recv_into(ciphertext)
        except BlockingIOError:
            return 0
        except ConnectionResetError:
            # Once it was given its end, a peer may close as it likes.
            self.ending = Ending.RAGGED if self._was_ended else Ending.BROKEN
            return 0
        except OSError:
            self.ending = Ending.BROKEN
            return 0
        if count:
            self._incoming.write(ciphertext[:count])
        else:
            self._incoming.write_eof()
        return self._decrypt(buffer)

    def send(self, data: memoryview) -> bool:
        self.tls.write(data)
        self._unsent = self._outgoing.read()
        return self.flush()

    def end(self, how: Ending) -> bool:
        if not self._was_ended:
            self._was_ended = True
            if how is Ending.CLEAN:
                with suppress(ssl.SSLError, ValueError):  # the peer's own close_notify is not here yet, or never comes
                    self.tls.unwrap()
                self._unsent += self._outgoing.read()
        return self.flush() and super().end(how)

    def close(self) -> None:
        super().close()
        # At once: it may be part of a cycle, and the collector comes by too seldom for buffers of this size.
        self._tls = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def _decrypt(self, buffer: memoryview) -> int:
        tls, taken = self.tls, 0
        try:
            while count := tls.read(len(buffer) - taken, buffer[taken:]):
                taken += count  # type: ignore[operator]  # the number of bytes, if there is a buffer
            self.ending = Ending.CLEAN
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # instead of nothing, once our own close_notify has been sent
            self.ending = Ending.CLEAN
        except ssl.SSLEOFError:
            self.ending = Ending.RAGGED
        except ssl.SSLError:
            self.ending = Ending.BROKEN
        return taken
