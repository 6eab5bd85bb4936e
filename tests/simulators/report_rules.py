"""What slicers demand of a report, checked strictly.

A slicer stops reading a message at the first field of a wrong type, without a word; here each such field is named. The
rules stand on their own: they take nothing from the code that writes the reports.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = Any

LEGACY = frozenset({"C11", "C12", "N1", "N2S"})
TWO_HEADS = frozenset({"O1D", "O1E", "O1C", "O1C2", "N6"})
IDLE_STAGE: Mapping[str, int] = {"C11": 255, "C12": 255, "N1": 0, "N2S": 0, "N9": 0}
"""`stg_cur` of an idle printer; -1 for all others."""
SHOWN_STATES = frozenset({"IDLE", "PREPARE", "RUNNING", "PAUSE", "SLICING", "FINISH", "FAILED"})

_HEX64 = re.compile(r"[0-9A-Fa-f]{1,16}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_VERSION = re.compile(r"\d{2}(\.\d{2}){3}")


class Need(StrEnum):
    """Which reports must have a field; where it is not needed it must still be right."""

    ALWAYS = "always"
    LEGACY = "legacy"
    NEW = "new protocol"
    OPTIONAL = "optional"


Kind = Callable[[Json], bool]


def string(value: Json) -> bool:
    """Text."""
    return isinstance(value, str)


def integer(value: Json) -> bool:
    """A whole number of 32 bits; `true` is none."""
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 31) <= value < 1 << 31


def unsigned(value: Json) -> bool:
    """An unsigned number of 32 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32


def number(value: Json) -> bool:
    """Any number; `true` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def scalar(value: Json) -> bool:
    """Text or a number: a slicer gets back what it sent."""
    return string(value) or number(value)


def boolean(value: Json) -> bool:
    """`true` or `false`; 0 and 1 are neither."""
    return isinstance(value, bool)


def array(value: Json) -> bool:
    """A list."""
    return isinstance(value, list)


def record(value: Json) -> bool:
    """An object."""
    return isinstance(value, dict)


def hex64(value: Json) -> bool:
    """Up to 64 bits in hexadecimal, as text without 0x."""
    return isinstance(value, str) and _HEX64.fullmatch(value) is not None


def hexadecimal(value: Json) -> bool:
    """Any number of bits in hexadecimal, as text without 0x."""
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def percent(value: Json) -> bool:
    """0 to 100, as text."""
    return isinstance(value, str) and value.isascii() and value.isdigit() and int(value) <= 100


def count(value: Json) -> bool:
    """A number as text, as fan speeds are."""
    return isinstance(value, str) and value.isascii() and value.isdigit()


def diameter(value: Json) -> bool:
    """A number, or a number as text."""
    return number(value) or (isinstance(value, str) and re.fullmatch(r"\d\.\d{1,2}", value) is not None)


def version(value: Json) -> bool:
    """Four pairs of digits."""
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def filled(value: Json) -> bool:
    """Text that is not empty."""
    return isinstance(value, str) and value != ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A field at a path; `[]` stands for each item of a list."""

    path: str
    kind: Kind
    need: Need = Need.ALWAYS


def _rules(kind: Kind, paths: str, need: Need = Need.ALWAYS) -> Iterator[Rule]:
    return (Rule(path, kind, need) for path in paths.split())


STATUS_RULES: tuple[Rule, ...] = (
    *_rules(
        string,
        "sequence_id command gcode_state print_type subtask_name task_id project_id profile_id subtask_id gcode_file "
        "wifi_signal nozzle_type mc_print_stage lights_report[].node lights_report[].mode "
        "ams.tray_now ams.tray_tar ams.tray_pre "
        "ipcam.ipcam_dev ipcam.ipcam_record ipcam.timelapse ipcam.resolution "
        "upload.status upload.message "
        "upgrade_state.status upgrade_state.progress upgrade_state.message upgrade_state.module",
    ),
    *_rules(percent, "gcode_file_prepare_percent"),
    *_rules(count, "cooling_fan_speed heatbreak_fan_speed big_fan1_speed big_fan2_speed"),
    *_rules(
        integer,
        "msg home_flag hw_switch_state layer_num total_layer_num queue_number net.conf stg_cur print_error "
        "mc_percent mc_remaining_time spd_lvl spd_mag ams_status ams.version ipcam.mode_bits upload.progress "
        "online.version upgrade_state.sequence_id upgrade_state.dis_state upgrade_state.err_code "
        "upgrade_state.new_version_state storage.free",
    ),
    *_rules(number, "nozzle_temper nozzle_target_temper bed_temper bed_target_temper chamber_temper storage.total"),
    *_rules(
        boolean,
        "sdcard online.ahb online.rfid upgrade_state.force_upgrade upgrade_state.consistency_request "
        "ams.insert_flag ams.power_on_flag",
    ),
    *_rules(array, "stg hms lights_report net.info ams.ams"),
    *_rules(record, "ams net ipcam xcam upload online upgrade_state storage"),
    *_rules(unsigned, "net.info[].ip net.info[].mask"),
    *_rules(diameter, "nozzle_diameter"),
    *_rules(
        hexadecimal,
        "ams.ams_exist_bits ams.tray_exist_bits ams.tray_is_bbl_bits ams.tray_read_done_bits ams.tray_reading_bits",
    ),
    *_rules(array, "upgrade_state.new_ver_list s_obj", Need.OPTIONAL),
    *_rules(integer, "flag3", Need.LEGACY),
    *_rules(string, "vt_tray.id vt_tray.tray_type vt_tray.tray_color vt_tray.tray_info_idx", Need.LEGACY),
    *_rules(hex64, "cfg fun aux stat", Need.NEW),
    *_rules(hexadecimal, "fun2", Need.OPTIONAL),
    *_rules(string, "ipcam.rtsp_url job_id err fail_reason ver", Need.OPTIONAL),
    *_rules(integer, "job_attr device.type", Need.NEW),
    *_rules(record, "device device.nozzle device.extruder", Need.NEW),
    *_rules(array, "device.nozzle.info device.extruder.info vir_slot", Need.NEW),
    *_rules(
        integer,
        "device.nozzle.exist device.nozzle.state device.nozzle.info[].id device.nozzle.info[].tm device.extruder.state "
        "device.extruder.info[].id device.extruder.info[].info device.extruder.info[].temp "
        "device.extruder.info[].snow device.extruder.info[].spre device.extruder.info[].star "
        "device.extruder.info[].stat device.extruder.info[].hnow",
        Need.NEW,
    ),
    *_rules(number, "device.nozzle.info[].diameter device.nozzle.info[].wear", Need.NEW),
    *_rules(array, "device.extruder.info[].filam_bak", Need.NEW),
    *_rules(string, "device.nozzle.info[].type vir_slot[].id vir_slot[].tray_type vir_slot[].tray_color", Need.NEW),
)

MODULE_RULES: tuple[Rule, ...] = (
    *_rules(filled, "module[].name module[].sw_ver module[].hw_ver"),
    *_rules(string, "module[].product_name module[].sn module[].loader_ver"),
    *_rules(boolean, "module[].visible", Need.OPTIONAL),
    *_rules(integer, "module[].flag", Need.OPTIONAL),
    *_rules(array, "module"),
    *_rules(string, "command"),
    *_rules(scalar, "sequence_id"),
)


def report_errors(report: Json, model: str) -> list[str]:
    """What a slicer would stumble over in a message of a printer of this model (DevModel); empty if nothing."""
    if not record(report) or len(report) != 1:
        return [f"a report is an object with one section, not {str(report)[:80]}"]
    section, body = next(iter(report.items()))
    if not record(body) or not string(body.get("command")):
        return [f"{section} has no command"]
    match section, body["command"]:
        case "print", "push_status":
            return list(_status_errors(body, model))
        case "info", "get_version":
            return list(_module_errors(body))
        case _:
            return [] if "sequence_id" in body else [f"{section}.{body['command']} repeats no sequence_id"]


def _status_errors(status: dict[str, Json], model: str) -> Iterator[str]:
    wrong = list(dict.fromkeys(_type_errors(STATUS_RULES, status, legacy=model in LEGACY)))
    yield from wrong
    if not wrong:
        yield from _common_sense(status, model)
        yield from _legacy_sense(status) if model in LEGACY else _new_protocol_sense(status, model)


def _module_errors(info: dict[str, Json]) -> Iterator[str]:
    wrong = list(_type_errors(MODULE_RULES, info, legacy=False))
    yield from wrong
    if wrong:
        return
    modules = info["module"]
    ota = [module for module in modules if module["name"] == "ota"]
    if len(ota) != 1 or not version(ota[0]["sw_ver"]) or not ota[0]["product_name"]:
        yield "there is not one module ota with a version and a product_name"
    for module in modules:
        if not module["sn"] and module["name"] not in {"ota", "xm"}:
            yield f"module {module['name']} has no sn"
        if "new_ver" in module:
            yield f"module {module['name']} offers an update (new_ver)"


def _type_errors(rules: tuple[Rule, ...], body: dict[str, Json], *, legacy: bool) -> Iterator[str]:
    for rule in rules:
        found = list(_at(body, rule.path.split("."), ""))
        needed = rule.need is Need.ALWAYS or rule.need is (Need.LEGACY if legacy else Need.NEW)
        for path, value in found:
            if value is _MISSING:
                if needed:
                    yield f"{path} is missing"
            elif not rule.kind(value):
                yield f"{path} is {value!r:.60}, not {rule.kind.__name__}"


_MISSING = object()


def _at(value: Json, path: list[str], walked: str) -> Iterator[tuple[str, Json]]:
    if not path:
        yield walked, value
        return
    name, each = path[0].removesuffix("[]"), path[0].endswith("[]")
    here = f"{walked}.{name}" if walked else name
    if not record(value) or name not in value:
        yield here, _MISSING
    elif not each:
        yield from _at(value[name], path[1:], here)
    elif array(value[name]):
        for index, item in enumerate(value[name]):
            yield from _at(item, path[1:], f"{here}[{index}]")


def _common_sense(status: dict[str, Json], model: str) -> Iterator[str]:
    state = status["gcode_state"]
    faults = {
        f"msg is {status['msg']}: not a full report": status["msg"] != 0,
        f"gcode_state {state!r} is unknown": state not in SHOWN_STATES,
        "print_error opens a dialog": status["print_error"] != 0,
        "home_flag says that storage is missing or not normal": status["home_flag"] >> 8 & 3 != 1,
        "sdcard is false": not status["sdcard"],
        "upgrade_state is not idle": status["upgrade_state"]["status"] != "IDLE"
        or status["upgrade_state"]["dis_state"] != 0,
        "print_type is that of the machine itself": status["print_type"] in {"system", "calibration"},
        "stg_cur is not that of an idle printer": status["stg_cur"] != IDLE_STAGE.get(model, -1),
        "net.info has no address": not any(entry["ip"] for entry in status["net"]["info"]),
        "printer_type overrides the model": status.get("printer_type", model) != model,
    }
    for name in ("project_id", "profile_id", "task_id", "subtask_id"):
        faults[f"{name} makes the slicer ask the cloud"] = status[name] not in {"0", ""}
    for name in ("mc_percent", "mc_remaining_time", "layer_num"):
        faults[f"{name} is not 0 though nothing prints"] = state not in {"RUNNING", "FINISH"} and status[name] != 0
    faults["idle, but with a file"] = state == "IDLE" and bool(status["gcode_file"] or status["subtask_name"])
    faults["idle, but prepared"] = state == "IDLE" and status["gcode_file_prepare_percent"] != "0"
    faults["finished, but not prepared"] = state == "FINISH" and status["gcode_file_prepare_percent"] != "100"
    if "rtsp_url" in status["ipcam"] and status["ipcam"]["rtsp_url"] != "disable":
        own = [".".join(map(str, entry["ip"].to_bytes(4, "little"))) for entry in status["net"]["info"]]
        faults["ipcam.rtsp_url leads elsewhere"] = not any(f"//{ip}" in status["ipcam"]["rtsp_url"] for ip in own)
    yield from (fault for fault, present in faults.items() if present)


def _legacy_sense(status: dict[str, Json]) -> Iterator[str]:
    for name in ("cfg", "fun", "fun2", "aux", "stat"):
        if name in status:
            yield f"{name} does not belong in a legacy report"


def _new_protocol_sense(status: dict[str, Json], model: str) -> Iterator[str]:
    device, heads = status["device"], 2 if model in TWO_HEADS else 1
    fun, fun2, aux = int(status["fun"], 16), int(status.get("fun2", "0"), 16), int(status["aux"], 16)
    faults = {
        "aux says that storage is missing or not normal": aux >> 12 & 3 != 1,
        "fun bit 29 asks for signed commands": fun >> 29 & 1,
        "fun bit 31 sends over port 6000": fun >> 31 & 1,
        "fun2 bit 0 prints over port 6000": fun2 & 1,
        "fun2 bit 17 stores internally": fun2 >> 17 & 1,
        "device.type is not 1": device["type"] != 1,
        "device.connection_type overrides LAN": "connection_type" in device,
        "device.extruder.state miscounts the heads": device["extruder"]["state"] & 0xF != heads,
        f"device.extruder.info has not {heads} heads": [head["id"] for head in device["extruder"]["info"]]
        != list(range(heads)),
        f"device.nozzle.info has not {heads} nozzles": len(device["nozzle"]["info"]) < heads,
        "vir_slot does not match the heads": [slot["id"] for slot in status["vir_slot"]]
        != (["254", "255"] if heads == 2 else ["255"]),
    }
    yield from (fault for fault, present in faults.items() if present)
