"""TLS listeners that see why a handshake failed, and bound what half-open handshakes can cost.

`asyncio.start_server(ssl=…)` swallows handshake errors; the `unknown_ca` alert among them is the best hint for the
commonest complaint (the slicer does not trust the CA), so sockets are accepted here.
"""

import asyncio
import socket
import ssl
from collections import Counter as Tally
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import HandshakeFailure, handshake_failure_reason

log = structlog.get_logger()

HANDSHAKE_TIMEOUT = 10.0
MAX_HALF_OPEN = 512
MAX_HALF_OPEN_PER_ADDRESS = 256
"""Behind Docker's bridge or NAT many slicers share one address, and fifty uploads may begin at once."""
BACKLOG = 512
"""asyncio's 100 drops connections when many slicers reconnect at once: they then wait a second for the retransmit."""

OnHandshake = Callable[[str, HandshakeFailure | None], None]
"""Called with the client's address and None (the handshake succeeded) or the reason why it failed."""
Factory = Callable[[], asyncio.BaseProtocol]
ShakeHands = Callable[[socket.socket, ssl.SSLContext, Factory], Awaitable[None]]
"""Shakes hands within HANDSHAKE_TIMEOUT and hands the connection to a protocol; closes it and raises OSError otherwise."""


async def shake_hands(connection: socket.socket, context: ssl.SSLContext, factory: Factory) -> None:
    """asyncio's own TLS."""
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_accepted_socket(factory, connection, ssl=context, ssl_handshake_timeout=HANDSHAKE_TIMEOUT)
    except BaseException:
        connection.close()
        raise


class TlsServer:
    """Accepts connections, shakes hands within limits, and hands each to a protocol of its own."""

    def __init__(
        self,
        listening: socket.socket,
        factory: Factory,
        context: ssl.SSLContext,
        on_handshake: OnHandshake,
        *,
        shake_hands: ShakeHands,
    ) -> None:
        self._socket = listening
        self._factory = factory
        self._context = context
        self._on_handshake = on_handshake
        self._shake_hands = shake_hands
        self._half_open: Tally[str] = Tally()
        self._tasks = TaskSet("tls")
        self._tasks.spawn(self._accept(), "accept")

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening socket."""
        return (self._socket,)

    def close(self) -> None:
        """Stop accepting and break off half-open handshakes; established connections go on."""
        for task in self._tasks.running():
            task.cancel()
        close_listening(self._socket)

    async def wait_closed(self) -> None:
        """Wait until nothing of the listener runs any more."""
        await self._tasks.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, (address, *_) = await loop.sock_accept(self._socket)
            except OSError as error:  # out of descriptors, or the peer left already
                log.warning("accept_failed", error=str(error))
                await asyncio.sleep(0.1)
                continue
            if self._half_open[address] >= MAX_HALF_OPEN_PER_ADDRESS or self._half_open.total() >= MAX_HALF_OPEN:
                connection.close()
                self._on_handshake(address, HandshakeFailure.TIMEOUT)
                continue
            self._half_open[address] += 1
            self._tasks.spawn(self._take(connection, address), "handshake")

    async def _take(self, connection: socket.socket, address: str) -> None:
        try:
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._shake_hands(connection, self._context, self._factory)
        except OSError as error:
            self._on_handshake(address, handshake_failure_reason(error))
        else:
            self._on_handshake(address, None)
        finally:
            self._half_open[address] -= 1
            if not self._half_open[address]:
                del self._half_open[address]


async def listen_tls(
    address: str,
    port: int,
    factory: Factory,
    context: ssl.SSLContext,
    on_handshake: OnHandshake,
    *,
    shake_hands: ShakeHands = shake_hands,
) -> TlsServer:
    """Listen with TLS; raises OSError if the address and port cannot be had."""
    return TlsServer(listening_socket(address, port), factory, context, on_handshake, shake_hands=shake_hands)


def close_listening(listening: socket.socket) -> None:
    """Close a socket that a task may still wait at.

    The loop forgets it first. Otherwise that task's end, a turn later, takes the watch from the socket that got its number.
    """
    if listening.fileno() >= 0:
        asyncio.get_running_loop().remove_reader(listening)
        listening.close()


def listening_socket(address: str, port: int, backlog: int = BACKLOG) -> socket.socket:
    """A socket that listens and does not block; raises OSError if the address and port cannot be had."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setblocking(False)
        listening.bind((address, port))
        listening.listen(backlog)
    except OSError:
        listening.close()
        raise
    return listening
