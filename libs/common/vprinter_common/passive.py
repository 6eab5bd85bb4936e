"""FTP's passive data connections, from the port to the first byte, which tells TLS from clear."""

import asyncio
import random
import socket
from collections.abc import Callable

from vprinter_common.contracts.printer import PortRange
from vprinter_common.listen import listening_socket

_BACKLOG = 4
_TLS_HANDSHAKE, _TLS_MAJOR = b"\x16", b"\x03"


class NoFreePort(OSError):  # noqa: N818 - a state of the port range
    """Every port of the range is taken."""


def bind_passive(address: str, ports: PortRange, rng: random.Random) -> socket.socket:
    """A listening socket on a free port of the range, tried from a random one on; NoFreePort if there is none."""
    first = rng.randrange(len(ports))
    for step in range(len(ports)):
        try:
            return listening_socket(address, ports.low + (first + step) % len(ports), _BACKLOG)
        except OSError as error:
            last = error
    raise NoFreePort(f"no free passive port in {ports.low}-{ports.high} on {address}: {last.strerror}")


async def accept_from(listening: socket.socket, peer: str, foreign: Callable[[str], None]) -> socket.socket:
    """The first connection from the peer; the listener is closed after it. `foreign` is told who else tried."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            connection, (address, *_) = await loop.sock_accept(listening)
            if address == peer:
                return connection
            connection.close()
            foreign(address)
    finally:
        listening.close()


async def first_byte_is_tls(connection: socket.socket, decided: asyncio.Future[bool]) -> bool:
    """Wait for the first byte, without taking it, and decide; or until somebody else does."""
    loop = asyncio.get_running_loop()

    def on_readable() -> None:
        if decided.done():
            return
        try:
            head = connection.recv(2, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:  # reset already: whoever reads will see it
            head = b""
        decided.set_result(head[:1] == _TLS_HANDSHAKE and head[1:] in (b"", _TLS_MAJOR))

    descriptor = connection.fileno()
    loop.add_reader(descriptor, on_readable)
    try:
        return await asyncio.shield(decided)
    finally:
        loop.remove_reader(descriptor)
