import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.detect import (
    MAX_FRAME,
    REPLY_SEQUENCE_ID,
    DetectError,
    DetectFault,
    DetectRequest,
    FrameReader,
    Identity,
    detect_reply,
    detect_request,
    encode_frame,
    parse_reply,
    parse_request,
)
from vprinter_common.wire.ssdp import one_line, sanitise_name

PRINTER = Identity("00M09A391800001", "BL-P001", "Werkstatt Süd", "01.07.00.00")

lines = st.text(st.characters(codec="utf-8"), max_size=30).map(one_line)
identities = st.builds(Identity, lines.filter(bool), lines.filter(bool), lines.map(sanitise_name), lines, lines, lines)
requests = st.builds(DetectRequest, lines)


def read_one(data: bytes) -> bytes:
    reader = FrameReader()
    reader.feed(data)
    payload = reader.next_frame()
    assert payload is not None
    return payload


def frame(payload: bytes) -> bytes:
    return b"\xa5\xa5" + (len(payload) + 6).to_bytes(2, "little") + payload + b"\xa7\xa7"


def test_a_request_is_framed_as_captured() -> None:
    expected = b'\xa5\xa5\x3a\x00{"login":{"command":"detect","sequence_id":"20000"}}\xa7\xa7'
    assert detect_request(DetectRequest()) == expected


def test_a_reply_has_every_field_with_its_type() -> None:
    assert json.loads(read_one(detect_reply(PRINTER))) == {
        "login": {
            "bind": "free",
            "command": "detect",
            "connect": "lan",
            "dev_cap": 1,
            "id": "00M09A391800001",
            "model": "BL-P001",
            "name": "Werkstatt Süd",
            "sequence_id": REPLY_SEQUENCE_ID,
            "version": "01.07.00.00",
        }
    }


def test_a_reply_is_compact_utf_8() -> None:
    assert '"name":"Werkstatt Süd"'.encode() in detect_reply(PRINTER)


def test_a_name_is_sanitised_in_the_reply() -> None:
    assert parse_reply(read_one(detect_reply(replace(PRINTER, name="a\r\nb")))).name == "a b"


@given(requests, identities)
def test_what_is_sent_is_understood(request: DetectRequest, identity: Identity) -> None:
    assert parse_request(read_one(detect_request(request))) == request
    assert parse_reply(read_one(detect_reply(identity))) == identity


@given(st.lists(st.binary(max_size=100), max_size=5), st.data())
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frame(payload) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader = FrameReader()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:end])
        while (payload := reader.next_frame()) is not None:
            found.append(payload)
    assert found == payloads
    assert reader.buffered == 0


@given(st.binary(max_size=60))
def test_a_frame_comes_out_with_its_last_byte_and_not_before(payload: bytes) -> None:
    reader = FrameReader()
    *others, last = frame(payload)
    for byte in others:
        reader.feed(bytes((byte,)))
        assert reader.next_frame() is None
    reader.feed(bytes((last,)))
    assert reader.next_frame() == payload


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"G", DetectFault.HEAD_INVALID),
        (b"\xa5\x16", DetectFault.HEAD_INVALID),
        (b"\xa5\xa5\x05\x00", DetectFault.FRAME_TOO_SHORT),
        (b"\xa5\xa5\x00\x00", DetectFault.FRAME_TOO_SHORT),
        (b"\xa5\xa5\x01\x10", DetectFault.FRAME_TOO_LARGE),
        (b"\xa5\xa5\xff\xff", DetectFault.FRAME_TOO_LARGE),
        (b"\xa5\xa5\x08\x00{}\xa7\xa6", DetectFault.TAIL_INVALID),
    ],
)
def test_a_bad_frame_is_refused_as_soon_as_it_can_be_known(data: bytes, reason: DetectFault) -> None:
    reader = FrameReader()
    for byte in data[:-1]:
        reader.feed(bytes((byte,)))
        assert reader.next_frame() is None
    reader.feed(data[-1:])
    with pytest.raises(DetectError) as caught:
        reader.next_frame()
    assert caught.value.reason is reason
    assert str(caught.value) == f"{reason}: {caught.value.detail}"


def test_frames_up_to_the_limit_are_read_and_written() -> None:
    fitting = {"x": "a" * (MAX_FRAME - 6 - len('{"x":""}'))}
    encoded = encode_frame(fitting)
    assert len(encoded) == MAX_FRAME
    assert json.loads(read_one(encoded)) == fitting
    with pytest.raises(ValueError, match=f"{MAX_FRAME + 1} bytes"):
        encode_frame({"x": fitting["x"] + "a"})


@pytest.mark.parametrize(
    ("payload", "sequence_id"),
    [
        (b'{"login":{"command":"detect","sequence_id":"20004"}}', "20004"),
        (b'{\n "login": {\n  "sequence_id": 20004, "command": "detect", "extra": [1] } }', "20004"),
        (b'{"login":{"command":"detect"}}', ""),
        (b'{"login":{"command":"detect","sequence_id":null}}', ""),
        (b'{"login":{"command":"detect","sequence_id":"7"}}\0', "7"),
        (b'{"login":{"command":"detect","sequence_id":"\\ud800"}}', ""),
    ],
)
def test_requests_are_read_with_tolerance(payload: bytes, sequence_id: str) -> None:
    assert parse_request(payload) == DetectRequest(sequence_id)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", DetectFault.JSON_INVALID),
        (b"not json", DetectFault.JSON_INVALID),
        (b'{"login":{"command":"detect"', DetectFault.JSON_INVALID),
        (b'{"login":"\xff"}', DetectFault.JSON_INVALID),
        ('{"login":{}}'.encode("utf-16"), DetectFault.JSON_INVALID),
        (b"[" * 4090, DetectFault.JSON_TOO_NESTED),
        (b'{"a":' * 800, DetectFault.JSON_TOO_NESTED),
        (b"[" * 33 + b"]" * 33, DetectFault.JSON_TOO_NESTED),
        (b"[" * 32 + b"]" * 32, DetectFault.NOT_DETECT),
        (b"9" * 4090, DetectFault.NOT_DETECT),
        (b"null", DetectFault.NOT_DETECT),
        (b"{}", DetectFault.NOT_DETECT),
        (b'{"login":[]}', DetectFault.NOT_DETECT),
        (b'{"login":{"command":"login"}}', DetectFault.NOT_DETECT),
        (b'{"login":{"command":["detect"]}}', DetectFault.NOT_DETECT),
    ],
)
def test_what_is_no_request_has_its_reason(payload: bytes, reason: DetectFault) -> None:
    with pytest.raises(DetectError) as caught:
        parse_request(payload)
    assert caught.value.reason is reason


def test_the_reply_of_an_a1_mini_is_understood() -> None:
    reply = (
        b'{"login":{"command":"detect","sequence_id":"20004","id":"0300AA000000001","model":"N1",'
        b'"name":"3DP-030-488","version":"01.07.02.00","bind":"free","connect":"lan","dev_cap":1}}'
    )
    assert parse_reply(reply) == Identity("0300AA000000001", "N1", "3DP-030-488", "01.07.02.00")


@pytest.mark.parametrize("missing", ["id", "model"])
def test_a_reply_without_serial_or_model_is_none(missing: str) -> None:
    reply = {"command": "detect", "id": "00M", "model": "N1"} | {missing: 1.5}
    with pytest.raises(DetectError) as caught:
        parse_reply(json.dumps({"login": reply}).encode())
    assert caught.value.reason is DetectFault.NOT_DETECT


json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just("detect"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["login", "command", "sequence_id", "id"]), inner, max_size=4)
    ),
    max_leaves=10,
).map(lambda value: json.dumps(value).encode())


@given(json_texts | st.binary(max_size=100))
def test_no_payload_makes_parsing_fail_otherwise(payload: bytes) -> None:
    for parse in (parse_request, parse_reply):
        try:
            parse(payload)
        except DetectError:
            continue


@given(st.lists(st.binary(max_size=80) | st.just(b"\xa5\xa5"), max_size=20))
def test_no_bytes_make_the_reader_fail_otherwise_or_hold_more_than_its_limit(pieces: list[bytes]) -> None:
    reader = FrameReader(max_size=64)
    for piece in pieces:
        reader.feed(piece)
        try:
            while reader.next_frame() is not None:
                pass
        except DetectError:
            return
        assert reader.buffered < 64
