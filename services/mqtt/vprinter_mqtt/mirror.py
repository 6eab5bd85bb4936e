"""What is known of the real printer that a virtual one shows. No I/O, no clock."""

from collections.abc import Mapping
from typing import Any

from vprinter_common.catalog import Model
from vprinter_common.catalog import model as catalog_model
from vprinter_common.contracts.printer import Target
from vprinter_common.contracts.target import TargetReport
from vprinter_common.wire.disguise import Disguise, told_addresses
from vprinter_mqtt.job import GcodeState, Progress, View
from vprinter_mqtt.reports import shapes
from vprinter_mqtt.reports.mirrored import mirrored, mirrored_modules
from vprinter_mqtt.reports.push_status import Slot

FRESH_SECONDS = 25.0
"""After so long without a word of it the real printer counts as gone; reports come every 10 s at least."""
PRINTING = frozenset({"RUNNING", "PAUSE"})
PROGRESS = ("mc_percent", "mc_remaining_time", "layer_num", "total_layer_num")
SELF_CALIBRATION = "auto_cali_for_user"
"""A file of this name makes slicers take the printer for busy with itself, and block Send."""
MAX_NAME = 255
NOWHERE = "0.0.0.0"
"""What a text shows in place of an address."""


class Mirror:
    """One real printer, as seen by one virtual printer of the model `ours`."""

    def __init__(self, ours: Model, target: Target, *, may_control: bool) -> None:
        self.target = target
        self.may_control = may_control
        """Whether slicers' commands are passed on to it."""
        self._ours = ours
        self._theirs = catalog_model(target.model)
        self._hosts = [target.host]
        self._report: Mapping[str, Any] = {}
        self._modules: tuple[dict[str, Any], ...] | None = None
        self._heard_at: float | None = None
        self._view: View | None = None

    def heard(self, report: TargetReport, now: float) -> None:
        """The real printer has reported."""
        self._heard_at = now
        self._hosts = [self.target.host, *told_addresses(report.print)]
        self._report = self.disguise(Slot.SERIAL, NOWHERE).message(report.print)
        self._modules = report.modules
        self._view = _view(self._report)

    def is_fresh(self, now: float) -> bool:
        """Whether what is known of it still holds."""
        return self._heard_at is not None and now - self._heard_at <= FRESH_SECONDS

    @property
    def live(self) -> View | None:
        """What is shown of its print in place of a slicer's own job; None while it does not print."""
        return self._view

    def push_status(self) -> dict[str, object]:
        """The report to show, with slots."""
        return mirrored(self._ours, self._theirs, self._report, units=len(self._modules or ()) + 1)

    def modules(self, serial: str) -> list[dict[str, object]]:
        """The answer to `get_version` for a slicer that believes in this serial number."""
        disguise = self.disguise(serial, NOWHERE)
        return mirrored_modules(self._ours, serial, [disguise.message(module) for module in self._modules or ()])

    def disguise(self, serial: str, address: str) -> Disguise:
        """Replaces its serial number and all addresses that it is known to have."""
        return Disguise(self.target.serial, self._hosts, as_serial=serial, as_address=address)


def _view(report: Mapping[str, Any]) -> View | None:
    """FINISH is the one state in which slicers show progress and still send."""
    if report.get("gcode_state") not in PRINTING:
        return None
    file = _text(report.get("gcode_file"))
    return View(
        GcodeState.FINISH,
        100,
        "" if SELF_CALIBRATION in file else file,
        _text(report.get("subtask_name")),
        Progress(*(_count(report.get(name)) for name in PROGRESS)),
    )


def _text(value: object) -> str:
    return value[:MAX_NAME] if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if shapes.whole(value) and isinstance(value, int) and value > 0 else 0
