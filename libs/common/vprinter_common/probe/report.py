"""What slicers need of a printer's reports before they send. No I/O.

A slicer stops reading a report at the first field of a wrong type, without a word; so each is named here.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vprinter_common.probe.mqtt import Reports
from vprinter_common.wire.report import ReportError, ip_from_u32_le

STORAGE_NORMAL = 1
_HOME_STORAGE, _AUX_STORAGE = 8, 12
_INDENTED = b"{\n    "

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "gcode_state": str,
    "gcode_file": str,
    "subtask_name": str,
    "mc_percent": int,
    "mc_remaining_time": int,
    "print_error": int,
    "stg_cur": int,
    "sdcard": bool,
    "upgrade_state": dict,
    "nozzle_diameter": (str, float, int),
}


def complaints(reports: Reports, address: str) -> list[str]:
    """Why a slicer would not send after these reports; nothing if it would. `address`: where the printer is."""
    status = reports.status
    checks: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _form(reports.raw),
        lambda: _types(status),
        lambda: _storage(status),
        lambda: _addresses(status, address),
        lambda: _modules(reports.version),
    )
    return [complaint for check in checks for complaint in check()]


def _form(raw: bytes) -> Iterator[str]:
    if not raw.startswith(_INDENTED):
        yield "the report is not indented by four: slicers then never start to send"


def _types(status: Mapping[str, Any]) -> Iterator[str]:
    for name, kind in _TYPES.items():
        value = status.get(name)
        if value is None:
            yield f"{name} is missing"
        elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            yield f"{name} is {str(value)[:40]!r}, of a type that slicers stop at"


def _storage(status: Mapping[str, Any]) -> Iterator[str]:
    if status.get("sdcard") is False:
        yield "sdcard is false: slicers ask for a memory card"
    if isinstance(flags := status.get("home_flag"), int) and (state := flags >> _HOME_STORAGE & 3) != STORAGE_NORMAL:
        yield f"home_flag says storage state {state}, only {STORAGE_NORMAL} (normal) lets a slicer send"
    if isinstance(aux := status.get("aux"), str):
        try:
            state = int(aux, 16) >> _AUX_STORAGE & 3
        except ValueError:
            yield f"aux is {aux[:20]!r}, not hexadecimal"
        else:
            if state != STORAGE_NORMAL:
                yield f"aux says storage state {state}, only {STORAGE_NORMAL} (normal) lets a slicer send"


def _addresses(status: Mapping[str, Any], address: str) -> Iterator[str]:
    match status.get("net"):
        case {"info": list(entries)}:
            for entry in entries:
                match entry:
                    case {"ip": int(number)} if number:
                        yield from _foreign(number, address)


def _foreign(number: int, address: str) -> Iterator[str]:
    try:
        told = ip_from_u32_le(number)
    except ReportError as error:
        yield f"net.info: {error}"
    else:
        if told != address:
            yield f"net.info leads slicers to {told}, the printer is at {address}"


def _modules(version: Mapping[str, Any]) -> Iterator[str]:
    modules = version.get("module")
    if not isinstance(modules, list) or not modules:
        yield "get_version names no modules, so the printer never counts as ready"
        return
    names = {module.get("name") for module in modules if isinstance(module, dict) and module.get("sw_ver")}
    if "ota" not in names:
        yield "get_version has no firmware version (module ota)"
