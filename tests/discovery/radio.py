"""Slicers' and printers' ends of the SSDP port, and a pretended one of ours."""

import asyncio
import socket
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from vprinter_common.wire import ssdp
from vprinter_discovery.airwaves import Airwaves, Arrival

BROADCAST = "127.255.255.255"


class Radio:
    """A host that listens on the SSDP port, like a slicer does."""

    def __init__(self, port: int, address: str = "0.0.0.0") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if port:  # asked for any port, the kernel would else give one that another such socket has
            for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                self._socket.setsockopt(socket.SOL_SOCKET, option, 1)
        self._socket.bind((address, port))

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._socket.getsockname()[1]
        return port

    async def receive(self, within: float = 30.0) -> tuple[bytes, tuple[str, int]]:
        """The next datagram and its sender."""
        async with asyncio.timeout(within):
            return await asyncio.get_running_loop().sock_recvfrom(self._socket, 65535)

    async def hear(self, within: float = 30.0) -> ssdp.Alive | ssdp.ByeBye | ssdp.Search | ssdp.SearchResponse | None:
        """What the next datagram says."""
        return ssdp.parse((await self.receive(within))[0])

    def say(self, datagram: bytes, destination: tuple[str, int]) -> None:
        """Send."""
        self._socket.sendto(datagram, destination)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


@dataclass
class Recorded(Airwaves):
    """Airwaves that only write down what would be sent, or fail as told."""

    port: int = 2021
    sent: list[tuple[bytes, tuple[str, int], str, str]] = field(default_factory=list)
    failures: dict[str, OSError] = field(default_factory=dict)
    """By device."""
    joined: set[str] = field(default_factory=set)

    def send(self, datagram: bytes, destination: tuple[str, int], *, source: str = "0.0.0.0", device: str = "") -> None:
        if device in self.failures:
            raise self.failures[device]
        self.sent.append((datagram, destination, source, device))

    def join(self, devices: object) -> None:
        assert isinstance(devices, (set, list, tuple)) or hasattr(devices, "__iter__")
        self.joined = set(devices)

    def destinations(self) -> list[str]:
        """Where datagrams went."""
        return [host for _, (host, _), _, _ in self.sent]


def arrival(
    peer: str = "192.168.1.9", device: str = "eth0", local: str = "192.168.1.5", *, unicast: bool = False
) -> Arrival:
    """How a datagram came."""
    return Arrival((peer, 50021), device, local, unicast)
