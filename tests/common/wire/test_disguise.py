"""What a slicer may read of a printer that is shown as another one."""

import json
from string import ascii_uppercase, digits
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.disguise import Disguise, told_addresses
from vprinter_common.wire.report import ip_as_u32_le

OLD, NEW = "01P00C000000001", "01P00A391800001"
OURS = "10.0.0.5"


def disguise(*hosts: str) -> Disguise:
    return Disguise(OLD, hosts, as_serial=NEW, as_address=OURS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("192.168.1.1", OURS),
        ("rtsps://192.168.1.1:322/streaming/live/1", f"rtsps://{OURS}:322/streaming/live/1"),
        ("it is at 192.168.1.1.", f"it is at {OURS}."),
        ("192.168.1.10", "192.168.1.10"),
        ("1192.168.1.1", "1192.168.1.1"),
        ("192.168.1.1.1", "192.168.1.1.1"),
        ("7.192.168.1.1", "7.192.168.1.1"),
        ("http://Printer.LAN/", f"http://{OURS}/"),
        ("printer.lan.example", "printer.lan.example"),
        ("my-printer.lan", "my-printer.lan"),
        (f"device/{OLD}/report", f"device/{NEW}/report"),
        (f"x_{OLD.lower()}_y", f"x_{NEW}_y"),
    ],
)
def test_whole_addresses_and_every_serial_number_are_replaced(text: str, shown: str) -> None:
    assert disguise("192.168.1.1", "printer.lan", "").text(text) == shown


def test_without_any_address_the_serial_number_still_is() -> None:
    assert disguise().text(f"{OLD} at 192.168.1.1") == f"{NEW} at 192.168.1.1"


def test_a_whole_message_is_replaced_in_its_depth_and_nothing_else_changes() -> None:
    message = {
        "info": {
            "module": [{"name": "ota", "sn": OLD}, {"name": "ams/0", "sn": "00600A000000001"}],
            OLD: [1, 2.5, None, True],
            "net": [{"ip": ip_as_u32_le("192.168.1.1"), "mask": 255}, {"ip": 0}, {"ip": True}, {"ip": 5}],
            "mask": ip_as_u32_le("192.168.1.1"),
        }
    }
    assert disguise("192.168.1.1").value(message) == {
        "info": {
            "module": [{"name": "ota", "sn": NEW}, {"name": "ams/0", "sn": "00600A000000001"}],
            NEW: [1, 2.5, None, True],
            "net": [{"ip": ip_as_u32_le(OURS), "mask": 255}, {"ip": 0}, {"ip": True}, {"ip": 5}],
            "mask": ip_as_u32_le("192.168.1.1"),
        }
    }


@pytest.mark.parametrize(
    ("net", "told"),
    [
        ({"info": [{"ip": ip_as_u32_le("192.168.1.7")}, {"ip": 0}, {"ip": "x"}, {}, 3, {"ip": -1}]}, ["192.168.1.7"]),
        ({"info": {}}, []),
        (None, []),
    ],
)
def test_a_report_tells_the_addresses_of_every_interface(net: Any, told: list[str]) -> None:
    assert told_addresses({"net": net}) == told


addresses = st.ip_addresses(v=4).filter(int).map(str)
serials = st.text(ascii_uppercase + digits, min_size=15, max_size=15)
pieces = st.sampled_from(["x", " ", "/", ":", "1", ".", "-", "Ä", "_", "\n"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(anything)
def test_what_holds_neither_stays_as_it_is(value: Any) -> None:
    assert Disguise("01P00C000000001", ["host.invalid"], as_serial=NEW, as_address=OURS).value(value) == value


@given(addresses, serials, st.lists(pieces, max_size=6))
def test_no_serial_number_and_no_address_of_its_own_is_left(address: str, serial: str, around: list[str]) -> None:
    text = "".join(around)
    value = {
        text + serial: [f"{text}{serial}{text}", f"{text} {address}:322", {"sn": serial, "ip": ip_as_u32_le(address)}]
    }
    shown = json.dumps(Disguise(serial, [address], as_serial="SN", as_address="0.0.0.0").value(value))
    assert serial not in shown
    assert f" {address}:" not in shown
    assert f'"ip": {ip_as_u32_le(address)}' not in shown
