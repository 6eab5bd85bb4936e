"""The packets of MQTT 3.1.1 as values, encoded and decoded in both directions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self, TypeVar

from vprinter_common.wire.mqtt_body import (
    Acknowledgement,
    BasePacket,
    Fields,
    PacketType,
    check_qos,
    pack_text,
    pack_uint16,
)
from vprinter_common.wire.mqtt_connect import Connack, Connect, ConnectCode, Will
from vprinter_common.wire.mqtt_framing import (
    MqttError,
    PacketReader,
    RawPacket,
    Violation,
    encode_remaining_length,
)
from vprinter_common.wire.mqtt_topics import is_topic_name

__all__ = [
    "MAX_FILTERS_PER_PACKET",
    "SUBSCRIPTION_REFUSED",
    "Connack",
    "Connect",
    "ConnectCode",
    "Disconnect",
    "MqttError",
    "Packet",
    "PacketReader",
    "PacketType",
    "Pingreq",
    "Pingresp",
    "Puback",
    "Pubcomp",
    "Publish",
    "Pubrec",
    "Pubrel",
    "RawPacket",
    "Suback",
    "Subscribe",
    "Subscription",
    "Unsuback",
    "Unsubscribe",
    "Violation",
    "Will",
    "decode",
    "encode_publish",
]

MAX_FILTERS_PER_PACKET = 64
SUBSCRIPTION_REFUSED = 0x80
"""In a SUBACK: this filter was not accepted."""

_PUBLISH = bytes((PacketType.PUBLISH << 4,))
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Publish(BasePacket):
    """A message under a topic; `packet_id` is there exactly when `qos` is above 0."""

    TYPE = PacketType.PUBLISH

    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int | None = None
    retain: bool = False
    dup: bool = False

    def __post_init__(self) -> None:
        if (self.qos == 0) != (self.packet_id is None):
            raise ValueError(f"packet identifier {self.packet_id} with QoS {self.qos}; only QoS 1 and 2 carry one")

    @classmethod
    def decode(cls, fields: Fields) -> Self:
        """The packet from its fields; raises MqttError."""
        qos = check_qos(fields.flags >> 1 & 3)
        topic = fields.text()
        if not is_topic_name(topic):
            raise MqttError(Violation.TOPIC_INVALID, f"PUBLISH to {topic[:100]!r}")
        packet_id = fields.packet_id() if qos else None
        return cls(topic, fields.rest(), qos, packet_id, retain=bool(fields.flags & 1), dup=bool(fields.flags & 8))

    def _flags(self) -> int:
        return self.dup << 3 | self.qos << 1 | self.retain

    def _body(self) -> bytes:
        packet_id = b"" if self.packet_id is None else pack_uint16(self.packet_id)
        return pack_text(self.topic) + packet_id + self.payload


@dataclass(frozen=True, slots=True)
class Puback(Acknowledgement):
    """A QoS 1 message has arrived."""

    TYPE = PacketType.PUBACK


@dataclass(frozen=True, slots=True)
class Pubrec(Acknowledgement):
    """A QoS 2 message has arrived (step 1)."""

    TYPE = PacketType.PUBREC


@dataclass(frozen=True, slots=True)
class Pubrel(Acknowledgement):
    """The sender will not repeat a QoS 2 message (step 2)."""

    TYPE = PacketType.PUBREL
    FLAGS = 2


@dataclass(frozen=True, slots=True)
class Pubcomp(Acknowledgement):
    """The identifier of a QoS 2 message is free again (step 3)."""

    TYPE = PacketType.PUBCOMP


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic filter and the highest QoS at which its messages are wanted."""

    topic_filter: str
    qos: int = 0


@dataclass(frozen=True, slots=True)
class Subscribe(BasePacket):
    """A client asks for messages; the filters are not judged here, each gets its own answer in SUBACK."""

    TYPE = PacketType.SUBSCRIBE
    FLAGS = 2

    packet_id: int
    subscriptions: tuple[Subscription, ...]

    @classmethod
    def _decode(cls, fields: Fields) -> Self:
        packet_id = fields.packet_id()
        return cls(packet_id, tuple(_each(fields, lambda: Subscription(fields.text(), fields.qos()))))

    def _body(self) -> bytes:
        filters = (pack_text(each.topic_filter) + bytes((each.qos,)) for each in self.subscriptions)
        return pack_uint16(self.packet_id) + b"".join(filters)


@dataclass(frozen=True, slots=True)
class Suback(BasePacket):
    """One code per filter of a SUBSCRIBE: the granted QoS, or SUBSCRIPTION_REFUSED."""

    TYPE = PacketType.SUBACK

    packet_id: int
    codes: tuple[int, ...]

    @classmethod
    def _decode(cls, fields: Fields) -> Self:
        packet_id, codes = fields.packet_id(), fields.rest()
        return cls(packet_id, tuple(code if code == SUBSCRIPTION_REFUSED else check_qos(code) for code in codes))

    def _body(self) -> bytes:
        return pack_uint16(self.packet_id) + bytes(self.codes)


@dataclass(frozen=True, slots=True)
class Unsubscribe(BasePacket):
    """A client wants no more messages of these filters."""

    TYPE = PacketType.UNSUBSCRIBE
    FLAGS = 2

    packet_id: int
    topic_filters: tuple[str, ...]

    @classmethod
    def _decode(cls, fields: Fields) -> Self:
        return cls(fields.packet_id(), tuple(_each(fields, fields.text)))

    def _body(self) -> bytes:
        return pack_uint16(self.packet_id) + b"".join(map(pack_text, self.topic_filters))


@dataclass(frozen=True, slots=True)
class Unsuback(Acknowledgement):
    """An UNSUBSCRIBE is done."""

    TYPE = PacketType.UNSUBACK


@dataclass(frozen=True, slots=True)
class Pingreq(BasePacket):
    """Are you there?"""

    TYPE = PacketType.PINGREQ


@dataclass(frozen=True, slots=True)
class Pingresp(BasePacket):
    """I am."""

    TYPE = PacketType.PINGRESP


@dataclass(frozen=True, slots=True)
class Disconnect(BasePacket):
    """The client leaves in order."""

    TYPE = PacketType.DISCONNECT


Packet = (
    Connect
    | Connack
    | Publish
    | Puback
    | Pubrec
    | Pubrel
    | Pubcomp
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Pingreq
    | Pingresp
    | Disconnect
)

_TYPES: dict[int, type[Packet]] = {
    kind.TYPE: kind
    for kind in (
        Connect,
        Connack,
        Publish,
        Puback,
        Pubrec,
        Pubrel,
        Pubcomp,
        Subscribe,
        Suback,
        Unsubscribe,
        Unsuback,
        Pingreq,
        Pingresp,
        Disconnect,
    )
}


def decode(raw: RawPacket) -> Packet:
    """The packet behind the bytes; raises MqttError."""
    kind = _TYPES.get(raw.type_code)
    if kind is None:
        raise MqttError(Violation.PACKET_UNEXPECTED, f"packet type {raw.type_code} does not exist")
    fields = Fields(raw)
    packet = kind.decode(fields)
    fields.finish()
    return packet


def encode_publish(topic: str, payload: bytes) -> bytes:
    """A PUBLISH at QoS 0, the same bytes for any number of clients; it costs a third of `Publish(topic, payload).encode()`."""
    name = pack_text(topic)
    size = encode_remaining_length(len(name) + len(payload))
    return b"".join((_PUBLISH, size, name, payload))


def _each(fields: Fields, read: Callable[[], _Item]) -> Iterator[_Item]:
    """What SUBSCRIBE and UNSUBSCRIBE list, at least one and at most MAX_FILTERS_PER_PACKET."""
    for _ in range(MAX_FILTERS_PER_PACKET):
        yield read()
        if not fields.remaining:
            return
    raise MqttError(Violation.TOO_MANY_FILTERS, f"more than {MAX_FILTERS_PER_PACKET} filters in one packet")
