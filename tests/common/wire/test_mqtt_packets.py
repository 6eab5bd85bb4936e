import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.common.wire.mqtt_strategies import blobs, packets, topics
from vprinter_common.wire.mqtt_packets import (
    MAX_FILTERS_PER_PACKET,
    Connack,
    Connect,
    ConnectCode,
    Disconnect,
    MqttError,
    Packet,
    PacketReader,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    RawPacket,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
    Violation,
    Will,
    decode,
    encode_publish,
)


def read(data: bytes) -> Packet:
    reader = PacketReader(max_size=100_000)
    reader.feed(data)
    raw = reader.next_packet()
    assert raw is not None
    assert reader.buffered == 0
    return decode(raw)


def outcome(raw: RawPacket) -> Packet | Violation:
    try:
        return decode(raw)
    except MqttError as error:
        return error.reason


@pytest.mark.parametrize(
    ("packet", "encoded"),
    [
        (Connect("c", b"u", b"p"), "10 13 0004 4d515454 04 c2 003c 0001 63 0001 75 0001 70"),
        (Connect("", keep_alive=0), "10 0c 0004 4d515454 04 02 0000 0000"),
        (Connect("c", will=Will("t", b"x", 1, True)), "10 13 0004 4d515454 04 2e 003c 0001 63 0001 74 0001 78"),
        (Connack(ConnectCode.NOT_AUTHORISED), "20 02 00 05"),
        (Publish("t", b"hi"), "30 05 0001 74 6869"),
        (Publish("t", b"hi", 1, 10, retain=True, dup=True), "3b 07 0001 74 000a 6869"),
        (Puback(1), "40 02 0001"),
        (Pubrec(1), "50 02 0001"),
        (Pubrel(1), "62 02 0001"),
        (Pubcomp(1), "70 02 0001"),
        (Subscribe(2, (Subscription("a", 1), Subscription("#"))), "82 0a 0002 0001 61 01 0001 23 00"),
        (Suback(2, (1, 0x80)), "90 04 0002 01 80"),
        (Unsubscribe(3, ("a",)), "a2 05 0003 0001 61"),
        (Unsuback(3), "b0 02 0003"),
        (Pingreq(), "c0 00"),
        (Pingresp(), "d0 00"),
        (Disconnect(), "e0 00"),
    ],
)
def test_bytes_are_those_of_the_standard(packet: Packet, encoded: str) -> None:
    assert packet.encode() == bytes.fromhex(encoded)
    assert read(packet.encode()) == packet


@given(packets)
def test_every_packet_survives_the_wire(packet: Packet) -> None:
    assert read(packet.encode()) == packet


@given(packets, st.data())
def test_a_body_cut_short_or_prolonged_never_fails_otherwise(packet: Packet, data: st.DataObject) -> None:
    encoded = packet.encode()
    header, body = encoded[0], encoded[2:]
    keep = data.draw(st.integers(0, len(body)))
    assert outcome(RawPacket(header, body[:keep] + data.draw(st.binary(max_size=4)))) is not None


@given(st.integers(0, 255), st.binary(max_size=300))
def test_no_bytes_make_decoding_fail_otherwise(header: int, body: bytes) -> None:
    result = outcome(RawPacket(header, body))
    assert isinstance(result, Violation) or result.encode()[0] == header


def connect_bytes(name: bytes = b"MQTT", level: int = 4, flags: int = 2, payload: bytes = b"\0\1c") -> bytes:
    body = len(name).to_bytes(2, "big") + name + bytes((level, flags, 0, 60)) + payload
    return RawPacket(0x10, body).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (connect_bytes(name=b"MQIsdp", level=3), Violation.PROTOCOL_UNSUPPORTED),
        (connect_bytes(name=b"MQIsdp"), Violation.PROTOCOL_UNSUPPORTED),
        (connect_bytes(level=5), Violation.PROTOCOL_UNSUPPORTED),
        (connect_bytes(name=b"HTTP"), Violation.PROTOCOL_NAME_INVALID),
        (connect_bytes(flags=0x03), Violation.FLAGS_INVALID),
        (connect_bytes(flags=0x42), Violation.FLAGS_INVALID),
        (connect_bytes(flags=0x0A), Violation.FLAGS_INVALID),
        (connect_bytes(flags=0x22), Violation.FLAGS_INVALID),
        (connect_bytes(flags=0x1E, payload=b"\0\1c\0\1t\0\0"), Violation.QOS_INVALID),
        (connect_bytes(flags=0x00, payload=b"\0\0"), Violation.CLIENT_ID_MISSING),
        (connect_bytes(payload=b"\0\1\xff"), Violation.TEXT_INVALID),
        (connect_bytes(payload=b"\0\5c"), Violation.PACKET_TRUNCATED),
        (connect_bytes(payload=b"\0\1c\0"), Violation.PACKET_OVERLONG),
        (b"\x11\x00", Violation.FLAGS_INVALID),
        (b"\x20\x02\x02\x00", Violation.FLAGS_INVALID),
        (b"\x20\x02\x00\x06", Violation.FLAGS_INVALID),
        (b"\x36\x05\x00\x01t\x00\x01", Violation.QOS_INVALID),
        (b"\x30\x02\x00\x00", Violation.TOPIC_INVALID),
        (b"\x30\x05\x00\x03a/+", Violation.TOPIC_INVALID),
        (b"\x30\x05\x00\x03a/#", Violation.TOPIC_INVALID),
        (b"\x32\x05\x00\x01t\x00\x00", Violation.PACKET_ID_ZERO),
        (b"\x32\x04\x00\x01t\x00", Violation.PACKET_TRUNCATED),
        (b"\x60\x02\x00\x01", Violation.FLAGS_INVALID),
        (b"\x80\x06\x00\x01\x00\x01a\x00", Violation.FLAGS_INVALID),
        (b"\x82\x02\x00\x01", Violation.PACKET_TRUNCATED),
        (b"\x82\x06\x00\x01\x00\x01a\x03", Violation.QOS_INVALID),
        (b"\x82\x06\x00\x01\x00\x01a\x04", Violation.QOS_INVALID),
        (b"\x90\x03\x00\x01\x81", Violation.QOS_INVALID),
        (b"\xa2\x02\x00\x01", Violation.PACKET_TRUNCATED),
        (b"\xc0\x01\x00", Violation.PACKET_OVERLONG),
        (b"\x00\x00", Violation.PACKET_UNEXPECTED),
        (b"\xf0\x00", Violation.PACKET_UNEXPECTED),
    ],
)
def test_each_fault_has_its_reason(data: bytes, reason: Violation) -> None:
    with pytest.raises(MqttError) as caught:
        read(data)
    assert caught.value.reason is reason
    assert str(caught.value) == f"{reason}: {caught.value.detail}"


def test_more_filters_than_a_packet_may_list_are_refused() -> None:
    at_limit = Subscribe(1, (Subscription("a"),) * MAX_FILTERS_PER_PACKET)
    assert read(at_limit.encode()) == at_limit
    with pytest.raises(MqttError) as caught:
        read(Subscribe(1, (*at_limit.subscriptions, Subscription("b"))).encode())
    assert caught.value.reason is Violation.TOO_MANY_FILTERS


def test_user_name_and_password_may_be_any_bytes() -> None:
    packet = Connect("c", b"\xff\xfe", b"\x00\x80\xff")
    assert read(packet.encode()) == packet


def test_a_password_is_not_shown_in_the_repr() -> None:
    assert "12345678" not in repr(Connect("c", b"bblp", b"12345678"))


@pytest.mark.parametrize("topic", ["device/1/request\0", "a\ufeffb", "tab\there", "\U0010ffff", "/", "//"])
def test_odd_characters_in_topics_are_let_through(topic: str) -> None:
    packet = Publish(topic, b"")
    assert read(packet.encode()) == packet


def test_a_password_needs_a_user_name() -> None:
    with pytest.raises(ValueError, match="without a user name"):
        Connect("c", None, b"12345678")


def test_packet_identifier_and_qos_belong_together() -> None:
    with pytest.raises(ValueError, match="QoS 1"):
        Publish("t", b"", 1)
    with pytest.raises(ValueError, match="QoS 0"):
        Publish("t", b"", 0, 5)


@given(topics, blobs)
def test_encode_publish_is_publish_on_the_wire(topic: str, payload: bytes) -> None:
    assert encode_publish(topic, payload) == Publish(topic, payload).encode()
