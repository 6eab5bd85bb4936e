"""What slicers ask of a real printer, by what it does there; and the answer when it may not be asked.

A PUBLISH is judged as a whole, and by how *any* JSON reader could take it: printers' readers differ in what they do about
repeated keys, upper case and NUL. Whatever is not plainly harmless counts as control.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from vprinter_common.wire.project_file import parse as parse_project
from vprinter_common.wire.report import acknowledge, dumps

MAX_LABEL = 100
MAX_DETAIL = 255


class Kind(IntEnum):
    """What a command does; whoever may do one kind may do those before it."""

    VIEW = 0
    """It only asks."""
    FILES = 1
    """It changes stored files."""
    CONTROL = 2
    """It moves, heats, prints, sets up; or nobody knows what it does."""


def _table(**rows: str) -> Mapping[str, Kind]:
    return {command: Kind[kind.upper()] for kind, commands in rows.items() for command in commands.split()}


COMMANDS: Mapping[str, Mapping[str, Kind]] = {
    "pushing": _table(view="pushall start stop"),
    "info": _table(view="get_version"),
    "print": _table(
        view="extrusion_cali_get extrusion_cali_get_result flowrate_get_result get_auto_nozzle_mapping",
        control="""
            project_file gcode_file stop pause resume skip_objects gcode_line calibration
            ignore idle_ignore clean_print_error print_speed print_option
            ams_change_filament unload_filament ams_control ams_filament_setting ams_get_rfid ams_reset ams_user_setting
            ams_filament_drying auto_stop_ams_dry
            extrusion_cali extrusion_cali_set extrusion_cali_sel extrusion_cali_del flowrate_cali
            nozzle_holder_ctrl holder_nozzle_refresh refresh_nozzle nozzle_info_confirm select_extruder set_accessories
            set_airduct set_bed_temp set_nozzle_temp set_ctt set_fan set_extrusion_length
            set_against_continued_heating_mode xyz_ctrl back_to_center buzzer_ctrl close_air_filt
        """,
    ),
    "system": _table(
        # Whoever asks for the code has logged in with it.
        view="get_access_code get_accessories",
        control="ledctrl set_door_stat print_cache_set uiop set_accessories",
    ),
    "camera": _table(
        view="ipcam_get_media_info",
        files="ipcam_delete_oldest_timelapse",
        control="ipcam_record_set ipcam_timelapse ipcam_resolution_set ipcam_cap_pic_set",
    ),
    "xcam": _table(control="xcam_control_set"),
    "upgrade": _table(
        view="get_history",
        control="start upgrade_confirm consistency_confirm wtm_upgrade mc_for_ams_firmware_upgrade",
    ),
    # Without it no request of a newer slicer is understood, be it only a question. It grants nothing by itself.
    "security": _table(view="app_cert_install app_cert_list"),
}
"""Section -> command -> kind; Bambu Studio 2.8, of which OrcaSlicer 2.4 says a part, and other clients' few more."""

PRINTING = frozenset({("print", "project_file"), ("print", "gcode_file")})
"""Those that start a print."""
_SHOWN = (
    *("param", "led_node", "led_mode", "module_name", "control", "enable", "axis", "target", "temp", "speed"),
    *("ams_id", "slot_id", "tray_id", "extruder_id"),
)
"""Fields that say what a command is about; none of them can hold a secret."""
_SIGNATURE = "header"
_UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Command:
    """One section of a request."""

    section: str
    name: str
    kind: Kind
    known: bool
    """Whether it stands in the table."""
    detail: str = ""
    """What it is about: a file, a value."""
    body: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """`print.pause`."""
        return _clean(f"{self.section}.{self.name}" if self.name else self.section, MAX_LABEL)


class _Object(dict[str, object]):
    """A JSON object that remembers whether two of its keys could be taken for one."""

    ambiguous = False


def commands_in(payload: bytes) -> tuple[Command, ...]:
    """The commands of a request, at least one; a `header` with a signature is none."""
    try:
        frame = json.loads(payload.rstrip(b"\0 \t\r\n").decode(), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        frame = None
    if not isinstance(frame, _Object) or frame.ambiguous:
        return (_unknown(_UNREADABLE),)
    found = tuple(
        _command(section, body)
        for section, body in frame.items()
        if isinstance(body, dict | list) and section != _SIGNATURE
    )
    return found or (_unknown(_UNREADABLE),)


def refusal(commands: Iterable[Command], reason: str) -> bytes | None:
    """The printer's answer, as it were, to a request that does not reach it; None if it said nothing answerable.

    It bears no `err_code`, which would open a dialog.
    """
    answer = {
        each.section: acknowledge(each.body, result="fail", reason=reason)
        for each in commands
        if isinstance(each.body.get("command"), str)
    }
    return dumps(answer) if answer else None


def _command(section: str, body: object) -> Command:
    if not isinstance(body, _Object):
        return _unknown(section)
    name = body.get("command")
    if not isinstance(name, str):
        return _unknown(section, body=body)
    kind = COMMANDS.get(section, {}).get(name)
    if kind is None or body.ambiguous:
        return _unknown(section, name, body)
    return Command(section, name, kind, known=True, detail=_detail(section, name, body), body=body)


def _unknown(section: str, name: str = "", body: Mapping[str, object] | None = None) -> Command:
    return Command(section, name, Kind.CONTROL, known=False, body=body or {})


def _detail(section: str, name: str, body: Mapping[str, object]) -> str:
    if (section, name) in PRINTING:
        return _clean(parse_project(body).filename, MAX_DETAIL)
    shown = ((each, body[each]) for each in _SHOWN if isinstance(body.get(each), str | int | float))
    return _clean(", ".join(f"{each} {value}" for each, value in shown), MAX_DETAIL)


def _clean(text: str, limit: int) -> str:
    return "".join(each if each.isprintable() else " " for each in text[:limit]).strip()


def _object(pairs: list[tuple[str, object]]) -> _Object:
    found = _Object(pairs)
    found.ambiguous = len({name.partition("\0")[0].casefold() for name, _ in pairs}) < len(pairs)
    return found
