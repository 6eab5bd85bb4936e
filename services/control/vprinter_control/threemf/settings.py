"""The JSON members: `Metadata/project_settings.config` and `Metadata/plate_N.json`."""

from dataclasses import dataclass
from json import loads
from typing import Any

from vprinter_control.threemf import values
from vprinter_control.threemf.contents import MAX_FILAMENTS, MAX_OBJECT_NAME, MAX_OBJECTS, Filament
from vprinter_control.threemf.package import Unreadable

NAME = "Metadata/project_settings.config"
MOST = 2 * 1024 * 1024
"""Bytes: what is read of it takes many times its size in memory."""
_TOWER = "wipe_tower"

# What a slicer calls a bed type in G-code, and what in its dialogs.
_BEDS = {
    "cool_plate": "Cool Plate",
    "eng_plate": "Engineering Plate",
    "hot_plate": "High Temp Plate",
    "textured_plate": "Textured PEI Plate",
    "supertack_plate": "Cool Plate (SuperTack)",
    "textured_cool_plate": "Textured Cool Plate",
}


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """What was set for all plates. `types` and `colors` are by slot."""

    printer_model: str | None = None
    bed_type: str | None = None
    nozzle_mm: float | None = None
    types: tuple[str | None, ...] = ()
    colors: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class PlateSettings:
    """What the slicer wrote beside a plate's G-code. A filament has slot and colour only."""

    bed_type: str | None = None
    nozzle_mm: float | None = None
    filaments: tuple[Filament, ...] = ()
    objects: tuple[str, ...] = ()


def project(content: bytes) -> ProjectSettings:
    """The content of the project's member."""
    found = _object(NAME, content)
    return ProjectSettings(
        printer_model=values.text(found.get("printer_model"), 100),
        bed_type=bed_type(found.get("curr_bed_type")),
        nozzle_mm=values.positive(values.first(found.get("nozzle_diameter")), 10),
        types=tuple(values.text(type_, 32) for type_ in _list(found.get("filament_type"))[:MAX_FILAMENTS]),
        colors=tuple(values.color(color) for color in _list(found.get("filament_colour"))[:MAX_FILAMENTS]),
    )


def plate(name: str, content: bytes) -> PlateSettings:
    """The content of a plate's member."""
    found = _object(name, content)
    slots = [values.whole(slot, 10_000) for slot in _list(found.get("filament_ids"))[:64]]
    colors = [values.color(color) for color in _list(found.get("filament_colors"))[: len(slots)]]
    colors += [None] * (len(slots) - len(colors))
    boxes = _list(found.get("bbox_objects"))[:MAX_OBJECTS]
    names = [values.text(box.get("name"), MAX_OBJECT_NAME) for box in boxes if isinstance(box, dict)]
    return PlateSettings(
        bed_type=bed_type(found.get("bed_type")),
        nozzle_mm=values.positive(found.get("nozzle_diameter"), 10),
        filaments=tuple(
            Filament(slot + 1, color=color) for slot, color in zip(slots, colors, strict=True) if slot is not None
        ),
        objects=tuple(name for name in names if name and name != _TOWER),
    )


def bed_type(value: Any) -> str | None:
    """A bed type as the dialogs call it."""
    name = values.text(value, 64)
    return _BEDS.get(name, name) if name else None


def _object(name: str, content: bytes) -> dict[str, Any]:
    try:
        found = loads(content)
    except (ValueError, RecursionError) as error:  # also a number of too many digits, or an encoding that does not fit
        raise Unreadable(f"{name} is not JSON: {error}"[:300]) from error
    if not isinstance(found, dict):
        raise Unreadable(f"{name} is not a JSON object")
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
