"""What passes between a slicer and a real printer, and what does not."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.common.wire.mqtt_strategies import client_packets, connects, publishes
from vprinter_common.wire.commands import Kind
from vprinter_common.wire.mqtt import MAX_SIZE_BEFORE_ACCEPT, ProtocolViolated
from vprinter_common.wire.mqtt_framing import PacketReader, RawPacket, encode_remaining_length
from vprinter_common.wire.mqtt_packets import (
    Connack,
    Connect,
    ConnectCode,
    Disconnect,
    Packet,
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
    Unsubscribe,
    Violation,
    Will,
    decode,
)
from vprinter_common.wire.mqtt_relay import (
    MAX_REFUSED_IN_FLIGHT,
    MAX_SIZE,
    Answered,
    Event,
    Introduced,
    Listening,
    Reported,
    ReportRelay,
    Requested,
    RequestRelay,
)
from vprinter_common.wire.report_rewrite import ReportRewriter

REQUEST, REPORT = "device/01P00A000000001/request", "device/01P00A000000001/report"
CONNECT = Connect("studio_client_id:1234", b"bblp", b"Sesame42")
STOP = b'{"print": {"command": "stop", "sequence_id": "20005"}}'
PUSHALL = b'{"pushing": {"command": "pushall", "sequence_id": "20001"}}\0'
PRINTER, OURS = "192.168.1.1", "10.20.30.40"


def requests(allowed: Kind = Kind.VIEW, *, accepted: bool = True) -> RequestRelay:
    relay = RequestRelay(allowed)
    relay.receive_data(CONNECT.encode())
    relay.data_for_printer()
    if accepted:
        relay.accepted()
    return relay


def reports(*, answered: bool = True) -> ReportRelay:
    relay = ReportRelay(ReportRewriter((PRINTER,), OURS, tunnel=False))
    if answered:
        relay.receive_data(Connack().encode())
        relay.data_for_slicer()
    return relay


def packets_in(data: bytes) -> list[Packet]:
    reader = PacketReader(MAX_SIZE)
    reader.feed(data)
    found = []
    while (raw := reader.next_packet()) is not None:
        found.append(decode(raw))
    assert reader.buffered == 0
    return found


def violation(events: Iterable[Event]) -> Violation | None:
    return next((event.reason for event in events if isinstance(event, ProtocolViolated)), None)


# -- from the slicer ------------------------------------------------------------------------------------------------


def test_a_login_passes_as_it_is_and_is_seen() -> None:
    relay = RequestRelay(Kind.VIEW)
    events = relay.receive_data(CONNECT.encode())
    assert events == [Introduced("studio_client_id:1234")]
    assert "Sesame42" not in repr(events)
    assert relay.data_for_printer() == CONNECT.encode()


def test_subscriptions_are_seen() -> None:
    relay = requests()
    packet = Subscribe(7, (Subscription(REPORT), Subscription("#", 1))).encode()
    assert relay.receive_data(packet) == [Listening((REPORT, "#"))]
    assert relay.data_for_printer() == packet


@given(st.lists(client_packets.filter(lambda packet: not isinstance(packet, Disconnect)), max_size=6), st.data())
def test_with_full_control_every_byte_passes_however_the_stream_is_cut(
    packets: list[Packet], data: st.DataObject
) -> None:
    stream = b"".join(packet.encode() for packet in packets)
    relay = requests(Kind.CONTROL)
    passed = b""
    for piece in pieces(stream, data):
        assert violation(relay.receive_data(piece)) is None
        passed += relay.data_for_printer()
    assert passed == stream
    assert relay.data_for_slicer() == b""


def test_every_kind_of_packet_can_be_cut_at_every_byte() -> None:
    every = (
        CONNECT,
        Subscribe(1, (Subscription(REPORT),)),
        Publish(REQUEST, PUSHALL),
        Publish(REQUEST, STOP, 1, 2),
        Publish(REQUEST, STOP, 2, 3),
        Pubrel(3),
        Puback(4),
        Unsubscribe(5, (REPORT,)),
        Pingreq(),
        Disconnect(),
    )
    stream = b"".join(packet.encode() for packet in every)
    whole = RequestRelay(Kind.VIEW)
    said = whole.receive_data(stream)
    whole.accepted()
    passed, answered = whole.data_for_printer(), whole.data_for_slicer()
    assert len(packets_in(passed)) == len(every) - 3
    for at in range(len(stream) + 1):
        relay = RequestRelay(Kind.VIEW)
        assert relay.receive_data(stream[:at]) + relay.receive_data(stream[at:]) == said
        relay.accepted()
        assert (relay.data_for_printer(), relay.data_for_slicer()) == (passed, answered)


def test_a_length_that_is_written_with_more_bytes_than_it_needs_passes_as_it_is() -> None:
    relay = requests(Kind.CONTROL)
    packet = b"\x30\x85\x80\x00\x00\x01ahi"
    relay.receive_data(packet)
    assert relay.data_for_printer() == packet


def test_a_question_passes_and_a_command_is_refused_in_the_printers_words() -> None:
    relay = requests(Kind.VIEW)
    question = Publish(REQUEST, PUSHALL).encode()
    (asked, refused) = relay.receive_data(question + Publish(REQUEST, STOP).encode())
    assert isinstance(asked, Requested)
    assert isinstance(refused, Requested)
    assert (asked.commands[0].label, asked.refused) == ("pushing.pushall", False)
    assert (refused.commands[0].label, refused.refused) == ("print.stop", True)
    assert relay.data_for_printer() == question
    (answer,) = packets_in(relay.data_for_slicer())
    assert isinstance(answer, Publish)
    assert (answer.topic, answer.qos) == (REPORT, 0)
    assert json.loads(answer.payload) == {
        "print": {
            "command": "stop",
            "sequence_id": "20005",
            "result": "fail",
            "reason": "this printer is shared for viewing only",
        }
    }


def test_one_refused_section_refuses_the_whole_request() -> None:
    relay = requests(Kind.VIEW)
    frame = {"pushing": {"command": "pushall"}, "print": {"command": "stop"}, "header": {"sign_string": "x"}}
    relay.receive_data(Publish(REQUEST, json.dumps(frame).encode()).encode())
    assert relay.data_for_printer() == b""
    (answer,) = packets_in(relay.data_for_slicer())
    assert isinstance(answer, Publish)
    assert set(json.loads(answer.payload)) == {"pushing", "print"}


def test_files_may_be_deleted_where_files_are_allowed() -> None:
    delete = Publish(REQUEST, b'{"camera": {"command": "ipcam_delete_oldest_timelapse"}}').encode()
    for allowed, passes in ((Kind.VIEW, False), (Kind.FILES, True), (Kind.CONTROL, True)):
        relay = requests(allowed)
        relay.receive_data(delete)
        assert bool(relay.data_for_printer()) == passes
    relay = requests(Kind.FILES)
    relay.receive_data(Publish(REQUEST, STOP).encode())
    assert b"viewing and sending files only" in relay.data_for_slicer()


def test_a_policy_changes_under_way() -> None:
    relay = requests(Kind.CONTROL)
    stop = Publish(REQUEST, STOP).encode()
    relay.allowed = Kind.VIEW
    relay.receive_data(stop)
    assert relay.data_for_printer() == b""
    relay.allowed = Kind.CONTROL
    relay.receive_data(stop)
    assert relay.data_for_printer() == stop


def test_a_refused_request_is_acknowledged_at_its_quality_of_service() -> None:
    relay = requests()
    relay.receive_data(Publish(REQUEST, STOP, 1, 41).encode())
    acknowledged, answer = packets_in(relay.data_for_slicer())
    assert acknowledged == Puback(41)
    assert isinstance(answer, Publish)

    relay.receive_data(Publish(REQUEST, STOP, 2, 42).encode())
    assert packets_in(relay.data_for_slicer())[0] == Pubrec(42)
    assert relay.receive_data(Pubrel(42).encode()) == []
    assert packets_in(relay.data_for_slicer()) == [Pubcomp(42)]
    assert relay.data_for_printer() == b"", "the printer never saw it"

    relay.receive_data(Pubrel(42).encode())
    assert relay.data_for_printer() == Pubrel(42).encode(), "this one is not ours any more"


def test_refused_requests_cannot_be_left_open_without_end() -> None:
    relay = requests()
    for packet_id in range(1, MAX_REFUSED_IN_FLIGHT + 1):
        assert violation(relay.receive_data(Publish(REQUEST, STOP, 2, packet_id).encode())) is None
    events = relay.receive_data(Publish(REQUEST, STOP, 2, 999).encode())
    assert violation(events) is Violation.IN_FLIGHT_EXCEEDED


@pytest.mark.parametrize("topic", [REPORT, "device/x/y/request", "anything"])
def test_what_is_published_elsewhere_needs_full_control(topic: str) -> None:
    relay = requests(Kind.FILES)
    (event,) = relay.receive_data(Publish(topic, PUSHALL).encode())
    assert isinstance(event, Requested)
    assert (event.refused, event.commands[0].label) == (True, f"publish.{topic}")
    assert relay.data_for_printer() == relay.data_for_slicer() == b""
    relay.allowed = Kind.CONTROL
    relay.receive_data(Publish(topic, PUSHALL).encode())
    assert relay.data_for_printer() == Publish(topic, PUSHALL).encode()


def test_what_cannot_be_read_is_refused_without_an_answer() -> None:
    relay = requests()
    relay.receive_data(Publish(REQUEST, b"\xff").encode())
    assert relay.data_for_printer() == relay.data_for_slicer() == b""


def test_no_answer_overtakes_the_printers_verdict_on_the_login() -> None:
    relay = requests(accepted=False)
    relay.receive_data(Publish(REQUEST, STOP).encode())
    assert relay.data_for_slicer() == b""
    relay.accepted()
    assert len(packets_in(relay.data_for_slicer())) == 1


def test_a_will_is_judged_like_a_request() -> None:
    will = Connect("c", b"bblp", b"x", will=Will(REQUEST, STOP))
    relay = RequestRelay(Kind.VIEW)
    events = relay.receive_data(will.encode())
    assert violation(events) is Violation.WILL_REFUSED
    assert relay.data_for_printer() == b""
    assert packets_in(relay.data_for_slicer()) == [Connack(ConnectCode.NOT_AUTHORISED)]

    relay = RequestRelay(Kind.CONTROL)
    introduced, requested = relay.receive_data(will.encode())
    assert isinstance(introduced, Introduced)
    assert isinstance(requested, Requested)
    assert relay.data_for_printer() == will.encode()


def test_a_goodbye_passes_and_nothing_after_it() -> None:
    relay = requests()
    relay.receive_data(Disconnect().encode() + Publish(REQUEST, PUSHALL).encode())
    assert relay.closed
    assert relay.data_for_printer() == Disconnect().encode()
    assert relay.receive_data(Pingreq().encode()) == []
    assert relay.data_for_printer() == b""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"G", Violation.CONNECT_EXPECTED),
        (Pingreq().encode(), Violation.CONNECT_EXPECTED),
        (b"\x10\xff\xff\xff\x7f", Violation.PACKET_TOO_LARGE),
        (b"\x10" + encode_remaining_length(MAX_SIZE_BEFORE_ACCEPT + 1), Violation.PACKET_TOO_LARGE),
        (CONNECT.encode() + CONNECT.encode(), Violation.SECOND_CONNECT),
        (CONNECT.encode() + Pingresp().encode(), Violation.PACKET_UNEXPECTED),
        (CONNECT.encode() + b"\x00\x00", Violation.PACKET_UNEXPECTED),
        (CONNECT.encode() + b"\x30" + encode_remaining_length(MAX_SIZE + 1), Violation.PACKET_TOO_LARGE),
        (CONNECT.encode() + b"\x82\x02\x00\x00", Violation.PACKET_ID_ZERO),
        (CONNECT.encode() + b"\xc0\xff\xff\xff\xff", Violation.LENGTH_MALFORMED),
    ],
)
def test_a_slicer_that_breaks_the_protocol_is_named_and_not_passed_on(data: bytes, reason: Violation) -> None:
    relay = RequestRelay(Kind.CONTROL)
    assert violation(relay.receive_data(data)) is reason
    assert relay.closed
    assert relay.data_for_slicer() == b""
    assert relay.data_for_printer() in {b"", CONNECT.encode()}


def test_a_slicer_of_another_protocol_version_is_told_so() -> None:
    relay = RequestRelay(Kind.VIEW)
    old = CONNECT.encode().replace(b"\x00\x04MQTT\x04", b"\x00\x04MQTT\x05")
    assert violation(relay.receive_data(old)) is Violation.PROTOCOL_UNSUPPORTED
    assert packets_in(relay.data_for_slicer()) == [Connack(ConnectCode.UNACCEPTABLE_PROTOCOL)]


@given(st.lists(st.binary(max_size=100), max_size=10), st.booleans())
def test_no_bytes_of_a_slicer_make_it_fail(garbage: list[bytes], introduced: bool) -> None:
    relay = requests() if introduced else RequestRelay(Kind.VIEW)
    for piece in garbage:
        relay.receive_data(piece)


@given(connects(), publishes())
def test_whatever_is_refused_never_reaches_the_printer(connect: Connect, publish: Publish) -> None:
    relay = RequestRelay(Kind.VIEW)
    events = relay.receive_data(connect.encode() + publish.encode())
    passed = packets_in(relay.data_for_printer())
    refused = [event for event in events if isinstance(event, Requested) and event.refused]
    assert (publish in passed) == (not refused and violation(events) is None)


# -- from the printer -----------------------------------------------------------------------------------------------

FULL = json.dumps({"print": {"net": {"info": [{"ip": 7, "mask": 1}]}, "at": f"ftp://{PRINTER}/"}}, indent=4).encode()


@pytest.mark.parametrize("code", ConnectCode)
def test_the_printers_verdict_passes(code: ConnectCode) -> None:
    relay = reports(answered=False)
    assert relay.receive_data(Connack(code).encode()) == [Answered(code)]
    assert relay.data_for_slicer() == Connack(code).encode()


@pytest.mark.parametrize(
    "publish",
    [
        Publish(REPORT, FULL + b"\0"),
        Publish(REPORT, FULL, 1, 77, retain=True),
        Publish(REPORT, FULL, 2, 65535, dup=True),
    ],
)
def test_a_report_is_rewritten_and_nothing_else_of_its_packet(publish: Publish) -> None:
    relay = reports()
    assert relay.receive_data(publish.encode()) == [Reported(REPORT, publish.payload)]
    (shown,) = packets_in(relay.data_for_slicer())
    assert isinstance(shown, Publish)
    assert (shown.topic, shown.qos, shown.packet_id) == (REPORT, publish.qos, publish.packet_id)
    assert (shown.retain, shown.dup) == (publish.retain, publish.dup)
    assert PRINTER.encode() not in shown.payload
    assert shown.payload.endswith(b"\0") == publish.payload.endswith(b"\0")


@pytest.mark.parametrize("topic", ["device/x/y/report", "device/x/request", "$SYS/x", "other"])
def test_unknown_topics_pass_untouched(topic: str) -> None:
    relay = reports()
    packet = Publish(topic, FULL).encode()
    relay.receive_data(packet)
    assert relay.data_for_slicer() == packet


@given(st.data())
def test_the_stream_is_the_same_however_it_is_cut(data: st.DataObject) -> None:
    packets = data.draw(
        st.lists(
            st.sampled_from(
                [
                    Publish(REPORT, FULL),
                    Publish(REPORT, FULL, 1, 9),
                    Publish("x", FULL),
                    Suback(1, (0,)),
                    Pingresp(),
                    Puback(3),
                    Publish(REPORT, b""),
                ]
            )
            | publishes(),
            max_size=6,
        )
    )
    stream = b"".join(packet.encode() for packet in (Connack(), *packets))
    whole = reports(answered=False)
    whole.receive_data(stream)
    cut, shown = reports(answered=False), b""
    for piece in pieces(stream, data):
        cut.receive_data(piece)
        shown += cut.data_for_slicer()
    assert shown == whole.data_for_slicer()
    assert len(packets_in(shown)) == len(packets) + 1


def test_a_report_can_be_cut_at_every_byte() -> None:
    stream = Connack().encode() + Publish(REPORT, FULL, 1, 9).encode() + Pingresp().encode()
    whole = reports(answered=False)
    whole.receive_data(stream)
    expected = whole.data_for_slicer()
    for at in range(len(stream) + 1):
        relay = reports(answered=False)
        relay.receive_data(stream[:at])
        shown = relay.data_for_slicer()
        relay.receive_data(stream[at:])
        assert shown + relay.data_for_slicer() == expected


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, MAX_SIZE - 100), min_size=1, max_size=3), st.integers(1_000, 300_000))
def test_reports_of_all_sizes_up_to_the_limit_pass(sizes: list[int], piece: int) -> None:
    relay = reports()
    sent = [Publish(REPORT, b'{"at": "192.168.1.1", "x": "' + b"x" * size + b'"}') for size in sizes]
    stream = b"".join(packet.encode() for packet in sent)
    shown = b""
    for at in range(0, len(stream), piece):
        assert violation(relay.receive_data(stream[at : at + piece])) is None
        shown += relay.data_for_slicer()
    assert [packet.payload for packet in packets_in(shown) if isinstance(packet, Publish)] == [
        packet.payload.replace(b"192.168.1.1", OURS.encode()) for packet in sent
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"H", Violation.PACKET_UNEXPECTED),
        (Publish(REPORT, FULL).encode(), Violation.PACKET_UNEXPECTED),
        (Connack().encode() + Connack().encode(), Violation.PACKET_UNEXPECTED),
        (Connack().encode() + Pingreq().encode(), Violation.PACKET_UNEXPECTED),
        (Connack().encode() + Unsubscribe(1, ("x",)).encode(), Violation.PACKET_UNEXPECTED),
        (b"\x20\x02\x00\x09", Violation.FLAGS_INVALID),
        (Connack().encode() + RawPacket(0x30, b"\x00\x01#x").encode(), Violation.TOPIC_INVALID),
        (Connack().encode() + RawPacket(0x30, b"\x00\xffx").encode(), Violation.PACKET_TRUNCATED),
        (Connack().encode() + b"\x30" + encode_remaining_length(MAX_SIZE + 1), Violation.PACKET_TOO_LARGE),
    ],
)
def test_a_printer_that_breaks_the_protocol_is_named_and_not_passed_on(data: bytes, reason: Violation) -> None:
    relay = reports(answered=False)
    assert violation(relay.receive_data(data)) is reason
    assert relay.closed
    assert relay.data_for_slicer() in {b"", Connack().encode()}
    assert relay.receive_data(Pingresp().encode()) == []


@given(st.lists(st.binary(max_size=100), max_size=10), st.booleans())
def test_no_bytes_of_a_printer_make_it_fail(garbage: list[bytes], answered: bool) -> None:
    relay = reports(answered=answered)
    for piece in garbage:
        relay.receive_data(piece)
    relay.data_for_slicer()


def pieces(stream: bytes, data: st.DataObject) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
