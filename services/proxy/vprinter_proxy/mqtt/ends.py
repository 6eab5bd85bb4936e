"""One end of a relayed session: what it does not take in time holds up the other end, and then ends the session."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from vprinter_proxy.upstream import keep_alive


class End(asyncio.Protocol):
    """A connection to the slicer, or to the printer. What is unread never exceeds asyncio's limits by more than a packet."""

    def __init__(
        self,
        *,
        made: Callable[[], None],
        received: Callable[[bytes], None],
        lost: Callable[[], None],
        stalled: Callable[[], None],
        patience: float,
    ) -> None:
        """`stalled`: called when it has not read for `patience` seconds what was written to it."""
        self._made = made
        self._received = received
        self._lost = lost
        self._stalled = stalled
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._holders: set[object] = set()
        self._sources: list[End] = [self]

    def fed_by(self, other: "End") -> None:
        """What is written here comes from there too."""
        self._sources.append(other)

    @property
    def peer(self) -> str:
        """The other host's address."""
        return self._address("peername")

    @property
    def local(self) -> str:
        """Our address, as the other host knows it."""
        return self._address("sockname")

    def limit_output(self, size: int) -> None:
        """Have the kernel keep about this many unread bytes: more would hide for long that nobody reads."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)

    def write(self, data: bytes) -> None:
        """Send, unless it is closing."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def hold(self, holder: object) -> None:
        """Read nothing from it until the same holder lets go."""
        self._holders.add(holder)
        if self._transport is not None:
            self._transport.pause_reading()

    def let_go(self, holder: object) -> None:
        """Read on, unless another holder does not want it."""
        self._holders.discard(holder)
        if not self._holders and self._transport is not None:
            self._transport.resume_reading()

    def close(self) -> None:
        """Close after what was written has been sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now; what is unread is dropped by the kernel too, which would else keep it for a peer that sleeps."""
        if self._transport is not None:
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    # -- asyncio's side -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - tells mypy what asyncio guarantees
        self._transport = transport
        keep_alive(self._socket)
        self._made()

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._received(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        """End. What is kept of it must not keep the connection's TLS buffers, too, until the garbage collector comes."""
        self._disarm()
        self._lost()
        self._transport = None

    def pause_writing(self) -> None:
        """It does not read: neither is more fetched for it, nor are its own requests answered."""
        for source in self._sources:
            source.hold(self)
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._stalled)

    def resume_writing(self) -> None:
        """It reads again."""
        self._disarm()
        for source in self._sources:
            source.let_go(self)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _socket(self) -> socket.socket:
        assert self._transport is not None  # noqa: S101 - asked for by who is connected
        connection: socket.socket = self._transport.get_extra_info("socket")
        return connection

    def _address(self, name: str) -> str:
        assert self._transport is not None  # noqa: S101 - asked for by who is connected
        address = self._transport.get_extra_info(name)
        return str(address[0]) if address else ""
