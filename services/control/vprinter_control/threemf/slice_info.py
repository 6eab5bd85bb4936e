"""`Metadata/slice_info.config`: what the slicer worked out for each plate. Every key may be missing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from vprinter_control.threemf import values
from vprinter_control.threemf.contents import (
    MAX_FILAMENTS,
    MAX_OBJECT_NAME,
    MAX_OBJECTS,
    MAX_PLATES,
    MAX_WARNINGS,
    Filament,
    Warn,
    WarnCode,
)
from vprinter_control.threemf.xml import Attributes, local, parse

NAME = "Metadata/slice_info.config"
MAX_SECONDS = 10 * 365 * 86400


@dataclass(slots=True)
class SlicedPlate:
    """A plate as it was sliced."""

    metadata: dict[str, str] = field(default_factory=dict)
    filaments: list[Filament] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    warnings: list[Attributes] = field(default_factory=list)

    @property
    def index(self) -> int | None:
        """Its number."""
        return values.whole(self.metadata.get("index"), MAX_PLATES) or None

    @property
    def seconds(self) -> int | None:
        """How long printing it takes."""
        predicted = values.positive(self.metadata.get("prediction"), MAX_SECONDS)
        return round(predicted) if predicted else None

    @property
    def grams(self) -> float | None:
        """What it weighs."""
        return values.positive(self.metadata.get("weight"))

    @property
    def nozzle_mm(self) -> float | None:
        """The diameter of the (first) nozzle."""
        return values.positive(values.first(self.metadata.get("nozzle_diameters")), 10)


@dataclass(slots=True)
class SliceInfo:
    """All plates by their numbers, and the header."""

    header: dict[str, str] = field(default_factory=dict)
    plates: dict[int, SlicedPlate] = field(default_factory=dict)

    @property
    def model(self) -> str | None:
        """Code of the printer model that it was sliced for."""
        found = (values.text(plate.metadata.get("printer_model_id"), 64) for plate in self.plates.values())
        return next((code for code in found if code), None)

    @property
    def warnings(self) -> tuple[Warn, ...]:
        """What the slicer warned of."""
        return tuple(warn for index, plate in sorted(self.plates.items()) for warn in _warnings(index, plate))


def read(chunks: Iterable[bytes]) -> SliceInfo:
    """The content of the member."""
    reading = _Reading()
    parse(NAME, chunks, reading)
    return reading.found


class _Reading:
    """Takes the elements."""

    def __init__(self) -> None:
        self.found = SliceInfo()
        self._plate: SlicedPlate | None = None
        self._objects = MAX_OBJECTS
        self._filaments = MAX_FILAMENTS

    def start(self, tag: str, attributes: Attributes) -> None:
        plate, kind = self._plate, local(tag)
        if kind == "plate":
            self._plate = SlicedPlate()
        elif kind == "header_item" and attributes.get("key") in _HEADER:
            self.found.header.setdefault(attributes["key"], attributes.get("value", ""))
        elif plate is not None:
            self._in_plate(plate, kind, attributes)

    def end(self, tag: str) -> None:
        if local(tag) != "plate" or self._plate is None:
            return
        index = self._plate.index
        if index is not None and len(self.found.plates) < MAX_PLATES:
            self.found.plates.setdefault(index, self._plate)
        self._plate = None

    def _in_plate(self, plate: SlicedPlate, kind: str, attributes: Attributes) -> None:
        match kind:
            case "metadata" if attributes.get("key") in _METADATA:
                plate.metadata.setdefault(attributes["key"], attributes.get("value", ""))
            case "filament" if self._filaments > 0:
                filament = _filament(attributes)
                if filament is not None:
                    self._filaments -= 1
                    plate.filaments.append(filament)
            case "object" if self._objects > 0:
                name = values.text(attributes.get("name"), MAX_OBJECT_NAME)
                if name and attributes.get("skipped") != "true":
                    self._objects -= 1
                    plate.objects.append(name)
            case "warning" if len(plate.warnings) < MAX_WARNINGS:
                plate.warnings.append(attributes)


ORCA_VERSION = "OrcaSlicer-Version"
CLIENT_VERSION = "X-BBL-Client-Version"
_HEADER = frozenset({ORCA_VERSION, CLIENT_VERSION})
_METADATA = frozenset(
    {"index", "printer_model_id", "nozzle_diameters", "prediction", "weight", "outside", "curr_bed_type"}
)


def _filament(attributes: Attributes) -> Filament | None:
    slot = values.whole(attributes.get("id"), 10_000)
    if not slot:
        return None
    return Filament(
        slot=slot,
        type=values.text(attributes.get("type"), 32),
        color=values.color(attributes.get("color")),
        grams=values.number(attributes.get("used_g")),
        metres=values.number(attributes.get("used_m")),
    )


def _warnings(index: int, plate: SlicedPlate) -> Iterable[Warn]:
    if plate.metadata.get("outside") == "true":
        yield Warn(WarnCode.OUTSIDE_PLATE, f"plate {index}: something stands outside of the plate")
    for warning in plate.warnings:
        message = values.text(warning.get("msg"), 160)
        if message:
            code = values.text(warning.get("error_code"), 16)
            text = f"plate {index}: the slicer warned of {message.replace('_', ' ')}{f' ({code})' if code else ''}"
            yield Warn(WarnCode.SLICER_WARNING, text)
