"""Puts the parts of a file together: several say the same, and the one that knows best goes first."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from vprinter_common import catalog
from vprinter_control.threemf import slice_info
from vprinter_control.threemf.contents import (
    MAX_FILAMENTS,
    MAX_OBJECTS,
    MAX_PLATES,
    MAX_WARNINGS,
    Contents,
    Filament,
    Plate,
    Slicer,
    Warn,
    WarnCode,
)
from vprinter_control.threemf.gcode import Header
from vprinter_control.threemf.model import Design
from vprinter_control.threemf.model_settings import ProjectPlate
from vprinter_control.threemf.settings import PlateSettings, ProjectSettings, bed_type
from vprinter_control.threemf.slice_info import SlicedPlate, SliceInfo

_NOT_SLICED = Warn(WarnCode.NOT_SLICED, "it holds no G-code: slice it before it can be printed")


@dataclass(slots=True)
class Parts:
    """What was found where; parts that are missing are empty. `plates` are the numbers to be shown."""

    gcode: frozenset[int] = frozenset()
    slice_info: SliceInfo = field(default_factory=SliceInfo)
    project_plates: dict[int, ProjectPlate] = field(default_factory=dict)
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    design: Design = field(default_factory=Design)
    plates: tuple[int, ...] = ()
    headers: dict[int, Header] = field(default_factory=dict)
    beside: dict[int, PlateSettings] = field(default_factory=dict)
    pictures: set[int] = field(default_factory=set)

    def choose(self) -> tuple[int, ...]:
        """The plates of the file: a slicer that sends one of a project's plates may still list them all."""
        sliced = frozenset(self.slice_info.plates)
        chosen = (sliced & self.gcode) or self.gcode or sliced or frozenset(self.project_plates) or {1}
        return tuple(sorted(number for number in chosen if number <= MAX_PLATES)[:MAX_PLATES]) or (1,)


def merged(parts: Parts, error: str | None = None) -> Contents:
    """The whole file."""
    plates = parts.plates or parts.choose()
    code, name = _sliced_for(parts)
    unsliced = () if parts.gcode or parts.headers else (_NOT_SLICED,)
    return Contents(
        plates=_bounded(_plate(parts, index) for index in plates),
        title=parts.design.title,
        designer=parts.design.designer,
        slicer=_slicer(parts),
        sliced_for=code,
        sliced_for_name=name,
        makerworld_url=parts.design.makerworld_url,
        design_id=parts.design.design_id,
        warnings=(*unsliced, *parts.slice_info.warnings)[:MAX_WARNINGS],
        error=error,
    )


def _bounded(plates: Iterable[Plate]) -> tuple[Plate, ...]:
    """As many filaments and objects as a file may list, whoever says so."""
    filaments, objects = MAX_FILAMENTS, MAX_OBJECTS
    kept = []
    for plate in plates:
        kept.append(replace(plate, filaments=plate.filaments[:filaments], objects=plate.objects[:objects]))
        filaments -= len(kept[-1].filaments)
        objects -= len(kept[-1].objects)
    return tuple(kept)


def _plate(parts: Parts, index: int) -> Plate:
    sliced = parts.slice_info.plates.get(index, SlicedPlate())
    laid_out = parts.project_plates.get(index, ProjectPlate())
    header = parts.headers.get(index, Header())
    beside = parts.beside.get(index, PlateSettings())
    filaments = _filaments(parts, sliced, header, beside)
    weights = [filament.grams for filament in filaments if filament.grams]
    return Plate(
        index=index,
        name=laid_out.name,
        seconds=sliced.seconds or header.seconds,
        grams=sliced.grams or (round(sum(weights), 2) if weights else None),
        layers=header.layers,
        height_mm=header.height_mm,
        bed_type=beside.bed_type or bed_type(sliced.metadata.get("curr_bed_type")) or parts.settings.bed_type,
        nozzle_mm=sliced.nozzle_mm or beside.nozzle_mm or parts.settings.nozzle_mm,
        filaments=filaments,
        objects=tuple(sliced.objects) or beside.objects or tuple(laid_out.objects),
        thumbnail=index in parts.pictures,
    )


def _filaments(parts: Parts, sliced: SlicedPlate, header: Header, beside: PlateSettings) -> tuple[Filament, ...]:
    """Those of slice_info; without it, what the G-code used, in the colours written beside it."""
    if sliced.filaments:
        return tuple(_coloured(filament, parts.settings) for filament in sliced.filaments)
    if beside.filaments:
        slots = [filament.slot for filament in beside.filaments]
    elif len(header.slots) == len(header.grams):
        slots = list(header.slots)
    else:
        slots = [slot for slot, grams in enumerate(header.grams, start=1) if grams]
    colors = {filament.slot: filament.color for filament in beside.filaments}
    order = header.slots if len(header.slots) == len(header.grams) else tuple(range(1, len(header.grams) + 1))
    grams = dict(zip(order, header.grams, strict=False))
    metres = dict(zip(order, header.metres, strict=False))
    return tuple(
        _coloured(Filament(slot, None, colors.get(slot), grams.get(slot), metres.get(slot)), parts.settings)
        for slot in slots
    )


def _coloured(filament: Filament, settings: ProjectSettings) -> Filament:
    """What the project says of the slot, where the plate says nothing."""
    types, colors = settings.types, settings.colors
    at = filament.slot - 1
    return replace(
        filament,
        type=filament.type or (types[at] if at < len(types) else None),
        color=filament.color or (colors[at] if at < len(colors) else None),
    )


def _slicer(parts: Parts) -> Slicer | None:
    """The program that wrote the G-code. OrcaSlicer writes Bambu Studio's name into the model, for compatibility."""
    for index in sorted(parts.headers):
        if (slicer := parts.headers[index].slicer) is not None:
            return slicer
    if orca := parts.slice_info.header.get(slice_info.ORCA_VERSION):
        return Slicer("OrcaSlicer", orca[:64])
    return parts.design.application


def _sliced_for(parts: Parts) -> tuple[str | None, str | None]:
    """Code in our catalog and name of the printer that it was sliced for."""
    for wanted in (parts.slice_info.model, parts.settings.printer_model):
        if wanted:
            try:
                known = catalog.model(wanted)
            except catalog.UnknownModel:
                continue
            return known.code, known.product_name
    return None, parts.settings.printer_model or parts.slice_info.model
