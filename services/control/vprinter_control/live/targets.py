"""Tells when something changes at a real printer: whether it is there, what it prints, how far it is, how hot."""

from dataclasses import dataclass, field

from vprinter_control.domain.targets import TargetCondition
from vprinter_control.live.board import Board, LiveType
from vprinter_control.statuses import TargetStatuses

_STAMPS = frozenset({"v", "at", "target", "node"})
"""What changes, or is the same, whatever the printer does."""


@dataclass(slots=True)
class TargetConditions:
    """What was last told of every real printer."""

    statuses: TargetStatuses
    board: Board
    _told: dict[str, dict[str, object]] = field(default_factory=dict)

    def look(self) -> None:
        """Tell what has changed since the last look; nothing at the first one."""
        fresh = {id_: status for id_ in self.statuses.latest if (status := self.statuses.of(id_)) is not None}
        now = {id_: status.model_dump(mode="json", exclude=set(_STAMPS)) for id_, status in fresh.items()}
        before, self._told = self._told, now
        for id_ in before.keys() | now.keys():
            if before.get(id_) != now.get(id_):
                gone = {"state": TargetCondition.UNWATCHED.value}
                self.board.tell(LiveType.REAL_PRINTER_STATUS, id_, {"real_printer": id_, **(now.get(id_) or gone)})
