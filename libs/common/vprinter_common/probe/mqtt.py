"""The slicer's MQTT session: log in, subscribe, ask for everything, take the first full report."""

import asyncio
import json
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from vprinter_common.access import USER
from vprinter_common.probe.dial import Line, Place, dial
from vprinter_common.probe.obstacle import Obstacle, Obstructed, obstacles
from vprinter_common.wire.mqtt_framing import MqttError, PacketReader
from vprinter_common.wire.mqtt_packets import (
    SUBSCRIPTION_REFUSED,
    Connack,
    Connect,
    ConnectCode,
    Disconnect,
    Packet,
    Publish,
    Suback,
    Subscribe,
    Subscription,
    decode,
)
from vprinter_common.wire.report import loads

P = TypeVar("P")

ANSWER_WITHIN = 3.0
MAX_REPORT = 256 * 1024
CLIENT_ID = "vprinter-probe"

_REQUESTS = (
    {"pushing": {"sequence_id": "20001", "command": "pushall", "version": 1, "push_target": 1}},
    {"info": {"sequence_id": "20002", "command": "get_version"}},
)


@dataclass(frozen=True, slots=True)
class Reports:
    """What the printer said of itself: `push_status` as it was written, and both messages read."""

    raw: bytes
    status: dict[str, Any]
    version: dict[str, Any]


class MqttProbe:
    """One MQTT connection, made by `open`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._packets = PacketReader(MAX_REPORT)

    @classmethod
    async def open(cls, place: Place, context: ssl.SSLContext, serial: str) -> Self:
        """Connect with TLS; raises Obstructed."""
        return cls(await dial(place, context, serial))

    async def log_in(self, code: str) -> None:
        """CONNECT with an access code; raises Obstructed."""
        connect = Connect(client_id=CLIENT_ID, username=USER.encode(), password=code.encode(), keep_alive=30)
        answer = await self._ask(connect, Connack)
        match answer.code:
            case ConnectCode.ACCEPTED:
                return
            case ConnectCode.NOT_AUTHORISED | ConnectCode.BAD_CREDENTIALS:
                obstacle = Obstacle.CODE_REFUSED
            case ConnectCode.SERVER_UNAVAILABLE:
                obstacle = Obstacle.BRAKED
            case _:
                obstacle = Obstacle.DENIED
        raise Obstructed(
            obstacle, f"{self._line.where} answered CONNACK {answer.code.value} ({answer.code.name.lower()})"
        )

    async def reports(self, serial: str, within: float = ANSWER_WITHIN) -> Reports:
        """Subscribe and ask for everything; the first full `push_status` and `get_version`. Raises Obstructed."""
        answer = await self._ask(Subscribe(1, (Subscription(f"device/{serial}/report"),)), Suback)
        if SUBSCRIPTION_REFUSED in answer.codes:
            raise Obstructed(Obstacle.DENIED, f"{self._line.where} refused the subscription to device/{serial}/report")
        for request in _REQUESTS:
            self._send(Publish(f"device/{serial}/request", json.dumps(request).encode()))
        found: dict[str, tuple[bytes, dict[str, Any]]] = {}
        with obstacles(self._line.where, garbage=(MqttError, ValueError)):
            try:
                async with asyncio.timeout(within):
                    while len(found) < 2:
                        packet = await self._next()
                        if isinstance(packet, Publish):
                            found |= _recognised(packet.payload)
            except TimeoutError:
                missing = " and ".join(sorted({"push_status", "get_version"} - found.keys()))
                raise Obstructed(Obstacle.SILENT, f"{self._line.where}: no {missing} within {within:g} s") from None
        raw, status = found["push_status"]
        return Reports(raw, status, found["get_version"][1])

    async def close(self) -> None:
        """DISCONNECT and end the connection."""
        if not self._line.writer.is_closing():
            self._send(Disconnect())
        await self._line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, packet: Packet, wanted: type[P]) -> P:
        with obstacles(self._line.where, garbage=(MqttError, ValueError)):
            self._send(packet)
            async with asyncio.timeout(ANSWER_WITHIN):
                while not isinstance(answer := await self._next(), wanted):
                    pass  # reports may come before the answer
                return answer

    def _send(self, packet: Packet) -> None:
        self._line.writer.write(packet.encode())

    async def _next(self) -> Packet:
        while (raw := self._packets.next_packet()) is None:
            data = await self._line.reader.read(65536)
            if not data:
                raise Obstructed(Obstacle.CLOSED, f"{self._line.where} ended the connection")
            self._packets.feed(data)
        return decode(raw)


def _recognised(payload: bytes) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """A full status or a version, by its command; nothing for anything else."""
    message = loads(payload)
    for section, command in (("print", "push_status"), ("info", "get_version")):
        part = message.get(section)
        if isinstance(part, dict) and part.get("command") == command and part.get("msg", 0) == 0:
            return {command: (payload, part)}
    return {}
