"""The hardware part of a report: heads, nozzles, and the external spool."""

from vprinter_common.catalog import Model, ReportStyle
from vprinter_mqtt.reports.looks import Look

TEMPERATURE = 25
NO_FILAMENT = 0xFFFF
HAS_NOZZLE = 0b1000
"""Bit of `device.extruder.info[].info`."""


def device(model: Model, look: Look) -> dict[str, object]:
    """`device` of a new-protocol report. Never with `connection_type`: it would override LAN."""
    heads = range(model.nozzles)
    parts: dict[str, object] = {
        "type": 1,
        "nozzle": {
            "exist": (1 << model.nozzles) - 1,
            "state": 0,
            "info": [{"id": head, "type": look.head, "diameter": 0.4, "wear": 0, "tm": 0} for head in heads],
        },
        # The low four bits of `state` count the heads.
        "extruder": {"state": model.nozzles, "info": [_extruder(head) for head in heads]},
        "bed": {"state": 0, "info": {"temp": TEMPERATURE}},
        "bed_temp": TEMPERATURE,
        "fan": 0,
        "plate": {"base": 1, "mat": 1, "cur_id": "", "tar_id": "", "cali2d_id": ""},
        "ext_tool": {"calib": 2, "low_prec": True, "mount": 0, "th_temp": 0, "type": ""},
    }
    if look.chamber:
        parts["ctc"] = {"state": 0, "info": {"temp": TEMPERATURE}}
    if look.rack:
        parts["holder"] = {"info": 0, "job": 0, "pos": 0, "stat": 0, "step": [0]}
    return parts


def _extruder(head: int) -> dict[str, object]:
    return {
        "id": head,
        "info": HAS_NOZZLE,
        "temp": TEMPERATURE,
        "stat": 0,
        "snow": NO_FILAMENT,
        "spre": NO_FILAMENT,
        "star": NO_FILAMENT,
        "hnow": head,
        "hpre": head,
        "htar": head,
        "filam_bak": [],
    }


def spool_ids(model: Model) -> tuple[str, ...]:
    """Ids of the external spools, main head's last: 254 and 255 with two heads, 254 alone on legacy models."""
    if model.report is ReportStyle.LEGACY:
        return ("254",)
    return ("254", "255") if model.nozzles == 2 else ("255",)


def external_spool(spool: str) -> dict[str, object]:
    """An empty external spool."""
    return {
        "id": spool,
        "tag_uid": "0" * 16,
        "tray_uuid": "0" * 32,
        "xcam_info": "0" * 24,
        "tray_id_name": "",
        "tray_info_idx": "",
        "tray_type": "",
        "tray_sub_brands": "",
        "tray_color": "00000000",
        "cols": ["00000000"],
        "ctype": 0,
        "tray_weight": "0",
        "tray_diameter": "1.75",
        "tray_temp": "0",
        "tray_time": "0",
        "bed_temp_type": "0",
        "bed_temp": "0",
        "nozzle_temp_max": "0",
        "nozzle_temp_min": "0",
        "remain": 0,
        "k": 0.02,
        "n": 1,
        "cali_idx": -1,
    }
