"""Facts of reports: addresses, and JSON that comes from strangers."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.report import (
    MAX_DEPTH,
    MAX_PAYLOAD,
    ReportError,
    dumps,
    ip_as_u32_le,
    ip_from_u32_le,
    loads,
)

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
values = st.recursive(
    scalars | texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8
)
objects = st.dictionaries(texts, values, max_size=4)


@pytest.mark.parametrize(
    ("address", "number"),
    [("192.168.255.133", 2248124608), ("192.168.255.16", 285190336), ("192.168.0.3", 50374848), ("0.0.0.0", 0)],
)
def test_known_addresses_are_little_endian_numbers(address: str, number: int) -> None:
    assert ip_as_u32_le(address) == number
    assert ip_from_u32_le(number) == address


@given(st.integers(0, 2**32 - 1))
def test_addresses_survive_the_round_trip(number: int) -> None:
    assert ip_as_u32_le(ip_from_u32_le(number)) == number


@pytest.mark.parametrize("address", ["", "printer.local", "::1", "1.2.3", "256.1.1.1", "x" * 1000])
def test_what_is_not_an_ipv4_address_is_refused(address: str) -> None:
    with pytest.raises(ReportError, match="is not an IPv4 address") as caught:
        ip_as_u32_le(address)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("number", [-1, 2**32])
def test_what_is_not_a_u32_is_refused(number: int) -> None:
    with pytest.raises(ReportError, match="unsigned 32-bit"):
        ip_from_u32_le(number)


def test_json_is_indented_by_four_and_utf8() -> None:
    assert dumps({"a": ["ü"]}) == '{\n    "a": [\n        "ü"\n    ]\n}'.encode()


def test_a_lone_surrogate_is_written_as_a_question_mark() -> None:
    assert dumps("\ud800") == b'"?"'


@given(objects)
def test_what_was_written_is_read_back(value: dict[str, object]) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize("tail", [b"\0", b"\0\0", b"\n", b" \0\r\n\0"])
def test_trailing_nul_bytes_and_blanks_are_dropped(tail: bytes) -> None:
    assert loads(b'{"pushing": {}}' + tail) == {"pushing": {}}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b"\0", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"\xff\xfe\x80", "not JSON"),
        (b"[]", "JSON list, not an object"),
        (b'"x"', "JSON str, not an object"),
        (b"null", "JSON NoneType, not an object"),
        (b"{}" + b" " * MAX_PAYLOAD, "at most"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "nests deeper"),
        (b'{"a":' + b"[" * 200_000, "nests deeper"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nests deeper"),
    ],
)
def test_bad_payloads_are_refused_with_a_short_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(ReportError, match=reason) as caught:
        loads(payload)
    assert len(str(caught.value)) < 200


@given(st.binary(max_size=200))
def test_garbage_is_read_or_refused_but_never_crashes(payload: bytes) -> None:
    with contextlib.suppress(ReportError):
        assert isinstance(loads(payload), dict)


@given(objects, st.data())
def test_a_truncated_object_is_refused(value: dict[str, object], data: st.DataObject) -> None:
    payload = json.dumps(value).encode()
    cut = data.draw(st.integers(0, len(payload) - 1))
    with pytest.raises(ReportError):
        loads(payload[:cut])
