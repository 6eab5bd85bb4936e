"""Whole and partial reports merged into what a printer has said so far."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.report_merge import EMPTY_TRAY, MAX_KEYS, MAX_MERGED, MAX_UNITS, merge

PLA = {"tray_type": "PLA", "tray_color": "FF0000FF", "tray_info_idx": "GFA00", "remain": 80, "tag_uid": "A" * 16}


def ams(units: Any, bits: str = "f", **more: Any) -> dict[str, Any]:
    return {"ams": {"ams": units, "tray_exist_bits": bits, **more}}


def unit(id_: str, *trays: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id_, "tray": list(trays), **more}


def types(report: dict[str, Any]) -> dict[str, list[str]]:
    """The filament in each tray of each unit; "-" for none."""
    return {
        each["id"]: [tray.get("tray_type", "") or "-" for tray in each.get("tray", ())] for each in report["ams"]["ams"]
    }


def test_what_a_partial_report_leaves_out_stays() -> None:
    known = {"gcode_state": "IDLE", "mc_percent": 0, "hms": [1, 2], "net": {"conf": 0}}
    assert merge(known, {"mc_percent": 5, "hms": []}) == known | {"mc_percent": 5, "hms": []}


def test_an_object_is_overlaid_one_level_deep() -> None:
    known = {"vt_tray": {"id": "254", "tray_type": "PLA", "k": {"a": 1, "b": 2}}}
    assert merge(known, {"vt_tray": {"tray_type": "PETG", "k": {"a": 3}}}) == {
        "vt_tray": {"id": "254", "tray_type": "PETG", "k": {"a": 3}}
    }
    assert merge({"device": None}, {"device": {"type": 1}}) == {"device": {"type": 1}}
    assert merge({"device": {"type": 1}}, {"device": None}) == {"device": None}


def test_units_and_trays_are_matched_by_id_and_missing_ones_stay() -> None:
    known = merge({}, ams([unit("0", {"id": "0", **PLA}, {"id": "1", **PLA}), unit("1", {"id": "0", **PLA})], "ff"))
    newer = ams([unit("1", {"id": "0", "remain": 10}, humidity="3")], "ff", tray_now="4")
    merged: Any = merge(known, newer)
    assert types(merged) == {"0": ["PLA", "PLA"], "1": ["PLA"]}
    assert merged["ams"]["tray_now"] == "4"
    assert merged["ams"]["ams"][1] == {"id": "1", "humidity": "3", "tray": [{"id": "0", **PLA, "remain": 10}]}


def test_an_ams_without_its_units_changes_only_what_it_names() -> None:
    known = merge({}, ams([unit("0", {"id": "0", **PLA})]))
    assert merge(known, {"ams": {"tray_now": "0"}})["ams"] == {**known["ams"], "tray_now": "0"}  # type: ignore[dict-item]
    assert merge({}, {"ams": {"tray_now": "255"}}) == {"ams": {"tray_now": "255"}}
    assert merge({}, ams([])) == ams([])
    assert merge(known, {"ams": "none"})["ams"] == "none"


def test_a_unit_without_trays_keeps_those_that_are_known() -> None:
    known = merge({}, ams([unit("0", {"id": "0", **PLA})]))
    merged: Any = merge(known, {"ams": {"ams": [{"id": "0", "temp": "30"}]}})
    assert types(merged) == {"0": ["PLA"]}
    assert merge({}, ams([{"id": "0"}])) == ams([{"id": "0"}])


@pytest.mark.parametrize(
    ("id_", "bits", "left"),
    [
        ("0", "fffffffd", ["PLA", "-", "PLA", "PLA"]),
        ("3", "ffff0fff", ["-"] * 4),
        ("128", "ffff", ["-"]),
        ("128", "10000", ["PLA"]),
        ("129", "10000", ["-"]),
        ("129", "20000", ["PLA"]),
        ("16", "2000000", ["-", "PLA", "-", "-"]),
        ("77", "0000", ["PLA"] * 4),
        ("x", "0000", ["PLA"] * 4),
    ],
)
def test_a_slot_that_is_empty_by_the_bits_holds_no_phantom(id_: str, bits: str, left: list[str]) -> None:
    trays = [{"id": str(slot), **PLA, "cols": ["FF0000FF"]} for slot in range(len(left))]
    merged: Any = merge({}, ams([unit(id_, *trays)], bits, power_on_flag=True))
    assert types(merged) == {id_: left}
    assert merged["ams"]["ams"][0]["id"] == id_
    for tray in merged["ams"]["ams"][0]["tray"]:
        assert tray["tray_type"] or tray == {"id": tray["id"], **EMPTY_TRAY}


@pytest.mark.parametrize("more", [{"power_on_flag": False}, {"tray_exist_bits": "none"}, {"tray_exist_bits": 0}])
def test_where_the_bits_tell_nothing_the_trays_stay(more: dict[str, Any]) -> None:
    merged: Any = merge({}, ams([unit("0", {"id": "0", **PLA})], "0", **more))
    assert types(merged) == {"0": ["PLA"]}


def test_a_slot_that_never_held_anything_is_left_as_the_printer_tells_it() -> None:
    merged: Any = merge({}, ams([unit("0", {"id": "0", **PLA}, {"id": "1", "state": 0}, {"id": "9", **PLA})], "1"))
    assert merged["ams"]["ams"][0]["tray"][1:] == [{"id": "1", "state": 0}, {"id": "9", **PLA}]


def test_units_and_trays_that_are_none_are_left_out() -> None:
    merged: Any = merge({}, ams([1, {}, {"id": []}, unit("0", {"id": "0", **PLA}), {"id": "1", "tray": "x"}]))
    assert [each["id"] for each in merged["ams"]["ams"]] == ["0", "1"]
    merged = merge(merged, ams([{"id": "1", "tray": [7, {"id": "0"}]}], "ff"))
    assert types(merged) == {"0": ["PLA"], "1": ["-"]}


def test_nothing_grows_without_bound() -> None:
    many = {f"k{number}": {f"f{field}": 0 for field in range(3)} for number in range(MAX_KEYS - 1)}
    report: Any = merge(merge({"a": {}}, many), {f"further{number}": 0 for number in range(99)} | {"a": {"b": 1}})
    assert len(report) == MAX_KEYS
    assert report["a"] == {"b": 1}
    report = merge({"a": {"x": 0}}, {"a": {f"f{field}": 1 for field in range(MAX_KEYS + 9)}})
    assert len(report["a"]) == MAX_KEYS
    for start in (0, MAX_UNITS):
        units = [
            unit(str(id_), *({"id": str(tray)} for tray in range(start, start + 20))) for id_ in (0, *range(start, 99))
        ]
        report = merge(report, ams(units, "0"))
        report = merge(report, ams(units, "0"))
    assert len(report["ams"]["ams"]) == MAX_UNITS
    assert max(len(each["tray"]) for each in report["ams"]["ams"]) == MAX_UNITS


def test_what_grows_too_large_begins_anew() -> None:
    half = "x" * (MAX_MERGED // 2)
    known = merge({"gcode_state": "IDLE"}, {"a": half})
    assert merge(known, {"b": half}) == {"b": half}


scalars = st.none() | st.booleans() | st.integers(0, 99) | st.text(max_size=4)
trays = st.fixed_dictionaries(
    {"id": st.sampled_from(["0", "1", "2", "3"])}, optional={"tray_type": st.text(max_size=3)}
)
units = st.fixed_dictionaries(
    {"id": st.sampled_from(["0", "1", "16", "128", "200"])}, optional={"tray": st.lists(trays, max_size=3) | scalars}
)
amses = st.fixed_dictionaries(
    {},
    optional={
        "ams": st.lists(units | scalars, max_size=3) | scalars,
        "tray_exist_bits": st.sampled_from(["0", "f", "1000f", "2000000", "zz"]) | scalars,
        "power_on_flag": scalars,
    },
)
pushes = st.dictionaries(
    st.sampled_from(["gcode_state", "mc_percent", "vt_tray", "net"]),
    scalars | st.dictionaries(st.text(max_size=3), scalars, max_size=3),
    max_size=4,
).flatmap(lambda push: st.fixed_dictionaries({}, optional={"ams": amses}).map(lambda part: push | part))


@given(pushes, pushes)
def test_merging_loses_no_key_changes_none_of_its_inputs_and_is_done_once(known: Any, push: Any) -> None:
    before = copy.deepcopy((known, push))
    merged = merge(merge({}, known), push)
    assert (known, push) == before
    assert merged.keys() == known.keys() | push.keys()
    assert merge(merged, push) == merged
