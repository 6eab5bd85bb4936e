"""The `project_file` that the Print button sends."""

from pathlib import PurePosixPath
from typing import Any


def print_command(filename: str, plate: int, folder: str) -> dict[str, Any]:
    """The command without its sequence_id, with the options as the dialog has them at first."""
    return {
        "command": "project_file",
        "param": f"Metadata/plate_{plate}.gcode",
        "file": filename,
        "url": f"file:///{folder}/{filename}" if folder else f"ftp://{filename}",
        "md5": "from_sd_card",
        "subtask_name": job_name(filename),
        **dict.fromkeys(("project_id", "profile_id", "task_id", "subtask_id"), "0"),
        "bed_type": "textured_plate",
        "timelapse": False,
        "bed_leveling": True,
        "auto_bed_leveling": 2,
        "flow_cali": False,
        "extrude_cali_flag": 2,
        "nozzle_offset_cali": 2,
        "vibration_cali": True,
        "layer_inspect": False,
        "use_ams": False,
        "ams_mapping": [-1],
        "ams_mapping2": [{"ams_id": 255, "slot_id": 255}],
        "cfg": "0",
    }


def job_name(filename: str) -> str:
    """The name of a job as slicers make it of a file's name."""
    name = PurePosixPath(filename).name
    return name.removesuffix(".3mf").removesuffix(".gcode")
