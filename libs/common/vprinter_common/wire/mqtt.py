"""The server side of one MQTT 3.1.1 connection, without I/O.

    AWAITING_CONNECT --CONNECT--> AWAITING_VERDICT --accept()--> CONNECTED --DISCONNECT--> CLOSED
           |                            |                            |
           +--- anything unacceptable --+---- refuse() --> CLOSED <--+

The owner passes on what it read (`receive_data`), then handles `events_received`, writes `data_to_send`, and closes the
transport when `should_close`. Keep-alive is the client's word about itself and is never enforced: idle slicers send
no PINGREQ, and printers put up with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType

from vprinter_common.wire.mqtt_packets import (
    SUBSCRIPTION_REFUSED,
    Connack,
    Connect,
    ConnectCode,
    Disconnect,
    MqttError,
    Packet,
    PacketReader,
    PacketType,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
    Violation,
    decode,
)
from vprinter_common.wire.mqtt_topics import is_topic_filter, topic_matches

MAX_SIZE_BEFORE_ACCEPT = 64 * 1024
"""Bytes a stranger may announce in CONNECT, and may send behind it before the verdict."""
MAX_SIZE = 256 * 1024
MAX_SUBSCRIPTIONS = 64
MAX_QOS2_IN_FLIGHT = 64
MAX_GRANTED_QOS = 1
_MAX_PACKET_ID = 0xFFFF

_CONNACK_FOR = {
    Violation.PROTOCOL_UNSUPPORTED: ConnectCode.UNACCEPTABLE_PROTOCOL,
    Violation.CLIENT_ID_MISSING: ConnectCode.IDENTIFIER_REJECTED,
}


@dataclass(frozen=True, slots=True)
class ConnectRequested:
    """A client wants in; the owner answers with `accept` or `refuse`."""

    client_id: str
    username: bytes | None
    password: bytes | None = field(repr=False)
    keep_alive: int
    clean_session: bool


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What was granted just now, with the granted QoS; the SUBACK is already among the data to send."""

    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """Filters the client gave up."""

    topic_filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A message from the client; its acknowledgement is already among the data to send."""

    topic: str
    payload: bytes
    qos: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The client said goodbye."""


@dataclass(frozen=True, slots=True)
class ProtocolViolated:
    """The client broke the protocol or a limit and is closed."""

    reason: Violation
    detail: str


Event = ConnectRequested | Subscribed | Unsubscribed | Published | Disconnected | ProtocolViolated


class _State(Enum):
    AWAITING_CONNECT = auto()
    AWAITING_VERDICT = auto()
    CONNECTED = auto()
    CLOSED = auto()


class ServerSession:
    """One client's session, from CONNECT to the end.

    No sequence of bytes makes any method raise; RuntimeError is for an owner that answers or publishes too early.
    On a closed session every method is a no-op.
    """

    def __init__(self) -> None:
        self._state = _State.AWAITING_CONNECT
        self._reader = PacketReader(MAX_SIZE_BEFORE_ACCEPT)
        self._events: list[Event] = []
        self._outgoing: list[bytes] = []
        self._subscriptions: dict[str, int] = {}
        self._unreleased: set[int] = set()
        self._last_packet_id = 0

    @property
    def should_close(self) -> bool:
        """Whether the transport is to be closed, after `data_to_send` is written."""
        return self._state is _State.CLOSED

    @property
    def subscriptions(self) -> Mapping[str, int]:
        """The granted QoS of each filter."""
        return MappingProxyType(self._subscriptions)

    def receive_data(self, data: bytes) -> None:
        """Take in what arrived from the client."""
        if self._state is _State.CLOSED:
            return
        self._reader.feed(data)
        self._process()

    def events_received(self) -> list[Event]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> bytes:
        """What to write to the client, each byte given out once."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    def accept(self) -> None:
        """Let the client in; what it sent behind CONNECT is processed now, so look for events again."""
        if self._verdict_is_due():
            self._state = _State.CONNECTED
            self._reader.max_size = MAX_SIZE
            self._send(Connack())
            self._process()

    def refuse(self, code: ConnectCode) -> None:
        """Answer CONNECT with a return code other than ACCEPTED and close."""
        if self._verdict_is_due():
            self._state = _State.CLOSED
            self._send(Connack(code))

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Send a message, at no more than the QoS the client subscribed with.

        To send one message to many clients write `encode_publish(...)` to each transport, between `data_to_send`s.
        Nothing is sent again: TCP delivers, or the session is over.
        """
        if self._state is _State.CLOSED:
            return  # closed by its own last bytes, which the owner may not have noticed yet
        if self._state is not _State.CONNECTED:
            raise RuntimeError(f"publish to a client that is {self._state.name}, only a CONNECTED one takes messages")
        if min(qos, self.granted_qos(topic) or 0) == 0:
            self._send(Publish(topic, payload))
        else:
            self._last_packet_id = self._last_packet_id % _MAX_PACKET_ID + 1
            self._send(Publish(topic, payload, MAX_GRANTED_QOS, self._last_packet_id))

    def granted_qos(self, topic: str) -> int | None:
        """The highest QoS among the subscriptions that cover the topic, None without one."""
        matching = (qos for each, qos in self._subscriptions.items() if topic_matches(each, topic))
        return max(matching, default=None)

    def _verdict_is_due(self) -> bool:
        if self._state in {_State.AWAITING_VERDICT, _State.CLOSED}:
            return (
                self._state is _State.AWAITING_VERDICT
            )  # a client may have been closed while the owner made up its mind
        raise RuntimeError(f"a verdict on a client that is {self._state.name}, only one CONNECT is answered, once")

    def _process(self) -> None:
        try:
            while (packet := self._next_packet()) is not None:
                self._handle(packet)
        except MqttError as error:
            if code := _CONNACK_FOR.get(error.reason):
                self._send(Connack(code))
            self._state = _State.CLOSED
            self._events.append(ProtocolViolated(error.reason, error.detail))

    def _next_packet(self) -> Packet | None:
        match self._state:
            case _State.AWAITING_CONNECT:
                self._insist_on_connect(self._reader.first_byte)
            case _State.AWAITING_VERDICT:
                if self._reader.buffered > MAX_SIZE_BEFORE_ACCEPT:
                    raise MqttError(Violation.EARLY_DATA, f"{self._reader.buffered} bytes sent before CONNACK")
                return None
            case _State.CLOSED:
                return None
        raw = self._reader.next_packet()
        return None if raw is None else decode(raw)

    @staticmethod
    def _insist_on_connect(first_byte: int | None) -> None:
        if first_byte is not None and first_byte >> 4 != PacketType.CONNECT:
            raise MqttError(Violation.CONNECT_EXPECTED, f"the first byte is {first_byte:#04x}, not a CONNECT packet")

    def _handle(self, packet: Packet) -> None:
        match packet:
            case Connect():
                self._handle_connect(packet)
            case Publish():
                self._handle_publish(packet)
            case Pubrel(packet_id):
                self._unreleased.discard(packet_id)
                self._send(Pubcomp(packet_id))
            case Subscribe():
                self._handle_subscribe(packet)
            case Unsubscribe(packet_id, topic_filters):
                for each in topic_filters:
                    self._subscriptions.pop(each, None)
                self._send(Unsuback(packet_id))
                self._events.append(Unsubscribed(topic_filters))
            case Pingreq():
                self._send(Pingresp())
            case Disconnect():
                self._state = _State.CLOSED
                self._events.append(Disconnected())
            case Puback() | Pubrec() | Pubcomp():
                pass  # nothing is kept for sending again, so nothing is released
            case _:
                raise MqttError(Violation.PACKET_UNEXPECTED, f"{packet.TYPE.name} comes from servers only")

    def _handle_connect(self, packet: Connect) -> None:
        if self._state is _State.CONNECTED:
            raise MqttError(Violation.SECOND_CONNECT, "a second CONNECT on one connection")
        self._state = _State.AWAITING_VERDICT
        self._events.append(
            ConnectRequested(
                packet.client_id, packet.username, packet.password, packet.keep_alive, packet.clean_session
            )
        )

    def _handle_publish(self, packet: Publish) -> None:
        match packet.qos, packet.packet_id:
            case 1, int(packet_id):
                self._send(Puback(packet_id))
            case 2, int(packet_id):
                self._send(Pubrec(packet_id))
                if packet_id in self._unreleased:
                    return
                if len(self._unreleased) == MAX_QOS2_IN_FLIGHT:
                    raise MqttError(
                        Violation.IN_FLIGHT_EXCEEDED, f"more than {MAX_QOS2_IN_FLIGHT} QoS 2 messages without PUBREL"
                    )
                self._unreleased.add(packet_id)
        self._events.append(Published(packet.topic, packet.payload, packet.qos))

    def _handle_subscribe(self, packet: Subscribe) -> None:
        codes = tuple(self._grant(wanted) for wanted in packet.subscriptions)
        self._send(Suback(packet.packet_id, codes))
        granted = tuple(
            Subscription(wanted.topic_filter, code)
            for wanted, code in zip(packet.subscriptions, codes, strict=True)
            if code != SUBSCRIPTION_REFUSED
        )
        if granted:
            self._events.append(Subscribed(granted))

    def _grant(self, wanted: Subscription) -> int:
        is_new = wanted.topic_filter not in self._subscriptions
        if not is_topic_filter(wanted.topic_filter) or (is_new and len(self._subscriptions) >= MAX_SUBSCRIPTIONS):
            return SUBSCRIPTION_REFUSED
        self._subscriptions[wanted.topic_filter] = min(wanted.qos, MAX_GRANTED_QOS)
        return self._subscriptions[wanted.topic_filter]

    def _send(self, packet: Packet) -> None:
        self._outgoing.append(packet.encode())
