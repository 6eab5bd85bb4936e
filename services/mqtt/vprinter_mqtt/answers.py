"""What is said to each command: one table, and the shapes of the answers.

A printer that exists would act on many of these. This one has no hardware: it agrees to what harms nobody if it is not
done (a lamp, a preference), and refuses, with a reason and without an error dialog, what a person would wait for.
"""

from collections.abc import Mapping
from enum import StrEnum

from vprinter_common.wire.project_file import ProjectFile
from vprinter_common.wire.report import acknowledge, echo
from vprinter_mqtt.job import View


class Policy(StrEnum):
    """How a command is answered."""

    PUSH = "push"
    """A full report; there is no other answer."""
    SILENT = "silent"
    VERSION = "version"
    ACCESS_CODE = "access_code"
    PRINT = "print"
    """The job begins, and is acknowledged."""
    STOP = "stop"
    """The job ends, and that succeeds."""
    EMPTY = "empty"
    """A well-formed answer to a query, with nothing in it."""
    AGREE = "agree"
    REFUSE = "refuse"


def _table(**rows: str) -> Mapping[str, Policy]:
    return {command: Policy(policy) for policy, commands in rows.items() for command in commands.split()}


POLICIES: Mapping[str, Mapping[str, Policy]] = {
    "pushing": _table(push="pushall start", silent="stop"),
    "info": _table(version="get_version"),
    "print": _table(
        print="project_file gcode_file",
        stop="stop",
        empty="extrusion_cali_get extrusion_cali_get_result flowrate_get_result get_auto_nozzle_mapping",
        agree="""
            ignore idle_ignore clean_print_error print_speed print_option ams_user_setting extrusion_cali_sel
            set_against_continued_heating_mode auto_stop_ams_dry buzzer_ctrl nozzle_info_confirm
        """,
        # Nothing is printing; nothing moves, heats or is loaded; and no filament or calibration is remembered.
        refuse="""
            pause resume skip_objects gcode_line calibration
            ams_change_filament unload_filament ams_control ams_filament_setting ams_get_rfid ams_reset
            ams_filament_drying
            extrusion_cali extrusion_cali_set extrusion_cali_del flowrate_cali
            nozzle_holder_ctrl holder_nozzle_refresh refresh_nozzle select_extruder set_accessories
            set_airduct set_bed_temp set_nozzle_temp set_ctt set_fan set_extrusion_length xyz_ctrl back_to_center
            close_air_filt
        """,
    ),
    "system": _table(
        access_code="get_access_code",
        empty="get_accessories",
        agree="ledctrl set_door_stat print_cache_set uiop",
        refuse="set_accessories",
    ),
    "camera": _table(
        empty="ipcam_get_media_info",
        agree="ipcam_record_set ipcam_timelapse ipcam_resolution_set ipcam_cap_pic_set",
        refuse="ipcam_delete_oldest_timelapse",
    ),
    "xcam": _table(agree="xcam_control_set"),
    "upgrade": _table(
        empty="get_history",
        refuse="start upgrade_confirm consistency_confirm wtm_upgrade mc_for_ams_firmware_upgrade",
    ),
    # Success would promise a printer certificate to encrypt commands with. Slicers ask on, harmlessly.
    "security": _table(silent="app_cert_install app_cert_list"),
}
"""Section -> command -> policy. What is not listed is met with silence, as real printers do."""

EMPTY: Mapping[str, Mapping[str, object]] = {
    "extrusion_cali_get": {"filaments": []},
    "extrusion_cali_get_result": {"filaments": []},
    "flowrate_get_result": {"filaments": []},
    "get_auto_nozzle_mapping": {"mapping": []},
    "get_accessories": {"accessory_type": "none"},
    # This one answer has a number for a result; the storage itself is told in the reports.
    "ipcam_get_media_info": {"result": 0},
    "get_history": {"firmware_optional": []},
}
"""Fields of the empty answers, by command."""

ECHOED = ("filament_id", "nozzle_diameter", "extruder_id", "nozzle_id")
"""Fields of a query that its answer repeats, so that the asker knows what is empty."""

REFUSAL = "a virtual printer has no hardware for this"
NOT_PASSED_ON = (
    "this virtual printer shows a real one, but passes this on to it only if it may control it and is connected"
)
NO_ANSWER = "the real printer does not answer"


def refuse(request: Mapping[str, object], reason: str = REFUSAL) -> dict[str, object]:
    """A failure. No `err_code`: that would open a dialog."""
    return acknowledge(request, result="fail", reason=reason)


def empty(request: Mapping[str, object]) -> dict[str, object]:
    """A query's answer with nothing in it."""
    repeated = {name: echo(request[name]) for name in ECHOED if name in request}
    return acknowledge(request, **repeated, **EMPTY[str(request["command"])])


def version(request: Mapping[str, object], modules: list[dict[str, object]]) -> dict[str, object]:
    """The `get_version` answer."""
    return acknowledge(request, module=modules)


def project_file(request: Mapping[str, object], project: ProjectFile, view: View) -> dict[str, object]:
    """The acknowledgement of a print. Its SUCCESS is in capitals on real printers."""
    return acknowledge(
        request,
        param=project.param,
        subtask_name=view.subtask_name,
        gcode_state=view.gcode_state,
        gcode_file=view.filename,
        gcode_file_prepare_percent=str(view.percent),
        result="SUCCESS",
        msg=0,
    )
