"""The SSDP port: one socket for all printers of this node, whose datagrams leave by the interface they are meant for."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

import structlog

from vprinter_common.wire.ssdp import GROUP, MAX_DATAGRAM

log = structlog.get_logger()

_IP_PKTINFO = 8  # linux/in.h; the socket module of Python 3.11 does not name it
_PKTINFO = struct.Struct("@i4s4s")
"""struct in_pktinfo: interface index, our address, the datagram's destination."""
_MREQN = struct.Struct("@4s4si")
_TURN = 64
"""Datagrams read before the event loop gets its turn again."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a datagram came."""

    peer: tuple[str, int]
    device: str
    local: str
    """Our address by which the peer reaches us."""
    unicast: bool
    """Sent to this host alone, so not necessarily from a neighbour."""


class Share:
    """A printer's part in the shared socket; closing it leaves the socket to the others."""

    def close(self) -> None:
        """Nothing: the socket stays open as long as the service, which also listens for real printers."""
        return


class Airwaves:
    """Sends and receives SSDP datagrams. Until `open` succeeds they are sent from a port of the system's choice."""

    def __init__(self, port: int, on_datagram: Callable[[bytes, Arrival], None]) -> None:
        self.port = port
        self._on_datagram = on_datagram
        self._bound: socket.socket | None = None
        self._unbound: socket.socket | None = None
        self._joined: set[str] = set()

    @property
    def is_open(self) -> bool:
        """Whether the port is ours: searches and real printers are heard."""
        return self._bound is not None

    def open(self) -> None:
        """Take the port, shared with a slicer on this host; raises OSError."""
        if self._bound is not None:
            return
        bound = _datagram_socket()
        try:
            # Both, because slicers and other tools on this host set one or the other.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            bound.bind(("0.0.0.0", self.port))
        except OSError:
            bound.close()
            raise
        self._bound = bound
        asyncio.get_running_loop().add_reader(bound, self._readable, bound)
        self._join(bound, self._joined)

    async def listen(self, _address: str, _port: int) -> Share:
        """`open` as the fleet calls it for a printer's listener."""
        self.open()
        return Share()

    def join(self, devices: Iterable[str]) -> None:
        """Hear searches sent to the SSDP group on these devices."""
        devices = set(devices)
        if self._bound is not None:
            self._join(self._bound, devices - self._joined)
        self._joined = devices

    def send(self, datagram: bytes, destination: tuple[str, int], *, source: str = "0.0.0.0", device: str = "") -> None:
        """Send one datagram; with a device it leaves there whatever the routes say. Raises OSError."""
        index = socket.if_nametoindex(device) if device else 0
        control = _PKTINFO.pack(index, IPv4Address(source).packed, bytes(4))
        self._sender().sendmsg([datagram], [(socket.IPPROTO_IP, _IP_PKTINFO, control)], 0, destination)

    def close(self) -> None:
        """Give the port back."""
        if self._bound is not None:
            asyncio.get_running_loop().remove_reader(self._bound)
            self._bound.close()
        if self._unbound is not None:
            self._unbound.close()
        self._bound = self._unbound = None

    def _sender(self) -> socket.socket:
        if self._bound is not None:
            return self._bound
        if self._unbound is None:
            self._unbound = _datagram_socket()
        return self._unbound

    def _join(self, bound: socket.socket, devices: Iterable[str]) -> None:
        for device in devices:
            # Gone meanwhile, joined before, or without multicast: broadcasts are heard all the same.
            with suppress(OSError):
                request = _MREQN.pack(IPv4Address(GROUP).packed, bytes(4), socket.if_nametoindex(device))
                bound.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)

    def _readable(self, bound: socket.socket) -> None:
        for _ in range(_TURN):
            try:
                data, ancillary, _, peer = bound.recvmsg(MAX_DATAGRAM + 1, socket.CMSG_SPACE(_PKTINFO.size))
            except BlockingIOError:
                return
            except OSError as error:  # an interface went down; the socket lives on
                log.debug("ssdp_receive_failed", error=str(error))
                return
            arrival = _arrival(peer, ancillary)
            if arrival is not None:
                self._on_datagram(data, arrival)


def _datagram_socket() -> socket.socket:
    created = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    created.setblocking(False)
    created.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return created


def _arrival(peer: tuple[str, int], ancillary: list[tuple[int, int, bytes]]) -> Arrival | None:
    """None if the interface is gone already."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            index, local, destination = _PKTINFO.unpack(data[: _PKTINFO.size])
            try:
                device = socket.if_indextoname(index)
            except OSError:
                return None
            return Arrival(peer, device, str(IPv4Address(local)), unicast=local == destination)
    return None
