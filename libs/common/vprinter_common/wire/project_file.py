"""The slicer's `project_file`: "print the file that I sent, or am about to send"."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from urllib.parse import unquote

MAX_NAME = 255
MAX_TEXT = 1024
MAX_MAPPING = 64
MAX_PLATE = 1000

_PLATE = re.compile(r"(?:^|/)plate_(\d{1,4})\.gcode$", re.IGNORECASE)
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_UNWRITABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")
"""Control characters, and lone surrogates, which no UTF-8 can carry."""
_WEB = re.compile(r"^https?://", re.IGNORECASE)


class Choice(IntEnum):
    """An option with three settings; plain options use the first two."""

    OFF = 0
    ON = 1
    AUTO = 2


@dataclass(frozen=True, slots=True)
class AmsSlot:
    """A filament source: 255/255 is the external spool."""

    ams_id: int
    slot_id: int


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What to print and how. An option that the slicer left out, or sent as garbage, is None."""

    filename: str
    """Base name with extension, as it was or will be uploaded; empty if the request names no file."""
    subtask_name: str
    """The slicer's own name of the job: its dialog waits until this very name is reported as finished."""
    url: str
    param: str
    """`Metadata/plate_N.gcode`, to be echoed."""
    plate: int | None
    bed_type: str
    timelapse: Choice | None
    bed_leveling: Choice | None
    flow_cali: Choice | None
    vibration_cali: Choice | None
    layer_inspect: Choice | None
    nozzle_offset_cali: Choice | None
    use_ams: Choice | None
    ams_mapping: tuple[int, ...]
    """AMS tray per filament: -1 unresolved, 255 external."""
    ams_mapping2: tuple[AmsSlot, ...]
    nozzle_mapping: tuple[int, ...]

    @property
    def options(self) -> dict[str, object]:
        """The options that were given, as JSON values under the slicer's own names."""
        chosen: dict[str, object] = {}
        for item in fields(self)[_FIRST_OPTION:]:
            value = getattr(self, item.name)
            if isinstance(value, Choice):
                chosen[item.name] = int(value)
            elif isinstance(value, str) and value:
                chosen[item.name] = value
            elif value:
                chosen[item.name] = [
                    {"ams_id": entry.ams_id, "slot_id": entry.slot_id} if isinstance(entry, AmsSlot) else entry
                    for entry in value
                ]
        return chosen


_FIRST_OPTION = [item.name for item in fields(ProjectFile)].index("bed_type")


def parse(section: Mapping[str, object]) -> ProjectFile:
    """The request in a `print` section (`project_file`, or `gcode_file` whose `param` is the path). Never raises."""
    param, url, subtask = _text(section, "param"), _text(section, "url"), _text(section, "subtask_name", MAX_NAME)
    plate = _PLATE.search(param)
    number = int(plate[1]) if plate else 0
    return ProjectFile(
        filename=_filename(section, url, "" if plate else param, subtask),
        subtask_name=subtask,
        url=url,
        param=param,
        plate=number if 1 <= number <= MAX_PLATE else None,
        bed_type=_text(section, "bed_type", 64),
        timelapse=_choice(section, "timelapse"),
        bed_leveling=_choice(section, "auto_bed_leveling", "bed_leveling"),
        flow_cali=_choice(section, "extrude_cali_flag", "flow_cali"),
        vibration_cali=_choice(section, "vibration_cali"),
        layer_inspect=_choice(section, "layer_inspect"),
        nozzle_offset_cali=_choice(section, "nozzle_offset_cali"),
        use_ams=_choice(section, "use_ams"),
        ams_mapping=_integers(section, "ams_mapping"),
        ams_mapping2=tuple(_slots(section)),
        nozzle_mapping=_integers(section, "nozzle_mapping"),
    )


def bare_name(filename: str) -> str:
    """A file's name as slicers show it: without `.gcode.3mf`, `.3mf` or `.gcode`."""
    for ending in (".gcode.3mf", ".3mf", ".gcode"):
        if filename.lower().endswith(ending):
            return filename[: -len(ending)]
    return filename


def _filename(section: Mapping[str, object], url: str, path: str, subtask: str) -> str:
    # `file` is the plain name. `url_enc` is encrypted for a real printer, so a signed request may leave nothing but
    # the job's name, which slicers upload as <name>.gcode.3mf.
    for candidate in (_base_name(_text(section, "file")), _name_in_url(url), _base_name(path)):
        if candidate:
            return candidate
    job = _base_name(subtask)
    return f"{bare_name(job)[: MAX_NAME - 10]}.gcode.3mf" if job else ""


def _name_in_url(url: str) -> str:
    if _WEB.match(url):
        url = re.split("[?#]", url, maxsplit=1)[0]
    return _base_name(unquote(_SCHEME.sub("", url)))


def _base_name(path: str) -> str:
    name = re.split(r"[/\\]", path)[-1].strip()
    return "" if name in {".", ".."} else _clean(name, MAX_NAME)


def _clean(text: str, limit: int) -> str:
    return _UNWRITABLE.sub("", text)[:limit]


def _text(section: Mapping[str, object], key: str, limit: int = MAX_TEXT) -> str:
    value = section.get(key)
    return _clean(value[: limit * 2], limit) if isinstance(value, str) else ""


def _integer(value: object) -> int | None:
    match value:
        case bool() | int():
            number = int(value)
        case str() if re.fullmatch(r"-?[0-9]{1,10}", value):
            number = int(value)
        case _:
            return None
    return number if abs(number) < 1 << 31 else None


def _choice(section: Mapping[str, object], *keys: str) -> Choice | None:
    for key in keys:
        number = _integer(section.get(key))
        if number in (0, 1, 2):
            return Choice(number)
    return None


def _list(section: Mapping[str, object], key: str) -> list[object]:
    value = section.get(key)
    if isinstance(value, str) and len(value) <= MAX_TEXT * 4:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return value[:MAX_MAPPING] if isinstance(value, list) else []


def _integers(section: Mapping[str, object], key: str) -> tuple[int, ...]:
    numbers = [_integer(item) for item in _list(section, key)]
    # A mapping is read by position: one bad entry makes it worthless.
    return () if None in numbers else tuple(number for number in numbers if number is not None)


def _slots(section: Mapping[str, object]) -> Iterator[AmsSlot]:
    for item in _list(section, "ams_mapping2"):
        if isinstance(item, dict):
            ams, slot = _integer(item.get("ams_id")), _integer(item.get("slot_id"))
            yield AmsSlot(255 if ams is None else ams, 255 if slot is None else slot)
