"""What the reader finds. None = the file does not say."""

from dataclasses import dataclass
from enum import StrEnum

VERSION = 1
"""Of the reader: files that an older one read are read again. Raise it whenever the reader finds more or other things."""

MAX_PLATES = 1000
MAX_FILAMENTS = 1000
"""Of all plates together."""
MAX_OBJECTS = 2000
"""Of all plates together."""
MAX_OBJECT_NAME = 120
MAX_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class Filament:
    """A filament that a plate uses. `slot` counts from 1; `color` is #RRGGBB."""

    slot: int
    type: str | None = None
    color: str | None = None
    grams: float | None = None
    metres: float | None = None


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate. `index` counts from 1; `nozzle_mm` is the nozzle's diameter, `height_mm` the print's height."""

    index: int
    name: str | None = None
    seconds: int | None = None
    grams: float | None = None
    layers: int | None = None
    height_mm: float | None = None
    bed_type: str | None = None
    nozzle_mm: float | None = None
    filaments: tuple[Filament, ...] = ()
    objects: tuple[str, ...] = ()
    thumbnail: bool = False


@dataclass(frozen=True, slots=True)
class Slicer:
    """The program that sliced it, as it calls itself."""

    name: str
    version: str | None = None


class WarnCode(StrEnum):
    """What somebody should know before printing; stable."""

    NOT_SLICED = "not_sliced"
    OUTSIDE_PLATE = "outside_plate"
    SLICER_WARNING = "slicer_warning"


@dataclass(frozen=True, slots=True)
class Warn:
    """A warning; `text` is for people."""

    code: WarnCode
    text: str


@dataclass(frozen=True, slots=True)
class Contents:
    """A file. It has at least one plate; `error` says what of it could not be read.

    `sliced_for` is a code of our catalog, `sliced_for_name` the printer's name, also of one that the catalog lacks.
    `reader` 0 asks for another attempt later.
    """

    plates: tuple[Plate, ...] = (Plate(1),)
    title: str | None = None
    designer: str | None = None
    slicer: Slicer | None = None
    sliced_for: str | None = None
    sliced_for_name: str | None = None
    makerworld_url: str | None = None
    design_id: str | None = None
    warnings: tuple[Warn, ...] = ()
    error: str | None = None
    reader: int = VERSION
