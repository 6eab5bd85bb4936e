"""What a printer has reported so far: whole and partial `push_status` messages merged into one.

Printers of one family push everything each second, those of another only what changed, and both call it `push_status`.
What a message leaves out stays as it was known; nothing given to these functions is changed by them.
"""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType

MAX_KEYS = 512
"""Keys of a merged report, and of each object in it; real ones have about 110. Further ones are left out."""
MAX_UNITS = 32
"""AMS units, and trays of each."""
MAX_MERGED = 256 * 1024
"""Bytes of a merged report in JSON; real ones are under 32 KiB. What grows beyond it begins anew."""

EMPTY_TRAY: Mapping[str, object] = MappingProxyType(
    {
        "state": 9,
        "tray_type": "",
        "tray_sub_brands": "",
        "tray_color": "",
        "tray_id_name": "",
        "tray_info_idx": "",
        "tag_uid": "0" * 16,
        "tray_uuid": "0" * 32,
        "remain": 0,
    }
)
"""What an emptied slot is: else a slicer that takes over the filaments paints what was there before."""

_AMS_HT, _AMS_HT_BIT = 128, 16
_A2L_LITE, _A2L_LITE_BIT = 16, 24
_UNITS = 4
_TRAYS = 4


def merge(known: Mapping[str, object], push: Mapping[str, object]) -> dict[str, object]:
    """The `print` object of everything reported so far, after one more `push_status`."""
    merged = dict(known)
    for name, value in push.items():
        if name not in merged and len(merged) >= MAX_KEYS:
            continue
        before = merged.get(name)
        if name == "ams" and isinstance(value, dict):
            merged[name] = _merge_ams(before if isinstance(before, dict) else {}, value)
        elif isinstance(before, dict) and isinstance(value, dict):
            merged[name] = _overlay(before, value)
        else:
            merged[name] = value
    return merged if _fits(merged) else dict(push)


def _overlay(before: Mapping[str, object], newer: Mapping[str, object]) -> dict[str, object]:
    """One level deep: an external spool's update carries two of its twenty fields."""
    laid = dict(before)
    for name, value in newer.items():
        if name in laid or len(laid) < MAX_KEYS:
            laid[name] = value
    return laid


def _fits(merged: Mapping[str, object]) -> bool:
    return len(json.dumps(merged, separators=(",", ":"))) <= MAX_MERGED


def _merge_ams(before: Mapping[str, object], newer: Mapping[str, object]) -> dict[str, object]:
    merged = _overlay(before, newer)
    units = _by_id(before.get("ams"))
    for id_, unit in _by_id(newer.get("ams")).items():
        if id_ in units or len(units) < MAX_UNITS:
            units[id_] = _merge_unit(units.get(id_, {}), unit)
    if units or "ams" in merged:
        merged["ams"] = [_without_phantoms(unit, merged) for unit in units.values()]
    return merged


def _merge_unit(before: Mapping[str, object], newer: Mapping[str, object]) -> dict[str, object]:
    merged = _overlay(before, newer)
    trays = _by_id(before.get("tray"))
    for id_, tray in _by_id(newer.get("tray")).items():
        if id_ in trays or len(trays) < MAX_UNITS:
            trays[id_] = _overlay(trays.get(id_, {}), tray)
    if trays or "tray" in merged:
        merged["tray"] = list(trays.values())
    return merged


def _by_id(items: object) -> dict[str, dict[str, object]]:
    """Units or trays by their ids, in their order; what has no id is none."""
    found: dict[str, dict[str, object]] = {}
    for item in items if isinstance(items, list) else ():
        match item:
            case {"id": str() | int() as id_}:
                found.setdefault(str(id_), item)
    return found


def _without_phantoms(unit: Mapping[str, object], ams: Mapping[str, object]) -> dict[str, object]:
    """The unit with the slots emptied that `tray_exist_bits` says are empty."""
    bits = _exist_bits(ams)
    first = _first_bit(unit.get("id"))
    trays = unit.get("tray")
    if bits is None or first is None or not isinstance(trays, list):
        return dict(unit)
    return {**unit, "tray": list(_checked(trays, bits >> first))}


def _checked(trays: list[dict[str, object]], bits: int) -> Iterator[dict[str, object]]:
    for tray in trays:
        slot = _number(tray["id"])
        absent = slot is not None and slot < _TRAYS and not bits >> slot & 1
        # A slot that never held anything is told by its id alone, and stays so.
        yield {"id": tray["id"], **EMPTY_TRAY} if absent and tray.get("tray_type") else tray


def _exist_bits(ams: Mapping[str, object]) -> int | None:
    """The slots that hold something; None if nothing can be told from it, as right after switching on."""
    text = ams.get("tray_exist_bits")
    if not isinstance(text, str):
        return None
    try:
        bits = int(text, 16)
    except ValueError:
        return None
    return None if bits <= 0 and ams.get("power_on_flag") is False else bits


def _first_bit(unit: object) -> int | None:
    """Where a unit's slots begin in the bits; None for a kind of unit that is not known."""
    match _number(unit):
        case int(id_) if id_ < _UNITS:
            return id_ * _TRAYS
        case int(id_) if _AMS_HT <= id_ < _AMS_HT + 8:
            return _AMS_HT_BIT + id_ - _AMS_HT
        case int(id_) if id_ == _A2L_LITE:
            return _A2L_LITE_BIT
        case _:
            return None


def _number(id_: object) -> int | None:
    text = str(id_)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
