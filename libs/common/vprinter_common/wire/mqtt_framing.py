"""MQTT 3.1.1 framing: packets cut out of a byte stream."""

from dataclasses import dataclass
from enum import StrEnum

MAX_REMAINING_LENGTH = 268_435_455
_LENGTH_BYTES = 4


class Violation(StrEnum):
    """Why a stream is not acceptable MQTT 3.1.1; a closed list, fit for a metric label."""

    CLIENT_ID_MISSING = "client_id_missing"
    CONNECT_EXPECTED = "connect_expected"
    EARLY_DATA = "early_data"
    FLAGS_INVALID = "flags_invalid"
    IN_FLIGHT_EXCEEDED = "in_flight_exceeded"
    LENGTH_MALFORMED = "length_malformed"
    PACKET_ID_ZERO = "packet_id_zero"
    PACKET_OVERLONG = "packet_overlong"
    PACKET_TOO_LARGE = "packet_too_large"
    PACKET_TRUNCATED = "packet_truncated"
    PACKET_UNEXPECTED = "packet_unexpected"
    PROTOCOL_NAME_INVALID = "protocol_name_invalid"
    PROTOCOL_UNSUPPORTED = "protocol_unsupported"
    QOS_INVALID = "qos_invalid"
    SECOND_CONNECT = "second_connect"
    TEXT_INVALID = "text_invalid"
    TOO_MANY_FILTERS = "too_many_filters"
    TOPIC_INVALID = "topic_invalid"
    WILL_REFUSED = "will_refused"


class MqttError(Exception):
    """The peer sent something that is not MQTT 3.1.1 or exceeds a limit; the connection cannot go on."""

    def __init__(self, reason: Violation, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RawPacket:
    """One whole packet: the first byte (type and flags) and everything after the remaining length."""

    header: int
    body: bytes

    @property
    def type_code(self) -> int:
        """The packet type, 0-15."""
        return self.header >> 4

    @property
    def flags(self) -> int:
        """The low four bits of the first byte."""
        return self.header & 0x0F

    @classmethod
    def parse(cls, packet: bytes) -> "RawPacket":
        """The packet behind bytes that hold exactly one."""
        start = next(position for position in range(1, len(packet)) if packet[position] < 0x80) + 1
        return cls(packet[0], packet[start:])

    def encode(self) -> bytes:
        """The packet as it goes on the wire."""
        return bytes((self.header,)) + encode_remaining_length(len(self.body)) + self.body


class PacketReader:
    """Cuts packets out of a stream that arrives in pieces of any size.

    `max_size` limits the remaining length a packet may announce and may be changed between packets. It is checked
    as soon as the length is known, so whoever calls `next_packet` until it returns None after each `feed` never
    holds more than one acceptable packet and one piece.
    """

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._buffer = bytearray()

    @property
    def buffered(self) -> int:
        """Bytes received and not yet given out."""
        return len(self._buffer)

    @property
    def first_byte(self) -> int | None:
        """The first byte of the packet being received, if it is there."""
        return self._buffer[0] if self._buffer else None

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        self._buffer += data

    def next_packet(self) -> RawPacket | None:
        """The next whole packet, or None until more arrives; raises MqttError."""
        packet = self.next_bytes()
        return None if packet is None else RawPacket.parse(packet)

    def next_bytes(self) -> bytes | None:
        """The next whole packet as it came, or None until more arrives; raises MqttError."""
        end = self._end()
        if end is None or len(self._buffer) < end:
            return None
        packet = bytes(self._buffer[:end])
        del self._buffer[:end]
        return packet

    def _end(self) -> int | None:
        """Where the packet ends, once the remaining length is complete."""
        length = 0
        for position, byte in enumerate(self._buffer[1 : 1 + _LENGTH_BYTES]):
            length |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                if length > self.max_size:
                    raise MqttError(
                        Violation.PACKET_TOO_LARGE, f"a packet of {length} bytes, at most {self.max_size} are taken"
                    )
                return position + 2 + length
        if len(self._buffer) > _LENGTH_BYTES:
            raise MqttError(Violation.LENGTH_MALFORMED, "the remaining length has more than four bytes")
        return None


def encode_remaining_length(length: int) -> bytes:
    """The variable-length form of a body's length; raises ValueError above 268,435,455."""
    if length > MAX_REMAINING_LENGTH:
        raise ValueError(f"a packet body of {length} bytes, MQTT has room for {MAX_REMAINING_LENGTH}")
    encoded = bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)
