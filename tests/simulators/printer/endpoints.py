"""The printer's smaller ports: detect, camera, announcements."""

import asyncio
import json
import socket
from contextlib import closing
from dataclasses import dataclass, field
from weakref import WeakSet

HEAD, TAIL = b"\xa5\xa5", b"\xa7\xa7"
URN = "urn:bambulab-com:device:3dprinter:1"
CAMERA_GREETING = b"camera of "


@dataclass(frozen=True, slots=True)
class Says:
    """What the printer says of itself, in detect and in announcements."""

    serial: str
    model: str
    name: str
    version: str
    connect: str = "lan"
    bind: str = "free"


@dataclass(slots=True)
class Plug:
    """What connections break with when it is pulled, also those whose handshake ends only then."""

    pulled: bool = False
    _connections: WeakSet[asyncio.Transport] = field(default_factory=WeakSet)

    def powers(self, protocol: asyncio.Protocol) -> asyncio.Protocol:
        """The protocol, whose connection is cut off when the plug is pulled."""
        connected = protocol.connection_made

        def connection_made(transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            connected(transport)
            self._connections.add(transport)
            if self.pulled:
                transport.abort()

        protocol.connection_made = connection_made  # type: ignore[method-assign]
        return protocol

    def pull(self) -> None:
        """Cut all of them off."""
        self.pulled = True
        for transport in list(self._connections):
            transport.abort()


class Detect(asyncio.Protocol):
    """One request, one reply, then the connection ends; anything else is met with silence."""

    def __init__(self, says: Says, log: list[bytes]) -> None:
        self._says = says
        self._log = log
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        length = int.from_bytes(self._buffer[2:4], "little")
        if len(self._buffer) < 4 or len(self._buffer) < length:
            return
        self._log.append(self._buffer)
        request = json.loads(self._buffer[4:-2])["login"]
        if request.get("command") != "detect" or self._transport is None:
            return
        says = self._says
        reply = {
            "command": "detect",
            "sequence_id": 3021,
            "id": says.serial,
            "model": says.model,
            "name": says.name,
            "version": says.version,
            "bind": says.bind,
            "connect": says.connect,
            "dev_cap": 1,
        }
        body = json.dumps({"login": reply}, separators=(",", ":"), ensure_ascii=False).encode()
        self._transport.write(HEAD + (len(body) + 6).to_bytes(2, "little") + body + TAIL)
        self._transport.close()


class Camera(asyncio.Protocol):
    """Greets with its serial number and echoes all it gets, to the end of what the client sends."""

    def __init__(self, serial: str) -> None:
        self._serial = serial
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(CAMERA_GREETING + self._serial.encode() + b"\n")

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)


def notify(says: Says, location: str, *, legacy: bool) -> bytes:
    """The NOTIFY of the family: P1 and A1 printers leave some headers out."""
    lines = [
        "NOTIFY * HTTP/1.1",
        f"Host: 239.255.255.250:{1900 if legacy else 1990}",
        "Server: UPnP/1.0",
        f"Location: {location}",
        f"NT: {URN}",
        *([] if legacy else ["NTS: ssdp:alive"]),
        f"USN: {says.serial}",
        "Cache-Control: max-age=1800",
        f"DevModel.bambu.com: {says.model}",
        f"DevName.bambu.com: {says.name}",
        "DevSignal.bambu.com: -51",
        f"DevConnect.bambu.com: {says.connect}",
        f"DevBind.bambu.com: {says.bind}",
        "Devseclink.bambu.com: secure",
        *([] if legacy else ["DevInf.bambu.com: wlan0"]),
        f"DevVersion.bambu.com: {says.version}",
        "DevCap.bambu.com: 1",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


def byebye(says: Says) -> bytes:
    """The NOTIFY of a printer that is switched off."""
    lines = ["NOTIFY * HTTP/1.1", "Host: 239.255.255.250:1990", f"NT: {URN}", "NTS: ssdp:byebye", f"USN: {says.serial}"]
    return "\r\n".join([*lines, "", ""]).encode()


def send_datagram(datagram: bytes, source: str, destination: tuple[str, int]) -> None:
    """Send it from one of this host's addresses, broadcasts too."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind((source, 0))
        sock.sendto(datagram, destination)
