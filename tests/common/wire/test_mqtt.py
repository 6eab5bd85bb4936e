import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.common.wire.mqtt_strategies import client_packets, connects
from vprinter_common.wire.mqtt import (
    MAX_QOS2_IN_FLIGHT,
    MAX_SIZE,
    MAX_SIZE_BEFORE_ACCEPT,
    MAX_SUBSCRIPTIONS,
    ConnectRequested,
    Disconnected,
    Event,
    ProtocolViolated,
    Published,
    ServerSession,
    Subscribed,
    Unsubscribed,
)
from vprinter_common.wire.mqtt_framing import encode_remaining_length
from vprinter_common.wire.mqtt_packets import (
    SUBSCRIPTION_REFUSED,
    Connack,
    Connect,
    ConnectCode,
    Disconnect,
    Packet,
    PacketReader,
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

CONNECT = Connect("studio_client_id:0a1b", b"bblp", b"12345678", keep_alive=30)
REPORT = "device/00M09A000000001/report"


class Conversation:
    """A client talking to a session: sends packets, reads packets."""

    def __init__(self, *, accepted: bool = True) -> None:
        self.session = ServerSession()
        self._reader = PacketReader(1_000_000)
        if accepted:
            self.send(CONNECT)
            self.session.accept()
            assert self.answers() == [Connack()]
            self.session.events_received()

    def send(self, *packets: Packet) -> list[Event]:
        return self.send_bytes(b"".join(packet.encode() for packet in packets))

    def send_bytes(self, data: bytes) -> list[Event]:
        self.session.receive_data(data)
        return self.session.events_received()

    def answers(self) -> list[Packet]:
        self._reader.feed(self.session.data_to_send())
        found: list[Packet] = []
        while (raw := self._reader.next_packet()) is not None:
            found.append(decode(raw))
        return found

    def assert_violated(self, events: list[Event], reason: Violation) -> None:
        last = events[-1]
        assert isinstance(last, ProtocolViolated)
        assert last.reason is reason
        assert last.detail
        assert self.session.should_close


def test_connect_asks_the_owner_and_acceptance_answers_it() -> None:
    client = Conversation(accepted=False)
    assert client.send(CONNECT) == [ConnectRequested("studio_client_id:0a1b", b"bblp", b"12345678", 30, True)]
    assert client.answers() == []
    client.session.accept()
    assert client.answers() == [Connack()]
    assert not client.session.should_close


def test_the_request_does_not_show_the_password() -> None:
    (event,) = Conversation(accepted=False).send(CONNECT)
    assert "12345678" not in repr(event)


def test_a_refusal_is_answered_with_its_code_and_closes() -> None:
    client = Conversation(accepted=False)
    client.send(CONNECT)
    client.session.refuse(ConnectCode.NOT_AUTHORISED)
    assert client.answers() == [Connack(ConnectCode.NOT_AUTHORISED)]
    assert client.session.should_close
    assert client.send(Pingreq()) == []
    assert client.answers() == []


def test_what_follows_connect_at_once_waits_for_acceptance() -> None:
    client = Conversation(accepted=False)
    assert len(client.send(CONNECT, Subscribe(1, (Subscription(REPORT),)), Publish("t", b"x"))) == 1
    client.session.accept()
    assert client.answers() == [Connack(), Suback(1, (0,))]
    assert client.session.events_received() == [Subscribed((Subscription(REPORT),)), Published("t", b"x", 0)]


def test_what_follows_connect_is_not_looked_at_after_a_refusal() -> None:
    client = Conversation(accepted=False)
    client.send(CONNECT, Pingreq())
    client.session.refuse(ConnectCode.NOT_AUTHORISED)
    assert client.answers() == [Connack(ConnectCode.NOT_AUTHORISED)]
    assert client.session.events_received() == []


def test_a_flood_before_the_verdict_closes_and_makes_the_verdict_void() -> None:
    client = Conversation(accepted=False)
    client.send(CONNECT)
    assert client.send_bytes(bytes(MAX_SIZE_BEFORE_ACCEPT)) == []
    client.assert_violated(client.send_bytes(b"\0"), Violation.EARLY_DATA)
    client.session.accept()
    client.session.refuse(ConnectCode.NOT_AUTHORISED)
    client.session.publish("t", b"")
    assert client.answers() == []


@pytest.mark.parametrize("first", [b"\xc0", b"\x30", b"\xff", b"\x00", b"GET /"])
def test_nothing_but_connect_is_accepted_first_and_the_first_byte_tells(first: bytes) -> None:
    client = Conversation(accepted=False)
    client.assert_violated(client.send_bytes(first), Violation.CONNECT_EXPECTED)
    assert client.answers() == []


def test_a_second_connect_closes() -> None:
    client = Conversation()
    client.assert_violated(client.send(CONNECT), Violation.SECOND_CONNECT)


@pytest.mark.parametrize(
    ("encoded", "code", "reason"),
    [
        (
            "10 0f 0006 4d5149736470 03 02 003c 0001 63",
            ConnectCode.UNACCEPTABLE_PROTOCOL,
            Violation.PROTOCOL_UNSUPPORTED,
        ),
        (
            "10 0e 0004 4d515454 05 02 003c 00 0001 63",
            ConnectCode.UNACCEPTABLE_PROTOCOL,
            Violation.PROTOCOL_UNSUPPORTED,
        ),
        ("10 0c 0004 4d515454 04 00 003c 0000", ConnectCode.IDENTIFIER_REJECTED, Violation.CLIENT_ID_MISSING),
    ],
)
def test_other_protocol_versions_and_missing_ids_get_their_return_code(
    encoded: str, code: ConnectCode, reason: Violation
) -> None:
    client = Conversation(accepted=False)
    client.assert_violated(client.send_bytes(bytes.fromhex(encoded)), reason)
    assert client.answers() == [Connack(code)]


def test_large_packets_are_refused_by_their_length_with_less_room_before_acceptance() -> None:
    stranger = Conversation(accepted=False)
    too_much = b"\x10" + encode_remaining_length(MAX_SIZE_BEFORE_ACCEPT + 1)
    stranger.assert_violated(stranger.send_bytes(too_much), Violation.PACKET_TOO_LARGE)

    client = Conversation()
    payload = bytes(MAX_SIZE - 3)
    assert client.send(Publish("t", payload)) == [Published("t", payload, 0)]
    client.assert_violated(client.send_bytes(b"\x30\xff\xff\xff\x7f"), Violation.PACKET_TOO_LARGE)


def test_messages_are_acknowledged_by_their_qos() -> None:
    client = Conversation()
    events = client.send(Publish("a", b"0"), Publish("b", b"1", 1, 7), Publish("c", b"2", 2, 8))
    assert events == [Published("a", b"0", 0), Published("b", b"1", 1), Published("c", b"2", 2)]
    assert client.answers() == [Puback(7), Pubrec(8)]


def test_a_qos_2_message_arrives_once_until_it_is_released() -> None:
    client = Conversation()
    message = Publish("t", b"x", 2, 8)
    assert client.send(message, message) == [Published("t", b"x", 2)]
    assert client.send(Pubrel(8), Pubrel(8)) == []
    assert client.answers() == [Pubrec(8), Pubrec(8), Pubcomp(8), Pubcomp(8)]
    assert client.send(message) == [Published("t", b"x", 2)]


def test_unreleased_qos_2_messages_are_limited() -> None:
    client = Conversation()
    client.send(*(Publish("t", b"", 2, number) for number in range(1, MAX_QOS2_IN_FLIGHT + 1)))
    assert not client.session.should_close
    client.assert_violated(client.send(Publish("t", b"", 2, 1000)), Violation.IN_FLIGHT_EXCEEDED)


def test_subscriptions_are_granted_at_no_more_than_qos_1() -> None:
    client = Conversation()
    wanted = (Subscription("a", 0), Subscription("b/+", 1), Subscription("#", 2))
    assert client.send(Subscribe(5, wanted)) == [
        Subscribed((Subscription("a", 0), Subscription("b/+", 1), Subscription("#", 1)))
    ]
    assert client.answers() == [Suback(5, (0, 1, 1))]
    assert client.session.subscriptions == {"a": 0, "b/+": 1, "#": 1}


def test_an_ill_formed_filter_is_refused_alone() -> None:
    client = Conversation()
    assert client.send(Subscribe(5, (Subscription("a#"), Subscription("b")))) == [Subscribed((Subscription("b"),))]
    assert client.send(Subscribe(6, (Subscription(""),))) == []
    assert client.answers() == [Suback(5, (SUBSCRIPTION_REFUSED, 0)), Suback(6, (SUBSCRIPTION_REFUSED,))]


def test_subscriptions_beyond_the_limit_are_refused_but_old_ones_can_be_renewed() -> None:
    client = Conversation()
    client.send(Subscribe(1, tuple(Subscription(str(number)) for number in range(MAX_SUBSCRIPTIONS))))
    client.answers()
    assert client.send(Subscribe(2, (Subscription("more"), Subscription("0", 1)))) == [
        Subscribed((Subscription("0", 1),))
    ]
    assert client.answers() == [Suback(2, (SUBSCRIPTION_REFUSED, 1))]
    assert len(client.session.subscriptions) == MAX_SUBSCRIPTIONS


def test_unsubscribing_is_acknowledged_whether_or_not_there_was_a_subscription() -> None:
    client = Conversation()
    client.send(Subscribe(1, (Subscription("a"), Subscription("b"))))
    client.answers()
    assert client.send(Unsubscribe(2, ("a", "never"))) == [Unsubscribed(("a", "never"))]
    assert client.answers() == [Unsuback(2)]
    assert client.session.subscriptions == {"b": 0}


def test_a_ping_is_answered() -> None:
    client = Conversation()
    assert client.send(Pingreq()) == []
    assert client.answers() == [Pingresp()]


def test_stray_acknowledgements_are_let_pass() -> None:
    client = Conversation()
    assert client.send(Puback(1), Pubrec(2), Pubcomp(3)) == []
    assert client.answers() == []
    assert not client.session.should_close


def test_disconnect_closes_and_what_follows_is_ignored() -> None:
    client = Conversation()
    assert client.send(Disconnect(), Pingreq()) == [Disconnected()]
    assert client.session.should_close
    assert client.answers() == []


@pytest.mark.parametrize("packet", [Connack(), Suback(1, (0,)), Unsuback(1), Pingresp()])
def test_packets_of_servers_close(packet: Packet) -> None:
    client = Conversation()
    client.assert_violated(client.send(packet), Violation.PACKET_UNEXPECTED)


def test_a_message_is_sent_at_no_more_than_the_granted_qos() -> None:
    client = Conversation()
    client.send(Subscribe(1, (Subscription("device/+/report", 1), Subscription("quiet"), Subscription("quiet/#"))))
    client.answers()
    assert client.session.granted_qos(REPORT) == 1
    assert client.session.granted_qos("quiet") == 0
    assert client.session.granted_qos("unknown") is None
    client.session.publish(REPORT, b"0")
    client.session.publish(REPORT, b"1", qos=1)
    client.session.publish(REPORT, b"2", qos=2)
    client.session.publish("quiet", b"3", qos=1)
    client.session.publish("unknown", b"4", qos=1)
    assert client.answers() == [
        Publish(REPORT, b"0"),
        Publish(REPORT, b"1", 1, 1),
        Publish(REPORT, b"2", 1, 2),
        Publish("quiet", b"3"),
        Publish("unknown", b"4"),
    ]


def test_packet_identifiers_start_again_after_the_last() -> None:
    client = Conversation()
    client.send(Subscribe(1, (Subscription("t", 1),)))
    for _ in range(0xFFFF):
        client.session.publish("t", b"", qos=1)
    client.session.data_to_send()
    client.session.publish("t", b"", qos=1)
    assert client.answers() == [Publish("t", b"", 1, 1)]


def test_an_owner_that_acts_too_early_is_told() -> None:
    session = ServerSession()
    with pytest.raises(RuntimeError, match="AWAITING_CONNECT"):
        session.accept()
    with pytest.raises(RuntimeError, match="AWAITING_CONNECT"):
        session.publish("t", b"")
    session.receive_data(CONNECT.encode())
    session.accept()
    with pytest.raises(RuntimeError, match="CONNECTED"):
        session.refuse(ConnectCode.NOT_AUTHORISED)


def run(pieces: list[bytes]) -> tuple[list[Event], bytes, bool]:
    """The whole effect of a stream on a session whose owner accepts everybody."""
    session = ServerSession()
    events: list[Event] = []
    sent = b""
    for piece in pieces:
        session.receive_data(piece)
        while new := session.events_received():
            events += new
            if isinstance(new[-1], ConnectRequested):
                session.accept()
        sent += session.data_to_send()
    return events, sent, session.should_close


@given(connects(), st.lists(client_packets, max_size=5))
def test_a_stream_has_the_same_effect_byte_by_byte_as_in_one_piece(connect: Connect, rest: list[Packet]) -> None:
    stream = b"".join(packet.encode() for packet in (connect, *rest))
    assert run([stream[at : at + 1] for at in range(len(stream))]) == run([stream])


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_no_stranger_makes_a_session_fail(pieces: list[bytes]) -> None:
    run(pieces)


@given(connects(), st.lists(client_packets | st.binary(max_size=60), max_size=6), st.data())
def test_no_client_makes_a_session_fail(connect: Connect, rest: list[Packet | bytes], data: st.DataObject) -> None:
    parts = [each if isinstance(each, bytes) else each.encode() for each in (connect, *rest)]
    stream = bytearray(b"".join(parts))
    for position in data.draw(st.lists(st.integers(0, len(stream) - 1), max_size=3)):
        stream[position] = data.draw(st.integers(0, 255))
    events, _, closed = run([bytes(stream)])
    ends = [event for event in events if isinstance(event, ProtocolViolated | Disconnected)]
    assert len(ends) == int(closed)
