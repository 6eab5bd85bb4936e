"""What real printers report, in the shapes of their families. Values are made up, names and types are not."""

import struct
from socket import inet_aton
from typing import Any

from vprinter_common.catalog import Model, ReportStyle, Storage

Json = dict[str, Any]

SIGNED, TUNNEL = 29, 31
"""Bits of `fun`: commands must be signed; files go through port 6000."""
EMPTY_UID, EMPTY_UUID = "0" * 16, "0" * 32
FULL_TRAY = 11
AMS_LITE = frozenset({"N1", "N2S"})


def as_number(address: str) -> int:
    """`net.info[].ip` of an IPv4 address."""
    return int(struct.unpack("<I", inet_aton(address))[0])


def is_legacy(model: Model) -> bool:
    """P1 and A1 families."""
    return model.report is ReportStyle.LEGACY


def full_report(model: Model, serial: str, address: str, *, others: tuple[str, ...], signed: bool) -> Json:
    """The `print` object of a full push_status of an idle printer. `others`: addresses of its further interfaces."""
    report = _common(model, address, others)
    report |= _legacy(model) if is_legacy(model) else _new_protocol(model, serial, address, signed=signed)
    return report


def _common(model: Model, address: str, others: tuple[str, ...]) -> Json:
    legacy = is_legacy(model)
    interfaces = [{"ip": as_number(each), "mask": 16777215} for each in (address, *others)]
    return {
        "upgrade_state": {
            "sequence_id": 0,
            "progress": "",
            "status": "IDLE",
            "consistency_request": False,
            "dis_state": 0,
            "err_code": 0,
            "force_upgrade": False,
            "message": "0%, 0B/s",
            "module": "",
            "new_version_state": 2,
            "cur_state_code": 0,
            "new_ver_list": [],
        },
        "ipcam": {
            "ipcam_dev": "1",
            "ipcam_record": "disable",
            "timelapse": "disable",
            "resolution": "1080p",
            "tutk_server": "disable",
            "mode_bits": 3,
        }
        | ({} if legacy else {"rtsp_url": f"rtsps://{address}:322/streaming/live/1"}),
        "xcam": {"buildplate_marker_detector": True},
        "upload": {"status": "idle", "progress": 0, "message": ""},
        # The last entry stands for an interface that is not connected.
        "net": {"conf": 0, "info": [*interfaces, {"ip": 0, "mask": 0}]},
        "nozzle_temper": 27.8125,
        "nozzle_target_temper": 0,
        "bed_temper": 24.75,
        "bed_target_temper": 0,
        "chamber_temper": 5 if legacy else 31.0,
        "mc_print_stage": "1",
        "mc_print_sub_stage": 0,
        "mc_percent": 0,
        "mc_remaining_time": 0,
        "heatbreak_fan_speed": "0",
        "cooling_fan_speed": "0",
        "big_fan1_speed": "0",
        "big_fan2_speed": "0",
        "fan_gear": 0,
        "ams_status": 0,
        "ams_rfid_status": 0,
        "hw_switch_state": 1,
        "spd_mag": 100,
        "spd_lvl": 2,
        "print_error": 0,
        "wifi_signal": "-53dBm",
        "gcode_state": "IDLE",
        "gcode_file": "",
        "gcode_file_prepare_percent": "0",
        "queue_number": 0,
        "project_id": "0",
        "profile_id": "0",
        "task_id": "0",
        "subtask_id": "0",
        "subtask_name": "",
        "stg": [],
        "stg_cur": _idle_stage(model),
        "print_type": "idle",
        "home_flag": model.flags.home_flag,
        "sdcard": True,
        "storage": {"free": 1_500_000_000, "total": 31_268_536_320},
        "force_upgrade": False,
        "layer_num": 0,
        "total_layer_num": 0,
        "s_obj": [],
        "nozzle_diameter": "0.4",
        "nozzle_type": "stainless_steel" if legacy else "hardened_steel",
        "hms": [],
        "online": {"ahb": False, "rfid": False, "version": 1804806695},
        "ams": _ams(model),
        "lights_report": [{"node": "chamber_light", "mode": "on"}],
    }


def _idle_stage(model: Model) -> int:
    return {"C11": 255, "C12": 255, "N1": 0, "N2S": 0, "N9": 0}.get(model.code, -1)


def _legacy(model: Model) -> Json:
    return {
        "lifecycle": "product",
        "mc_print_line_number": "0",
        "mess_production_state": "active",
        "filam_bak": [],
        "k": "0.0200",
        "flag3": model.flags.flag3,
        "vt_tray": _spool("254", "PETG", "GFG99", "161616FF"),
    }


def _new_protocol(model: Model, serial: str, address: str, *, signed: bool) -> Json:
    flags = model.flags
    fun = int(flags.fun or "0", 16) | 1 << TUNNEL | int(signed) << SIGNED
    report: Json = {
        "fun": f"{fun:X}",
        "cfg": flags.cfg,
        "aux": flags.aux,
        "stat": flags.stat,
        "ver": "20010",
        "job_attr": 0,
        "job_id": "0",
        "err": "0",
        "fail_reason": "0",
        "device": _device(model),
        "vir_slot": [_spool(each, "PLA", "GFL99", "F2754EFF") for each in ("254", "255")[-model.nozzles :]],
        "vt_tray": _spool("254", "PLA", "GFL99", "F2754EFF"),
        "3D": {"layer_num": 0, "total_layer_num": 0},
        "job": {"cur_stage": {"idx": 0, "state": 0}, "stage": []},
        "sn": serial,
        "xcam_status": "0",
    }
    if Storage.EMMC in model.storage:
        report["fun2"] = f"{int(flags.fun2 or '0', 16) | 1:X}"
    return report


def _device(model: Model) -> Json:
    heads = range(model.nozzles)
    return {
        "type": 1,
        "connection_type": "cloud",
        "bed": {"info": {"temp": 24}, "state": 0},
        "bed_temp": 24,
        "ctc": {"info": {"temp": 31}, "state": 0},
        "nozzle": {
            "exist": (1 << model.nozzles) - 1,
            "state": 0,
            "info": [{"id": head, "type": "HS01", "diameter": 0.4, "wear": 0, "tm": 0} for head in heads],
        },
        "extruder": {
            "state": model.nozzles,
            "info": [
                {
                    "id": head,
                    "info": 14,
                    "temp": 27,
                    "snow": 65535,
                    "spre": 65535,
                    "star": 65535,
                    "stat": 0,
                    "hnow": head,
                    "hpre": head,
                    "htar": head,
                    "filam_bak": [],
                }
                for head in heads
            ],
        },
        "plate": {"base": 1, "mat": 1, "cur_id": "", "tar_id": "", "cali2d_id": ""},
    }


def _ams(model: Model) -> Json:
    """One unit with three loaded trays and an empty fourth."""
    trays = [
        _tray("0", "PLA", "GFA00", "76D9F4FF", "PLA Basic"),
        _tray("1", "PETG", "GFG02", "FFF144FF", "PETG HF"),
        _tray("2", "ABS", "GFB00", "D32941FF", "ABS"),
        {"id": "3"},
    ]
    unit: Json = {"id": "0", "humidity": "4", "temp": "26.2", "tray": trays}
    if not is_legacy(model):
        unit |= {"info": "1001", "humidity_raw": "8", "dry_time": 0}
    return {
        "ams": [unit],
        "ams_exist_bits": "1",
        "tray_exist_bits": "7",
        "tray_is_bbl_bits": "7",
        "tray_tar": "255",
        "tray_now": "255",
        "tray_pre": "255",
        "tray_read_done_bits": "7",
        "tray_reading_bits": "0",
        "version": 89,
        "insert_flag": True,
        "power_on_flag": False,
    }


def _tray(slot: str, kind: str, code: str, color: str, brand: str) -> Json:
    return _spool(slot, kind, code, color) | {
        "tray_sub_brands": brand,
        "tray_weight": "1000",
        "tray_diameter": "1.75",
        "tag_uid": f"DE6CF0730000010{slot}",
        "tray_uuid": f"5F3D8925633343C29FB9A97FA912597{slot}",
        "remain": 80 - 10 * int(slot),
        "state": FULL_TRAY,
        "ctype": 0,
        "cols": [color],
    }


def _spool(slot: str, kind: str, code: str, color: str) -> Json:
    return {
        "id": slot,
        "tag_uid": EMPTY_UID,
        "tray_id_name": "",
        "tray_info_idx": code,
        "tray_type": kind,
        "tray_sub_brands": "",
        "tray_color": color,
        "tray_weight": "0",
        "tray_diameter": "0.00",
        "tray_temp": "0",
        "tray_time": "0",
        "bed_temp_type": "0",
        "bed_temp": "0",
        "nozzle_temp_max": "240",
        "nozzle_temp_min": "190",
        "xcam_info": "0" * 24,
        "tray_uuid": EMPTY_UUID,
        "remain": 0,
        "k": 0.02,
        "n": 1,
        "cali_idx": -1,
    }


def modules(model: Model, serial: str) -> list[Json]:
    """`module[]` of get_version: each board has a serial number of its own, `ota` has the printer's."""
    legacy = is_legacy(model)
    ams = ("ams_f1/0" if model.code in AMS_LITE else "ams/0") if legacy else "n3f/0"
    boards = [
        ("ota", model.firmware, "OTA" if legacy else "N/A", serial, 3),
        ("esp32" if legacy else "ap", "01.11.35.64", "AP04", f"AP{serial[2:]}", 0),
        ("mc", "00.01.32.85", "MC07", f"MC{serial[2:]}", 0),
        ("th", "00.00.09.95", "TH09", f"TH{serial[2:]}", 0),
        (ams, "00.00.06.49", "AMS08", f"AM{serial[2:]}", 0),
    ]
    listed: list[Json] = [
        {
            "name": name,
            "sw_ver": software,
            "hw_ver": hardware,
            "loader_ver": "00.00.00.00",
            "sn": own,
            "flag": flag,
            "product_name": "",
            "visible": name in ("ota", ams),
        }
        for name, software, hardware, own, flag in boards
    ]
    listed[0]["product_name"] = model.version_name
    listed[-1]["product_name"] = "AMS Lite" if model.code in AMS_LITE else "AMS 2 Pro (1)"
    return [each | {"project_name": model.code} for each in listed] if legacy else listed
