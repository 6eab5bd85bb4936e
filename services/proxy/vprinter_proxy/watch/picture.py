"""What a real printer has said so far, put together. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vprinter_common.wire.report import loads
from vprinter_common.wire.report_merge import merge

SECTIONS = frozenset({"print", "info", "system", "camera", "xcam", "upgrade", "security"})
"""In which printers answer commands; what comes besides (`mc_print`, `t_utc`) is of no use to anybody."""
MAX_MODULES = 64
_WHOLE = 0
_NO_SENSOR = 5
"""°C that models without a sensor in their chamber tell of it, always."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The picture has changed."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message that is no status, such as the answer to a command."""

    payload: dict[str, Any]


@dataclass(slots=True)
class Picture:
    """The merged report and the modules of one printer."""

    print: dict[str, Any] = field(default_factory=dict)
    modules: tuple[dict[str, Any], ...] | None = None
    _anew: bool = True

    def expect_whole(self) -> None:
        """Everything was asked for: with the next whole report, what is no longer there is forgotten."""
        self._anew = True

    def take(self, payload: bytes) -> Reported | Said | None:
        """Fold in one message of the printer; None for what tells nothing. Raises ReportError."""
        message: dict[str, Any] = loads(payload)
        match message:
            case {"print": {"command": "push_status"} as status}:
                begun_anew = self._anew and status.get("msg", _WHOLE) == _WHOLE
                self.print = merge({} if begun_anew else self.print, status)
                self._anew = self._anew and not begun_anew
                return Reported()
            case {"info": {"command": "get_version", "module": list(modules)}}:
                self.modules = tuple(module for module in modules if isinstance(module, dict))[:MAX_MODULES]
                return Reported()
            case _ if message.keys() & SECTIONS:
                return Said(message)
            case _:
                return None

    def figures(self) -> dict[str, Any]:
        """The fields of a TargetStatus that the report tells."""
        status = self.print
        return {
            "firmware": self._firmware(),
            "state": _text(status.get("gcode_state"), 32),
            "job": _text(status.get("subtask_name"), 255),
            "percent": _whole(status.get("mc_percent")),
            "remaining_minutes": _whole(status.get("mc_remaining_time")),
            "layer": _whole(status.get("layer_num")),
            "layers": _whole(status.get("total_layer_num")),
            "nozzle_celsius": _number(status.get("nozzle_temper")),
            "bed_celsius": _number(status.get("bed_temper")),
            "chamber_celsius": _chamber(status),
        }

    def _firmware(self) -> str:
        for module in self.modules or ():
            if module.get("name") == "ota":
                return _text(module.get("sw_ver"), 32)
        return ""


def needs_signatures(fun: object) -> bool | None:
    """Whether commands must be signed by `fun`, that is, developer mode is off; None where it does not tell."""
    try:
        return bool(int(str(fun), 16) >> 29 & 1) if isinstance(fun, str) else None
    except ValueError:
        return None


def _chamber(status: Mapping[str, Any]) -> float | None:
    """Newer models tell it elsewhere, as a number whose upper half is the temperature that is aimed at."""
    match status:
        case {"chamber_temper": int() | float() as celsius}:
            return None if celsius == _NO_SENSOR else _number(celsius)
        case {"device": {"ctc": {"info": {"temp": int(both)}}}}:
            return float(both & 0xFFFF)
        case _:
            return None


def _text(value: object, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
