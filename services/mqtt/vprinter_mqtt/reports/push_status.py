"""The full `push_status` of a model, with slots where the moment's values go.

The types matter more than the values: a slicer stops reading a message at the first field of a wrong type.
"""

from enum import StrEnum

from vprinter_common.catalog import Model, ReportStyle
from vprinter_mqtt.reports.device import device, external_spool, spool_ids
from vprinter_mqtt.reports.looks import LOOKS, Look

ROOM_TEMPERATURE = 25.0
NO_SENSOR = 5.0
STORAGE_FREE = 1_000_000_000
STORAGE_TOTAL = 32_000_000_000


class Slot(StrEnum):
    """A value that is filled in for each report; as a JSON string it stands where the value goes."""

    SEQUENCE = "@sequence@"
    SERIAL = "@serial@"
    ADDRESS = "@address@"
    GCODE_STATE = "@gcode_state@"
    PERCENT_TEXT = "@percent_text@"
    PERCENT = "@percent@"
    GCODE_FILE = "@gcode_file@"
    SUBTASK_NAME = "@subtask_name@"
    DONE_PERCENT = "@done_percent@"
    REMAINING = "@remaining@"
    LAYER = "@layer@"
    LAYERS = "@layers@"


def push_status(model: Model) -> dict[str, object]:
    """The whole message."""
    look = LOOKS[model.code]
    report = _common(model, look)
    if model.report is ReportStyle.LEGACY:
        report |= _legacy(model)
    else:
        report |= _new_protocol(model, look)
    if model.flags.flag3 is not None:
        report |= _p1_family(model.flags.flag3)
    return {"print": report}


def _common(model: Model, look: Look) -> dict[str, object]:
    return {
        "command": "push_status",
        "msg": 0,
        "sequence_id": Slot.SEQUENCE,
        "gcode_state": Slot.GCODE_STATE,
        "gcode_file": Slot.GCODE_FILE,
        "gcode_file_prepare_percent": Slot.PERCENT_TEXT,
        "subtask_name": Slot.SUBTASK_NAME,
        # Anything but "0" makes slicers ask the cloud about the job.
        "project_id": "0",
        "profile_id": "0",
        "task_id": "0",
        "subtask_id": "0",
        "print_type": look.print_type,
        # Progress next to an idle state reads as busy and blocks Send: these stay as they are, and what has slots is 0
        # but while a mirrored printer prints.
        "mc_print_stage": "1",
        "mc_print_sub_stage": 0,
        "mc_percent": Slot.DONE_PERCENT,
        "mc_remaining_time": Slot.REMAINING,
        "stg": [],
        "stg_cur": look.stage,
        "layer_num": Slot.LAYER,
        "total_layer_num": Slot.LAYERS,
        "print_error": 0,
        "hms": [],
        "home_flag": model.flags.home_flag,
        "hw_switch_state": 0,
        "sdcard": True,
        "storage": {"free": STORAGE_FREE, "total": STORAGE_TOTAL},
        "nozzle_temper": ROOM_TEMPERATURE,
        "nozzle_target_temper": 0.0,
        "bed_temper": ROOM_TEMPERATURE,
        "bed_target_temper": 0.0,
        "chamber_temper": ROOM_TEMPERATURE if look.chamber else NO_SENSOR,
        "cooling_fan_speed": "0",
        "heatbreak_fan_speed": "0",
        "big_fan1_speed": "0",
        "big_fan2_speed": "0",
        "fan_gear": 0,
        "spd_lvl": 2,
        "spd_mag": 100,
        "nozzle_diameter": "0.4",
        "nozzle_type": look.nozzle,
        "wifi_signal": "-44dBm",
        "lights_report": [
            {"node": node, "mode": "flashing" if node == "work_light" else "off"} for node in look.lights
        ],
        "ams": _no_ams(),
        "ams_status": 0,
        "ams_rfid_status": 0,
        "online": {"ahb": False, "rfid": False, "version": 7},
        "net": {"conf": 0, "info": [{"ip": Slot.ADDRESS, "mask": 16777215}]},
        # No rtsp_url: there is no camera, and an address in it would be followed.
        "ipcam": {
            "ipcam_dev": "1",
            "ipcam_record": "disable",
            "timelapse": "disable",
            "resolution": "1080p",
            "tutk_server": "disable",
            "mode_bits": 3,
        },
        "xcam": {"buildplate_marker_detector": True},
        "upload": {"status": "idle", "progress": 0, "message": ""},
        "upgrade_state": _no_upgrade(),
        "force_upgrade": False,
        "queue_number": 0,
        "queue_total": 0,
        "queue_est": 0,
        "queue_sts": 0,
        "cali_version": 0,
        "s_obj": [],
    }


def _legacy(model: Model) -> dict[str, object]:
    return {"vt_tray": external_spool(spool_ids(model)[0])}


def _p1_family(flag3: int) -> dict[str, object]:
    # The A2L writes these as well: the P1's firmware with the new protocol on top.
    return {
        "flag3": flag3,
        "lifecycle": "product",
        "mess_production_state": "active",
        "mc_print_line_number": "0",
        "filam_bak": [],
        "k": "0.0200",
    }


def _new_protocol(model: Model, look: Look) -> dict[str, object]:
    fields: dict[str, object] = {
        name: value
        for name in ("cfg", "fun", "fun2", "aux", "stat")
        if (value := getattr(model.flags, name)) is not None
    }
    fields |= {
        "ver": look.ver,
        "upgrade_state": _no_upgrade()
        | {"sn": Slot.SERIAL, "ota_new_version_number": "", "ahb_new_version_number": "", "ams_new_version_number": ""},
        "device": device(model, look),
        "vir_slot": [external_spool(spool) for spool in spool_ids(model)],
        "3D": {"layer_num": Slot.LAYER, "total_layer_num": Slot.LAYERS},
        "job": {"cur_stage": {"idx": 0, "state": 0}, "stage": []},
        "job_attr": 0,
        "job_id": "0",
        "prepare_per": Slot.PERCENT,
        "percent": Slot.DONE_PERCENT,
        "remain_time": Slot.REMAINING,
        "state": 0,
        "err": "0",
        "ap_err": 0,
        "mc_err": 0,
        "fail_reason": "0",
        "mc_print_error_code": "0",
        "xcam_status": "0",
        "batch_id": 0,
        "canvas_id": 0,
        "plate_id": 0,
        "mapping": [],
    }
    if look.chamber:
        fields["info"] = {"temp": int(ROOM_TEMPERATURE)}
    if look.vt_tray:
        fields["vt_tray"] = external_spool(spool_ids(model)[0])
    return fields


def _no_ams() -> dict[str, object]:
    return {
        "ams": [],
        "ams_exist_bits": "0",
        "tray_exist_bits": "0",
        "tray_is_bbl_bits": "0",
        "tray_read_done_bits": "0",
        "tray_reading_bits": "0",
        "tray_now": "255",
        "tray_pre": "255",
        "tray_tar": "255",
        "version": 1,
        "insert_flag": False,
        "power_on_flag": False,
    }


def _no_upgrade() -> dict[str, object]:
    return {
        "sequence_id": 0,
        "status": "IDLE",
        "progress": "",
        "message": "",
        "module": "",
        "dis_state": 0,
        "err_code": 0,
        "force_upgrade": False,
        "consistency_request": False,
        "new_version_state": 2,
        "cur_state_code": 0,
        "new_ver_list": [],
    }
