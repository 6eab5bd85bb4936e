"""What slicers see of a real printer's messages, and that it is all they see."""

import json
import re
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.report import ip_as_u32_le
from vprinter_common.wire.report_rewrite import MAX_ADDRESSES, ReportRewriter, whole_words

PRINTER, OURS = "192.168.1.1", "10.20.30.40"
THEIR_NUMBER, OUR_NUMBER = ip_as_u32_le(PRINTER), ip_as_u32_le(OURS)
OTHER_INTERFACE = "172.16.5.9"


def rewriter(*, tunnel: bool = True, addresses: tuple[str, ...] = (PRINTER,)) -> ReportRewriter:
    return ReportRewriter(addresses, OURS, tunnel=tunnel)


def rewritten(text: str, *, tunnel: bool = True) -> str:
    return rewriter(tunnel=tunnel).rewrite(text.encode()).decode()


def report(**fields: Any) -> str:
    return json.dumps({"print": {"command": "push_status", **fields}}, indent=4)


def net(*addresses: str | float | None) -> dict[str, Any]:
    return {"net": {"conf": 16, "info": [{"ip": each, "mask": 16777215} for each in addresses]}}


@pytest.mark.parametrize("indent", [None, 4])
def test_every_address_in_net_info_is_ours_and_zero_stays(indent: int | None) -> None:
    other = ip_as_u32_le(OTHER_INTERFACE)
    text = json.dumps({"print": net(0, THEIR_NUMBER, other)}, indent=indent)
    assert rewritten(text) == json.dumps({"print": net(0, OUR_NUMBER, OUR_NUMBER)}, indent=indent)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('{"ip": 1.5e9}', f'{{"ip": {OUR_NUMBER}}}'),
        ('{"ip": -1}', f'{{"ip": {OUR_NUMBER}}}'),
        ('{"ip": 0.0}', '{"ip": 0.0}'),
        ('{"ip": null}', '{"ip": null}'),
        (f'{{"ip": "{THEIR_NUMBER}"}}', f'{{"ip": "{OUR_NUMBER}"}}'),
        ('{"ip": "192.168.1.1"}', f'{{"ip": "{OURS}"}}'),
        ('{"\\u0069p": 7}', f'{{"ip": {OUR_NUMBER}}}'),
        ('{"ip": 7, "ip": 8}', f'{{"ip": {OUR_NUMBER}, "ip": {OUR_NUMBER}}}'),
        ('{ "ip" :\t7 }', f'{{ "ip" :\t{OUR_NUMBER} }}'),
    ],
)
def test_an_address_in_net_info_is_found_however_it_is_written(said: str, shown: str) -> None:
    assert (
        rewritten(f'{{"print": {{"net": {{"info": [{said}]}}}}}}') == f'{{"print": {{"net": {{"info": [{shown}]}}}}}}'
    )


def test_the_same_number_elsewhere_is_another_matter() -> None:
    text = report(ip=THEIR_NUMBER, job=THEIR_NUMBER, net={"ip": THEIR_NUMBER, "info": [{"mask": THEIR_NUMBER}]})
    assert rewritten(text) == text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("rtsps://192.168.1.1:322/streaming/live/1", "rtsps://10.20.30.40:322/streaming/live/1"),
        ("rtsps://172.16.5.9/live", "rtsps://10.20.30.40/live"),
        ("rtsps://bblp:code@printer.lan:322/live", "rtsps://bblp:code@10.20.30.40:322/live"),
        ("rtsps://[fe80::1]:322/live", "rtsps://10.20.30.40:322/live"),
        ("rtsps://10.20.30.40:322/live", "rtsps://10.20.30.40:322/live"),
        ("disable", "disable"),
        ("", ""),
    ],
)
def test_the_camera_is_to_be_found_at_ours(said: str, shown: str) -> None:
    assert rewritten(report(ipcam={"rtsp_url": said})) == report(ipcam={"rtsp_url": shown})


def test_a_camera_url_with_escaped_slashes_is_read_too() -> None:
    text = '{"print":{"ipcam":{"rtsp_url":"rtsps:\\/\\/172.16.5.9:322\\/live"}}}'
    assert json.loads(rewritten(text))["print"]["ipcam"]["rtsp_url"] == f"rtsps://{OURS}:322/live"


@pytest.mark.parametrize("said", [7, None, ["x"], {"a": 1}])
def test_a_camera_url_that_is_no_text_passes(said: object) -> None:
    assert rewritten(report(ipcam={"rtsp_url": said})) == report(ipcam={"rtsp_url": said})


def test_the_printer_is_one_on_the_lan() -> None:
    assert rewritten(report(device={"connection_type": "cloud"})) == report(device={"connection_type": "lan"})
    for text in (report(device={"connection_type": 1}), report(connection_type="cloud")):
        assert rewritten(text) == text


@pytest.mark.parametrize(
    ("name", "said", "shown"),
    [
        ("fun", "41AFFF9CFF", "412FFF9CFF"),
        ("fun", "60029FD1A3FF9CB7", "60029FD123FF9CB7"),
        ("fun", "e0000000", "60000000"),
        ("fun", "7FFFFFFF", "7FFFFFFF"),
        ("fun", "FFF", "FFF"),
        ("fun", "", ""),
        ("fun", "no number", "no number"),
        ("fun", 4294967295, 4294967295),
        ("fun2", "B7B77", "B7B76"),
        ("fun2", "1", "0"),
        ("fun2", "f", "e"),
        ("fun2", "E", "E"),
    ],
)
def test_the_file_tunnel_is_offered_only_where_it_is_relayed(name: str, said: object, shown: object) -> None:
    text = report(**{name: said})
    assert rewritten(text, tunnel=False) == report(**{name: shown})
    assert rewritten(text, tunnel=True) == text
    elsewhere = json.dumps({"info": {name: said}})
    assert rewritten(elsewhere, tunnel=False) == elsewhere


def test_whether_commands_must_be_signed_stays_the_printers_word() -> None:
    assert rewritten(report(fun="E0000000"), tunnel=False) == report(fun="60000000")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("192.168.1.1", OURS),
        ("ftp://192.168.1.1/a.3mf", f"ftp://{OURS}/a.3mf"),
        ("http://192.168.1.1:80/x, 192.168.1.1.", f"http://{OURS}:80/x, {OURS}."),
        ("at192.168.1.1", f"at{OURS}"),
        ("192.168.1.10", "192.168.1.10"),
        ("2192.168.1.1", "2192.168.1.1"),
        ("1.192.168.1.1", "1.192.168.1.1"),
        ("192.168.1.1.5", "192.168.1.1.5"),
        ("192x168x1x1", "192x168x1x1"),
    ],
)
def test_the_address_is_replaced_in_any_text_but_not_in_part_of_another(said: str, shown: str) -> None:
    assert rewritten(report(some=[{"text": said}])) == report(some=[{"text": shown}])
    assert rewritten(report(**{said: 1})) == report(**{shown: 1})
    assert rewritten(f"no JSON: {said}") == f"no JSON: {shown}"


def test_an_address_written_with_escapes_is_found() -> None:
    assert json.loads(rewritten('{"a": "\\u003192.168.1\\u002e1", "b": "\\u00e9192.168.1.1"}')) == {
        "a": OURS,
        "b": f"é{OURS}",
    }
    untouched = '{"a": "\\u0031192.168.1.1", "b": "\\u00e9", "c": "\\n"}'
    assert rewritten(untouched) == untouched


def test_addresses_that_the_printer_tells_are_its_own_everywhere() -> None:
    one = rewriter()
    one.rewrite(report(**net(ip_as_u32_le(OTHER_INTERFACE))).encode())
    assert one.rewrite(f'{{"text": "at {OTHER_INTERFACE}"}}'.encode()) == f'{{"text": "at {OURS}"}}'.encode()
    text = report(ipcam={"rtsp_url": "rtsp://172.16.5.10/x"}, text="172.16.5.10")
    assert "172.16.5.10" not in one.rewrite(text.encode()).decode()


def test_a_printer_cannot_tell_addresses_without_end() -> None:
    one = rewriter()
    for number in range(1, 2 * MAX_ADDRESSES):
        one.rewrite(report(**net(number)).encode())
    assert one.rewrite(b"1.0.0.0") == OURS.encode()
    assert one.rewrite(b"31.0.0.0") == b"31.0.0.0"


def test_a_host_name_is_no_address_to_look_for() -> None:
    assert rewriter(addresses=("printer.lan",)).rewrite(b'{"a": "printer.lan"}') == b'{"a": "printer.lan"}'


def test_all_other_bytes_stay() -> None:
    text = (
        '{ "print":{"net":{"info":[{"ip":77,"mask":1}]}, "big":123456789012345678901234567890,"f":1.10,'
        '"e":-0E+5,"dup":1,"dup":2,\t"escaped":"\\/\\"\\\\", "utf":"ü"}}'
    )
    assert rewritten(f"{text}\n\0\0") == text.replace(":77,", f":{OUR_NUMBER},") + "\n\0\0"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0",
        b"{",
        b'{"ip": 7',
        b'{"print": {"net": {"info": [{"ip": 7}]}, "x": NaN}}',
        b'"ip"',
        b'["ip", 7]',
        b"\xff\xfe ip",
        b'{"ip":' + b"[" * 100_000,
        b'{"print":{"gcode_state":"IDLE"}}',
    ],
)
def test_what_needs_no_change_or_cannot_be_read_is_the_very_same(payload: bytes) -> None:
    assert rewriter().rewrite(payload) is payload


def test_in_what_cannot_be_read_addresses_are_replaced_as_bytes() -> None:
    assert rewriter().rewrite(b"\xff 192.168.1.1 \xfe 192.168.1.10") == b"\xff 10.20.30.40 \xfe 192.168.1.10"
    assert rewriter().rewrite(b'{"ip": "192.168.1.1') == b'{"ip": "10.20.30.40'


names = st.sampled_from(["print", "net", "info", "ip", "rtsp_url", "device", "connection_type", "fun", "fun2", "x"])
texts = st.sampled_from([PRINTER, f"ftp://{PRINTER}/a", f"{PRINTER}0", "FFFFFFFF", 'é\\"/', "[{"]) | st.text(max_size=9)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(names, values, max_size=4), st.booleans(), st.booleans(), st.booleans())
def test_any_json_stays_json_of_the_same_shape_without_the_address(
    value: dict[str, Any], compact: bool, escapes: bool, tunnel: bool
) -> None:
    payload = json.dumps(value, indent=None if compact else 4, ensure_ascii=escapes).encode("utf-8", "replace")
    one = rewriter(tunnel=tunnel)
    shown = one.rewrite(payload)
    assert one.rewrite(shown) == shown, "it is done at once"
    assert shape(json.loads(shown)) == shape(json.loads(payload))
    for text in strings(json.loads(shown)):
        assert PRINTER not in text.replace(f"{PRINTER}0", "")


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(payload: bytes) -> None:
    rewriter().rewrite(payload)
    rewriter().rewrite(b'{"print":{"net":{"info":[{"ip":' + payload + b"}]}}}")


@given(st.ip_addresses(v=4), st.text("0123456789. /a", max_size=12), st.text("0123456789. /a", max_size=12))
def test_an_address_is_replaced_exactly_where_no_digits_go_on(address: IPv4Address, before: str, after: str) -> None:
    one = ReportRewriter((str(address),), OURS, tunnel=True)
    replaced = one.rewrite(f"{before}{address}{after}".encode()) != f"{before}{address}{after}".encode()
    goes_on = before[-1:].isdigit() or after[:1].isdigit() or (after[:1] == "." and after[1:2].isdigit())
    goes_on |= before[-1:] == "." and before[-2:-1].isdigit()
    if str(address) not in f"{before}{after}" and str(address) != OURS:
        assert replaced == (not goes_on)


def test_a_pattern_of_many_addresses_takes_the_longest() -> None:
    assert re.findall(whole_words(["10.0.0.1", "10.0.0.12"]), "10.0.0.1 10.0.0.12 10.0.0.123") == [
        "10.0.0.1",
        "10.0.0.12",
    ]


def shape(value: Any) -> Any:
    match value:
        case dict():
            return [shape(item) for item in value.values()]
        case list():
            return [shape(item) for item in value]
        case str():
            return str
        case bool() | None:
            return value
        case _:
            return float


def strings(value: Any) -> list[str]:
    match value:
        case dict():
            return [text for name, item in value.items() for text in (name, *strings(item))]
        case list():
            return [text for item in value for text in strings(item)]
        case str():
            return [value]
        case _:
            return []
