"""What every MQTT packet is made of: fields, a type, flags."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from vprinter_common.wire.mqtt_framing import MqttError, RawPacket, Violation

_MAX_QOS = 2


class PacketType(IntEnum):
    """The high four bits of a packet's first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Fields:
    """Reads the fields of a packet's body in order; every shortage is a MqttError."""

    def __init__(self, packet: RawPacket) -> None:
        self.flags = packet.flags
        self._body = packet.body
        self._position = 0

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return len(self._body) - self._position

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > self.remaining:
            raise MqttError(Violation.PACKET_TRUNCATED, f"a field of {count} bytes where {self.remaining} are left")
        start, self._position = self._position, self._position + count
        return self._body[start : self._position]

    def byte(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def uint16(self) -> int:
        """A big-endian 16-bit number."""
        return int.from_bytes(self.take(2), "big")

    def packet_id(self) -> int:
        """A packet identifier, which is never zero."""
        value = self.uint16()
        if value == 0:
            raise MqttError(Violation.PACKET_ID_ZERO, "packet identifier 0")
        return value

    def binary(self) -> bytes:
        """Bytes behind their 16-bit length."""
        return self.take(self.uint16())

    def text(self) -> str:
        """UTF-8 behind its 16-bit length; control characters, NUL included, are let through as slicers send them."""
        data = self.binary()
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise MqttError(Violation.TEXT_INVALID, f"not UTF-8 at byte {error.start} of {len(data)}") from error

    def qos(self) -> int:
        """A byte that holds a QoS, 0-2."""
        return check_qos(self.byte())

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.remaining)

    def finish(self) -> None:
        """Insist that nothing is left."""
        if self.remaining:
            raise MqttError(Violation.PACKET_OVERLONG, f"{self.remaining} bytes behind the last field")


class BasePacket:
    """What all packets share: a type, the flags of the first byte, a body without fields."""

    __slots__ = ()
    TYPE: ClassVar[PacketType]
    FLAGS: ClassVar[int] = 0

    @classmethod
    def decode(cls, fields: Fields) -> Self:
        """The packet from its fields; raises MqttError."""
        if fields.flags != cls.FLAGS:
            raise MqttError(Violation.FLAGS_INVALID, f"{cls.TYPE.name} with flags {fields.flags:#x}")
        return cls._decode(fields)

    @classmethod
    def _decode(cls, fields: Fields) -> Self:
        fields.finish()
        return cls()

    def encode(self) -> bytes:
        """The packet as it goes on the wire."""
        return RawPacket(self.TYPE << 4 | self._flags(), self._body()).encode()

    def _flags(self) -> int:
        return self.FLAGS

    def _body(self) -> bytes:
        return b""


@dataclass(frozen=True, slots=True)
class Acknowledgement(BasePacket):
    """A packet that names another by its identifier and says nothing else."""

    packet_id: int

    @classmethod
    def _decode(cls, fields: Fields) -> Self:
        return cls(fields.packet_id())

    def _body(self) -> bytes:
        return pack_uint16(self.packet_id)


def pack_uint16(value: int) -> bytes:
    """A big-endian 16-bit number; raises OverflowError outside 0-65535."""
    return value.to_bytes(2, "big")


def pack_binary(data: bytes) -> bytes:
    """Bytes behind their 16-bit length; raises OverflowError above 65535 bytes."""
    return pack_uint16(len(data)) + data


def pack_text(text: str) -> bytes:
    """UTF-8 behind its 16-bit length; raises OverflowError above 65535 bytes."""
    return pack_binary(text.encode())


def check_qos(value: int) -> int:
    """The value if it is a QoS; raises MqttError."""
    if value > _MAX_QOS:
        raise MqttError(Violation.QOS_INVALID, f"QoS {value:#x}, only 0 to 2 exist")
    return value
