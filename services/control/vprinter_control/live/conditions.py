"""Tells when a printer's condition changes."""

from dataclasses import dataclass

from sqlalchemy import select

from vprinter_common.contracts.printer import Mode
from vprinter_control.domain.status import whole
from vprinter_control.live.board import Board, LiveType
from vprinter_control.statuses import Statuses
from vprinter_control.store.database import Database
from vprinter_control.store.schema import Printer


@dataclass(slots=True)
class Conditions:
    """What every printer's condition was when it was last told."""

    database: Database
    statuses: Statuses
    board: Board
    _told: dict[str, dict[str, object]] | None = None

    async def look(self) -> None:
        """Tell what has changed since the last look, of a new printer all; nothing at the first one."""
        async with self.database.read() as session:
            printers = (await session.execute(select(Printer.id, Printer.enabled, Printer.mode))).all()
        now = {id_: self._condition(id_, enabled, Mode(mode)) for id_, enabled, mode in printers}
        before, self._told = self._told, now
        if before is None:
            return
        for id_, condition in now.items():
            if before.get(id_) != condition:
                self.board.tell(LiveType.STATUS_CHANGED, id_, {"printer": id_, **condition})

    def _condition(self, printer: str, enabled: bool, mode: Mode) -> dict[str, object]:
        found = whole(enabled, mode, self.statuses.of(printer))
        services = {
            name: {"state": status.state.value, "node": status.node, "revision": status.revision}
            for name, status in found.services.items()
        }
        return {"state": found.state.value, "error": found.error, "services": services}
