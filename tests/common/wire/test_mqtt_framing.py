import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.mqtt_framing import (
    MAX_REMAINING_LENGTH,
    MqttError,
    PacketReader,
    RawPacket,
    Violation,
    encode_remaining_length,
)

raw_packets = st.builds(RawPacket, st.integers(0, 255), st.binary(max_size=400))


def read_all(reader: PacketReader) -> list[RawPacket]:
    found = []
    while (packet := reader.next_packet()) is not None:
        found.append(packet)
    return found


@pytest.mark.parametrize(
    ("length", "encoded"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (16_383, "ff7f"),
        (16_384, "808001"),
        (2_097_152, "80808001"),
        (MAX_REMAINING_LENGTH, "ffffff7f"),
    ],
)
def test_lengths_take_one_to_four_bytes(length: int, encoded: str) -> None:
    assert encode_remaining_length(length).hex() == encoded


def test_a_length_beyond_the_protocol_cannot_be_encoded() -> None:
    with pytest.raises(ValueError, match="268435456 bytes"):
        encode_remaining_length(MAX_REMAINING_LENGTH + 1)


@given(st.lists(raw_packets, max_size=6), st.data())
def test_packets_come_out_as_they_went_in_however_the_stream_is_cut(
    packets: list[RawPacket], data: st.DataObject
) -> None:
    stream = b"".join(packet.encode() for packet in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader = PacketReader(max_size=1000)
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:end])
        found += read_all(reader)
    assert found == packets
    assert reader.buffered == 0


@given(raw_packets)
def test_a_packet_comes_out_with_its_last_byte_and_not_before(packet: RawPacket) -> None:
    reader = PacketReader(max_size=1000)
    *others, last = packet.encode()
    for byte in others:
        reader.feed(bytes((byte,)))
        assert reader.next_packet() is None
    reader.feed(bytes((last,)))
    assert reader.next_packet() == packet


def test_a_packet_of_the_limit_is_taken() -> None:
    reader = PacketReader(max_size=300)
    reader.feed(RawPacket(0x30, bytes(300)).encode())
    assert reader.next_packet() == RawPacket(0x30, bytes(300))


def test_a_larger_packet_is_refused_by_its_announced_length_alone() -> None:
    reader = PacketReader(max_size=300)
    reader.feed(b"\x30" + encode_remaining_length(301))
    with pytest.raises(MqttError, match="301 bytes, at most 300") as caught:
        reader.next_packet()
    assert caught.value.reason is Violation.PACKET_TOO_LARGE


def test_a_length_of_five_bytes_is_refused_when_the_fourth_promises_it() -> None:
    reader = PacketReader(max_size=300)
    reader.feed(b"\x30\x80\x80\x80")
    assert reader.next_packet() is None
    reader.feed(b"\x80")
    with pytest.raises(MqttError) as caught:
        reader.next_packet()
    assert caught.value.reason is Violation.LENGTH_MALFORMED


def test_the_first_byte_can_be_seen_before_the_packet_is_whole() -> None:
    reader = PacketReader(max_size=300)
    assert reader.first_byte is None
    reader.feed(b"\x10")
    assert reader.first_byte == 0x10


def test_type_and_flags_share_the_first_byte() -> None:
    packet = RawPacket(0x3D, b"")
    assert (packet.type_code, packet.flags) == (3, 13)


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_no_bytes_make_the_reader_fail_otherwise_or_hold_more_than_its_limit(pieces: list[bytes]) -> None:
    reader = PacketReader(max_size=50)
    for piece in pieces:
        reader.feed(piece)
        try:
            read_all(reader)
        except MqttError:
            return
        assert reader.buffered < 5 + 50
