"""A slicer's MQTT session with a real printer, seen from between: what may not pass is held back, without I/O.

What the slicer says passes byte for byte, for requests may be signed, or does not pass at all: then the slicer is answered here.
What the printer says passes with its address replaced (`report_rewrite`). Each side is cut into whole packets, so that what
is said here never falls into the middle of one.
"""

from dataclasses import dataclass, field, replace

from vprinter_common.wire.commands import Command, Kind, commands_in, refusal
from vprinter_common.wire.mqtt import MAX_SIZE_BEFORE_ACCEPT, ProtocolViolated
from vprinter_common.wire.mqtt_packets import (
    Connack,
    Connect,
    ConnectCode,
    Disconnect,
    MqttError,
    Packet,
    PacketReader,
    PacketType,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    RawPacket,
    Subscribe,
    Violation,
    decode,
    encode_publish,
)
from vprinter_common.wire.mqtt_topics import topic_matches
from vprinter_common.wire.report_rewrite import ReportRewriter

MAX_SIZE = 1024 * 1024
"""Bytes of one packet, either way; the largest known report has 45 KB."""
MAX_REFUSED_IN_FLIGHT = 64
"""Refused requests at QoS 2 whose second step is still to come."""
REPORTS = "device/+/report"
REQUESTS = "device/+/request"

_FROM_SLICERS = frozenset(
    {
        *(PacketType.PUBLISH, PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP),
        *(PacketType.SUBSCRIBE, PacketType.UNSUBSCRIBE, PacketType.PINGREQ, PacketType.DISCONNECT),
    }
)
_FROM_PRINTERS = frozenset(
    {
        *(PacketType.PUBLISH, PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP),
        *(PacketType.SUBACK, PacketType.UNSUBACK, PacketType.PINGRESP),
    }
)
_REASONS = {
    Kind.VIEW: "this printer is shared for viewing only",
    Kind.FILES: "this printer is shared for viewing and sending files only",
}


@dataclass(frozen=True, slots=True)
class Introduced:
    """The slicer's CONNECT, which is now among the data for the printer. User name and code are the printer's to judge."""

    client_id: str


@dataclass(frozen=True, slots=True)
class Listening:
    """The slicer subscribed to these filters."""

    topic_filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Requested:
    """The slicer published; `refused`: it did not pass."""

    commands: tuple[Command, ...]
    refused: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """The printer's CONNACK."""

    code: ConnectCode


@dataclass(frozen=True, slots=True)
class Reported:
    """The printer's message, as it said it."""

    topic: str
    payload: bytes = field(repr=False)


Event = Introduced | Listening | Requested | Answered | Reported | ProtocolViolated


class RequestRelay:
    """The way from the slicer to the printer. No sequence of bytes makes it raise."""

    def __init__(self, allowed: Kind) -> None:
        self.allowed = allowed
        """What may pass from now on."""
        self.closed = False
        """Nothing passes any more: the slicer said goodbye, or broke the protocol."""
        self._reader = PacketReader(MAX_SIZE_BEFORE_ACCEPT)
        self._introduced = False
        self._accepted = False
        self._forward: list[bytes] = []
        self._answers: list[bytes] = []
        self._refused_ids: set[int] = set()

    def receive_data(self, data: bytes) -> list[Event]:
        """Take in what the slicer sent, and say what it meant."""
        events: list[Event] = []
        self._reader.feed(data)
        try:
            while (packet := self._next()) is not None:
                events += self._handle(decode(RawPacket.parse(packet)), packet)
        except MqttError as error:
            self.closed = True
            if error.reason is Violation.PROTOCOL_UNSUPPORTED:
                self._answer_now(Connack(ConnectCode.UNACCEPTABLE_PROTOCOL))
            events.append(ProtocolViolated(error.reason, error.detail))
        return events

    def accepted(self) -> None:
        """The printer's CONNACK has been passed on: answers may follow."""
        self._accepted = True

    def data_for_printer(self) -> bytes:
        """What to write to the printer, each byte given out once."""
        data = b"".join(self._forward)
        self._forward.clear()
        return data

    def data_for_slicer(self) -> bytes:
        """What to answer the slicer: nothing before it was accepted, unless that never happens."""
        if not self._accepted:
            return b""
        data = b"".join(self._answers)
        self._answers.clear()
        return data

    def _next(self) -> bytes | None:
        """The next whole packet; of one that has only begun, whether it may come at all."""
        first = self._reader.first_byte
        if first is None or self.closed:
            return None
        kind = first >> 4
        if not self._introduced:
            if kind != PacketType.CONNECT:
                raise MqttError(Violation.CONNECT_EXPECTED, f"the first byte is {first:#04x}, not a CONNECT packet")
        elif kind == PacketType.CONNECT:
            raise MqttError(Violation.SECOND_CONNECT, "a second CONNECT")
        elif kind not in _FROM_SLICERS:
            raise MqttError(Violation.PACKET_UNEXPECTED, f"packet type {kind} from a client")
        return self._reader.next_bytes()

    def _handle(self, packet: Packet, raw: bytes) -> list[Event]:
        match packet:
            case Publish():
                return [self._judge(packet, raw)]
            case Pubrel(packet_id) if packet_id in self._refused_ids:
                self._refused_ids.discard(packet_id)
                self._answers.append(Pubcomp(packet_id).encode())
                return []
        self._forward.append(raw)
        match packet:
            case Connect():
                return self._introduce(packet)
            case Subscribe(_, subscriptions):
                return [Listening(tuple(each.topic_filter for each in subscriptions))]
            case Disconnect():
                self.closed = True
        return []

    def _introduce(self, connect: Connect) -> list[Event]:
        events: list[Event] = [Introduced(connect.client_id)]
        self._introduced = True
        self._reader.max_size = MAX_SIZE
        if connect.will is not None:
            # The printer would carry it out when the connection is lost.
            judged = self._judged(connect.will.topic, connect.will.payload)
            events.append(judged)
            if judged.refused:
                self._forward.clear()  # the CONNECT too
                self._answer_now(Connack(ConnectCode.NOT_AUTHORISED))
                raise MqttError(Violation.WILL_REFUSED, "a Will that may not pass")
        return events

    def _judge(self, publish: Publish, raw: bytes) -> Requested:
        judged = self._judged(publish.topic, publish.payload)
        if not judged.refused:
            self._forward.append(raw)
            return judged
        match publish:
            case Publish(qos=1, packet_id=int(packet_id)):
                self._answers.append(Puback(packet_id).encode())
            case Publish(qos=2, packet_id=int(packet_id)):
                if len(self._refused_ids) == MAX_REFUSED_IN_FLIGHT:
                    raise MqttError(Violation.IN_FLIGHT_EXCEEDED, f"{MAX_REFUSED_IN_FLIGHT} messages not released")
                self._refused_ids.add(packet_id)
                self._answers.append(Pubrec(packet_id).encode())
        answer = refusal(judged.commands, _REASONS[self.allowed])
        if answer is not None and topic_matches(REQUESTS, publish.topic):
            self._answers.append(encode_publish(publish.topic.removesuffix("request") + "report", answer))
        return judged

    def _judged(self, topic: str, payload: bytes) -> Requested:
        if topic_matches(REQUESTS, topic):
            commands = commands_in(payload)
        else:
            # Other slicers may be listening there, to what they take for the printer's word.
            commands = (Command("publish", topic, Kind.CONTROL, known=False),)
        return Requested(commands, refused=any(each.kind > self.allowed for each in commands))

    def _answer_now(self, connack: Connack) -> None:
        self._answers[:] = [connack.encode()]
        self._accepted = True


class ReportRelay:
    """The way from the printer to the slicer. No sequence of bytes makes it raise."""

    def __init__(self, rewriter: ReportRewriter) -> None:
        self.closed = False
        """Nothing passes any more: the printer broke the protocol."""
        self._rewriter = rewriter
        self._reader = PacketReader(MAX_SIZE)
        self._answered = False
        self._forward: list[bytes] = []

    def receive_data(self, data: bytes) -> list[Event]:
        """Take in what the printer sent, and say what it meant."""
        events: list[Event] = []
        self._reader.feed(data)
        try:
            while (packet := self._next()) is not None:
                events += self._take(packet)
        except MqttError as error:
            self.closed = True
            events.append(ProtocolViolated(error.reason, error.detail))
        return events

    def data_for_slicer(self) -> bytes:
        """What to write to the slicer, whole packets, each byte given out once."""
        data = b"".join(self._forward)
        self._forward.clear()
        return data

    def _next(self) -> bytes | None:
        """The next whole packet; of one that has only begun, whether it may come at all."""
        first = self._reader.first_byte
        if first is None or self.closed:
            return None
        kind = first >> 4
        if kind not in (_FROM_PRINTERS if self._answered else {PacketType.CONNACK}):
            raise MqttError(Violation.PACKET_UNEXPECTED, f"packet type {kind} from a printer")
        return self._reader.next_bytes()

    def _take(self, raw: bytes) -> list[Event]:
        kind = raw[0] >> 4
        # The others are passed on unread: what a printer acknowledges, and how exactly, is the slicer's business.
        packet = decode(RawPacket.parse(raw)) if kind in {PacketType.CONNACK, PacketType.PUBLISH} else None
        match packet:
            case Connack(code):
                self._answered = True
                self._forward.append(raw)
                return [Answered(code)]
            case Publish(topic, payload):
                self._forward.append(self._passed_on(packet, raw))
                return [Reported(topic, payload)]
        self._forward.append(raw)
        return []

    def _passed_on(self, publish: Publish, raw: bytes) -> bytes:
        if not topic_matches(REPORTS, publish.topic):
            return raw
        payload = self._rewriter.rewrite(publish.payload)
        return raw if payload == publish.payload else replace(publish, payload=payload).encode()
