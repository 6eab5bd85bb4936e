"""What the edges say of virtual and of real printers, as it is in the status buckets."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vprinter_common.bus import Bus
from vprinter_common.certs import Clock
from vprinter_common.contracts import subjects
from vprinter_common.contracts.status import PrinterStatus
from vprinter_common.contracts.target import TargetStatus
from vprinter_control.domain.status import STALE, fresh


@dataclass(slots=True)
class Statuses:
    """The newest status of every printer at every service of every node."""

    bus: Bus
    clock: Clock
    latest: dict[str, PrinterStatus] = field(default_factory=dict)
    changed: Callable[[], None] = lambda: None
    """Called after `latest` was replaced."""

    async def follow(self) -> None:
        """Keep up to date, for ever (a root task)."""
        async for latest in self.bus.watch(subjects.STATUS, PrinterStatus):
            self.latest = latest
            self.changed()

    def of(self, printer: str) -> list[PrinterStatus]:
        """What is known of a printer and not stale."""
        mine = (status for status in self.latest.values() if status.printer == printer)
        return sorted(fresh(mine, self.clock()), key=lambda status: (status.service, status.node))


@dataclass(slots=True)
class TargetStatuses:
    """The newest status of every real printer."""

    bus: Bus
    clock: Clock
    latest: dict[str, TargetStatus] = field(default_factory=dict)
    changed: Callable[[], None] = lambda: None
    """Called after `latest` was replaced."""

    async def follow(self) -> None:
        """Keep up to date, for ever (a root task)."""
        async for latest in self.bus.watch(subjects.TARGET_STATUS, TargetStatus):
            self.latest = latest
            self.changed()

    def of(self, target: str) -> TargetStatus | None:
        """What is known of a real printer and not stale."""
        status = self.latest.get(target)
        return status if status is not None and self.clock() - status.at <= STALE else None
