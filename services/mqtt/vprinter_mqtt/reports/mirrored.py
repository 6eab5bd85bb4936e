"""The report of a virtual printer that shows a real one: its own, with what may be seen of the other laid over it.

The base is always our own report, never the other's: so every field that slicers demand is there, in the type that they
demand. Laid over it is only what is named here; of AMS units and trays everything, but for fields of a wrong type.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from vprinter_common.catalog import Model, ReportStyle
from vprinter_mqtt.reports import shapes
from vprinter_mqtt.reports.device import spool_ids
from vprinter_mqtt.reports.modules import modules
from vprinter_mqtt.reports.push_status import push_status

SPOOL_MAIN, SPOOL_DEPUTY = "255", "254"
AMS_MODULES = ("ams/", "ams_f1/", "n3f/", "n3s/")
AMS_HUB = "ahb"
STORAGE, STORAGE_NORMAL = 0b11, 0b01
"""Two bits, at 8 in `home_flag` and at 12 in `aux`; slicers send only to storage that is there and normal."""
HOME_STORAGE, AUX_STORAGE = 8, 12
RECORDING = 1 << 5
SIGNED, TUNNEL = 1 << 29, 1 << 31
TUNNEL_PRINT, INTERNAL_STORAGE = 1 << 0, 1 << 17
MAX_VERSION = 0x7FFFFFFF
FORCED_UPGRADE = 1 << 2
UNIT_HEAD = 0xF00
"""Bits of an AMS unit's `info` that say which head it feeds."""


class Likeness(StrEnum):
    """How much two models have in common."""

    SAME = "same"
    """Everything is shown."""
    HEADS = "heads"
    """Nozzles too: both are of the new protocol, with as many heads."""
    FILAMENTS = "filaments"
    """AMS, external spool, temperatures, fans, lights."""


def likeness(ours: Model, theirs: Model) -> Likeness:
    """How much of another model's report fits in ours."""
    if ours.code == theirs.code:
        return Likeness.SAME
    new = ours.report is theirs.report is ReportStyle.NEW_PROTOCOL
    return Likeness.HEADS if new and ours.nozzles == theirs.nozzles else Likeness.FILAMENTS


_ALWAYS: Mapping[str, shapes.Check] = {
    "nozzle_temper": shapes.number,
    "nozzle_target_temper": shapes.number,
    "bed_temper": shapes.number,
    "bed_target_temper": shapes.number,
    "chamber_temper": shapes.number,
    "cooling_fan_speed": shapes.count,
    "heatbreak_fan_speed": shapes.count,
    "big_fan1_speed": shapes.count,
    "big_fan2_speed": shapes.count,
    "fan_gear": shapes.whole,
    "spd_lvl": shapes.whole,
    "spd_mag": shapes.whole,
    "nozzle_diameter": shapes.diameter,
    "wifi_signal": shapes.text,
    "ams_status": shapes.whole,
    "ams_rfid_status": shapes.whole,
    "lights_report": shapes.each(shapes.has(node=shapes.text, mode=shapes.text)),
    "online": shapes.has(ahb=shapes.truth, rfid=shapes.truth, version=shapes.whole),
    "storage": shapes.has(free=shapes.whole, total=shapes.number),
}
_OF_THE_SAME_MODEL: Mapping[str, shapes.Check] = {
    "hw_switch_state": shapes.whole,
    "flag3": shapes.whole,
    "info": shapes.has(temp=shapes.whole),
}


def mirrored(ours: Model, theirs: Model, report: Mapping[str, Any], units: int) -> dict[str, object]:
    """Our whole `push_status`, with slots, showing another printer's `print` object, which holds no secret any more.

    `units` changes with the modules that `get_version` would list.
    """
    message = push_status(ours)
    shown = message["print"]
    assert isinstance(shown, dict)  # noqa: S101 - push_status made it
    alike = likeness(ours, theirs)
    shown |= _picked(_ALWAYS, report)
    shown["online"] = dict(shown["online"])
    if ours.report is theirs.report:  # each style has its own words for them
        shown |= _picked({"nozzle_type": shapes.text}, report)
    if alike is Likeness.SAME:
        shown |= {name: value for name, value in _picked(_OF_THE_SAME_MODEL, report).items() if name in shown}
        shown |= _flags(shown, report)
    if alike is not Likeness.FILAMENTS and "device" in shown:
        shown["device"] = _device(shown, report, ours.nozzles)
    shown["ams"] = _ams(shown["ams"], report.get("ams"), one_head=ours.nozzles == 1)
    _lay_spools(ours, shown, report)
    # By this number slicers know that modules came or went, and ask for them again.
    shown["online"]["version"] = (shown["online"]["version"] + units) & MAX_VERSION
    return message


def mirrored_modules(ours: Model, serial: str, listed: Iterable[dict[str, Any]]) -> list[dict[str, object]]:
    """Our own boards, and the other's AMS units, which keep their serial numbers; without them slicers name none."""
    units = [
        {**module, "visible": bool(module.get("visible", True)), "flag": 0}
        for module in listed
        if shapes.MODULE(module)
        and module["sn"]
        and (module["name"].startswith(AMS_MODULES) or module["name"] == AMS_HUB)
    ]
    for unit in units:
        unit.pop("new_ver", None)  # it would offer an update
        unit.setdefault("product_name", "")
        unit.setdefault("loader_ver", "00.00.00.00")
    own = modules(ours, serial)
    names = {module["name"] for module in units}
    return [module for module in own if module["name"] not in names] + units


def _picked(table: Mapping[str, shapes.Check], report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name, check in table.items() if name in report and check(report[name])}


def _flags(shown: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, object]:
    """The other's abilities and settings, but for those that would lead slicers elsewhere, and with storage in it."""
    flags: dict[str, object] = {}
    if shapes.whole(report.get("home_flag")):
        flags["home_flag"] = _with_storage(report["home_flag"], HOME_STORAGE) & ~RECORDING
    for name, wanted, cleared in (
        ("cfg", shapes.word, FORCED_UPGRADE),
        ("fun", shapes.word, SIGNED | TUNNEL),
        ("fun2", shapes.bits, TUNNEL_PRINT | INTERNAL_STORAGE),
    ):
        if name in shown and wanted(report.get(name)):
            flags[name] = f"{int(report[name], 16) & ~cleared:X}"
    if "aux" in shown and shapes.word(report.get("aux")):
        flags["aux"] = f"{_with_storage(int(report['aux'], 16), AUX_STORAGE):X}"
    return flags


def _with_storage(flags: int, at: int) -> int:
    return flags & ~(STORAGE << at) | STORAGE_NORMAL << at


def _device(shown: Mapping[str, Any], report: Mapping[str, Any], heads: int) -> dict[str, Any]:
    """Heads and nozzles. `connection_type` is not among what is taken: it would override LAN."""
    own: dict[str, Any] = shown["device"]
    theirs = report.get("device")
    taken = _picked(shapes.DEVICE, theirs) if isinstance(theirs, dict) else {}
    extruder = taken.get("extruder")
    if extruder is not None and not (
        extruder["state"] & 0xF == heads and [head["id"] for head in extruder["info"]] == list(range(heads))
    ):
        del taken["extruder"]
    if len(taken.get("nozzle", {}).get("info", ())) < heads:
        taken.pop("nozzle", None)
    return own | taken


def _ams(own: Mapping[str, object], theirs: object, *, one_head: bool) -> dict[str, object]:
    if not isinstance(theirs, dict):
        return dict(own)
    units = [
        _unit(unit, one_head=one_head)
        for unit in theirs.get("ams") or ()
        if shapes.has(id=shapes.text, tray=shapes.each(shapes.has(id=shapes.text)))(unit)
    ]
    return {**own, **_picked(shapes.AMS, theirs), "ams": units}


def _unit(unit: Mapping[str, Any], *, one_head: bool) -> dict[str, Any]:
    shown = {
        **{name: value for name, value in unit.items() if name != "tray" and shapes.UNIT({name: value})},
        "tray": [{name: value for name, value in tray.items() if shapes.TRAY({name: value})} for tray in unit["tray"]],
    }
    if one_head and "info" in shown:
        shown["info"] = f"{int(shown['info'], 16) & ~UNIT_HEAD:x}"
    return shown


def _lay_spools(ours: Model, shown: dict[str, Any], report: Mapping[str, Any]) -> None:
    """Show the external spools as our model has them, whichever way the other does."""
    found = _spools(report)
    for name in ("vir_slot", "vt_tray"):
        match shown.get(name):
            case list(slots):
                shown[name] = [slot | found.get(slot["id"], {}) | {"id": slot["id"]} for slot in slots]
            case dict(slot):
                shown[name] = slot | found.get(SPOOL_MAIN, {}) | {"id": spool_ids(ours)[0]}


def _spools(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The other's external spools by the head that they feed; one without `vir_slot` has a main head alone."""
    slots = report.get("vir_slot")
    found = {
        str(slot["id"]): {name: value for name, value in slot.items() if shapes.TRAY({name: value})}
        for slot in (slots if isinstance(slots, list) else ())
        if shapes.has(id=shapes.text)(slot)
    }
    single = report.get("vt_tray")
    if not found and isinstance(single, dict):
        found[SPOOL_MAIN] = {name: value for name, value in single.items() if shapes.TRAY({name: value})}
    return found
