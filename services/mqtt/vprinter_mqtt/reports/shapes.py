"""Whether a part of another printer's report has the types that slicers demand; nothing of a wrong type is shown."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]


def text(value: object) -> bool:
    """Text."""
    return isinstance(value, str)


def whole(value: object) -> bool:
    """A whole number of 32 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 31) <= value < 1 << 31


def number(value: object) -> bool:
    """Any number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def truth(value: object) -> bool:
    """`true` or `false`."""
    return isinstance(value, bool)


def count(value: object) -> bool:
    """A number as text, as fan speeds are."""
    return isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}", value) is not None


def diameter(value: object) -> bool:
    """A nozzle's; a number, or one as text."""
    return number(value) or (isinstance(value, str) and re.fullmatch(r"[0-9]\.[0-9]{1,2}", value) is not None)


def bits(value: object) -> bool:
    """A number in hexadecimal, as text."""
    return isinstance(value, str) and re.fullmatch(r"[0-9A-Fa-f]{1,64}", value) is not None


def word(value: object) -> bool:
    """64 bits in hexadecimal, as text."""
    return bits(value) and len(str(value)) <= 16


def array(value: object) -> bool:
    """A list of whatever."""
    return isinstance(value, list)


def each(shape: "Check | Mapping[str, Check]") -> Check:
    """A list whose every item is like that."""
    return lambda value: isinstance(value, list) and all(like(shape, item) for item in value)


def has(**fields: Check) -> Check:
    """An object that has these fields, among others."""
    return lambda value: like(fields, value)


def may_have(**fields: Check) -> Check:
    """An object whose fields of these names, where they are, are like that."""
    return lambda value: (
        isinstance(value, dict) and all(check(value[name]) for name, check in fields.items() if name in value)
    )


def like(shape: Check | Mapping[str, Check], value: Any) -> bool:
    """Whether a value is what a shape says."""
    if not isinstance(shape, Mapping):
        return shape(value)
    return isinstance(value, dict) and all(name in value and check(value[name]) for name, check in shape.items())


TRAY = may_have(
    tray_type=text,
    tray_color=text,
    tray_info_idx=text,
    tray_sub_brands=text,
    tray_id_name=text,
    tag_uid=text,
    tray_uuid=text,
    tray_weight=text,
    tray_diameter=text,
    nozzle_temp_max=text,
    nozzle_temp_min=text,
    bed_temp=text,
    cols=each(text),
    remain=whole,
    state=whole,
    ctype=whole,
    cali_idx=whole,
    total_len=whole,
    k=number,
    n=number,
)
UNIT = may_have(info=bits, humidity=text, humidity_raw=text, temp=text, dry_time=whole)
AMS: Mapping[str, Check] = {
    "ams_exist_bits": bits,
    "tray_exist_bits": bits,
    "tray_is_bbl_bits": bits,
    "tray_read_done_bits": bits,
    "tray_reading_bits": bits,
    "tray_now": text,
    "tray_pre": text,
    "tray_tar": text,
    "version": whole,
    "insert_flag": truth,
    "power_on_flag": truth,
    "cali_id": whole,
    "cali_stat": whole,
    "unbind_ams_stat": whole,
}
_TEMPERATURE = has(state=whole, info=has(temp=whole))
DEVICE: Mapping[str, Check] = {
    "nozzle": has(
        exist=whole, state=whole, info=each(has(id=whole, type=text, diameter=number, wear=number, tm=whole))
    ),
    "extruder": has(
        state=whole,
        info=each(
            has(
                id=whole,
                info=whole,
                temp=whole,
                snow=whole,
                spre=whole,
                star=whole,
                stat=whole,
                hnow=whole,
                filam_bak=array,
            )
        ),
    ),
    "bed": _TEMPERATURE,
    "ctc": _TEMPERATURE,
    "bed_temp": whole,
    "fan": whole,
    "plate": has(base=whole, mat=whole),
    "ext_tool": has(mount=whole, type=text),
    "holder": has(info=whole, pos=whole),
    "airduct": has(parts=array),
}
MODULE = has(name=text, sw_ver=text, hw_ver=text, sn=text)
