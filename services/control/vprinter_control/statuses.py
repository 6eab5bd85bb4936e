"""What the edges say of their printers, as it is in the status bucket."""

from dataclasses import dataclass, field

from vprinter_common.bus import Bus
from vprinter_common.certs import Clock
from vprinter_common.contracts import subjects
from vprinter_common.contracts.status import PrinterStatus
from vprinter_control.domain.status import fresh


@dataclass(slots=True)
class Statuses:
    """The newest status of every printer at every service of every node."""

    bus: Bus
    clock: Clock
    latest: dict[str, PrinterStatus] = field(default_factory=dict)

    async def follow(self) -> None:
        """Keep up to date, for ever (a root task)."""
        async for latest in self.bus.watch(subjects.STATUS, PrinterStatus):
            self.latest = latest

    def of(self, printer: str) -> list[PrinterStatus]:
        """What is known of a printer and not stale."""
        mine = (status for status in self.latest.values() if status.printer == printer)
        return sorted(fresh(mine, self.clock()), key=lambda status: (status.service, status.node))
