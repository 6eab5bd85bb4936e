"""The printer's MQTT side: few sessions, reports to whoever subscribed, everything received is kept."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from enum import StrEnum

from tests.simulators.printer.machine import Machine
from tests.simulators.printer.reports import Json
from vprinter_common.wire.mqtt import ConnectRequested, Published, ServerSession
from vprinter_common.wire.mqtt_packets import ConnectCode

USER = b"bblp"


class WhenFull(StrEnum):
    """What a printer does with one session too many."""

    REFUSE = "refuse"
    """CONNACK 3."""
    EVICT = "evict"
    """The oldest session is cut off."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message from a client, byte by byte. `at`: monotonic seconds."""

    client: str
    topic: str
    payload: bytes
    qos: int
    at: float

    @property
    def command(self) -> str:
        """`print.pause` and so on; empty for what is no request."""
        try:
            body = json.loads(self.payload.rstrip(b"\0"))
            section = next(each for each in body if each not in ("header", "user_id"))
            return f"{section}.{body[section]['command']}"
        except (ValueError, KeyError, TypeError, StopIteration):
            return ""


@dataclass(eq=False, slots=True)
class Session:
    """A connected client."""

    client: str
    peer: tuple[str, int]
    protocol: "_Connection"


@dataclass(slots=True)
class Broker:
    """All sessions of one printer; runs on the simulator's event loop."""

    machine: Machine
    session_limit: int
    when_full: WhenFull
    period: float
    refusing: bool = False
    silent: bool = False
    received: list[Received] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    """Return codes of CONNACKs that let nobody in."""
    connects: int = 0
    """Sessions there have ever been."""

    @property
    def topic(self) -> str:
        """Where reports go."""
        return f"device/{self.machine.serial}/report"

    def new(self) -> "_Connection":
        """The protocol of a fresh connection."""
        return _Connection(self)

    def publish(self, report: Json) -> None:
        """Send a report to everyone who subscribed."""
        if self.silent:
            return
        payload = json.dumps(report, indent=4, ensure_ascii=False).encode()
        for session in list(self.sessions):
            session.protocol.publish(self.topic, payload)

    async def keep_pushing(self) -> None:
        """A delta every period."""
        while True:
            await asyncio.sleep(self.period)
            self.publish(self.machine.delta())

    def judge(self, wanted: ConnectRequested) -> ConnectCode:
        """Whether a client may come in."""
        if (wanted.username, wanted.password) != (USER, self.machine.access_code.encode()):
            return ConnectCode.NOT_AUTHORISED
        if self.refusing or (len(self.sessions) >= self.session_limit and self.when_full is WhenFull.REFUSE):
            return ConnectCode.SERVER_UNAVAILABLE
        return ConnectCode.ACCEPTED

    def enter(self, session: Session) -> None:
        """A client is let in; one of the same name gives way, as MQTT demands."""
        for other in [each for each in self.sessions if each.client == session.client]:
            other.protocol.abort()
        if len(self.sessions) >= self.session_limit:
            self.sessions[0].protocol.abort()
        self.connects += 1
        self.sessions.append(session)

    def request(self, session: Session, message: Published) -> None:
        """Take what a client said and answer it."""
        self.received.append(Received(session.client, message.topic, message.payload, message.qos, time.monotonic()))
        if message.topic == f"device/{self.machine.serial}/request":
            for report in self.machine.answer(message.payload):
                self.publish(report)


class _Connection(asyncio.Protocol):
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._mqtt = ServerSession()
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._mqtt.receive_data(data)
        for event in self._mqtt.events_received():
            match event:
                case ConnectRequested():
                    self._connect(event)
                case Published() if self._session is not None:
                    self._broker.request(self._session, event)
        self._flush()

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._session in self._broker.sessions:
            self._broker.sessions.remove(self._session)

    def publish(self, topic: str, payload: bytes) -> None:
        if self._mqtt.granted_qos(topic) is not None:
            self._mqtt.publish(topic, payload)
            self._flush()

    def abort(self) -> None:
        self.connection_lost(None)
        if self._transport is not None:
            self._transport.abort()

    def _connect(self, wanted: ConnectRequested) -> None:
        assert self._transport is not None
        code = self._broker.judge(wanted)
        if code is not ConnectCode.ACCEPTED:
            self._broker.refusals.append(code)
            self._mqtt.refuse(code)
            return
        self._session = Session(wanted.client_id, self._transport.get_extra_info("peername"), self)
        self._broker.enter(self._session)
        self._mqtt.accept()
        self.data_received(b"")

    def _flush(self) -> None:
        assert self._transport is not None
        if data := self._mqtt.data_to_send():
            self._transport.write(data)
        if self._mqtt.should_close:
            self._transport.close()
