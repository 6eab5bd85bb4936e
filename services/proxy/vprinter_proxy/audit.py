"""The trail of what slicers told the real printer to do, and of what the policy kept from it."""

from collections.abc import Callable

import structlog

from vprinter_common.bus import BusUnavailable
from vprinter_common.contracts.facts import CommandOutcome, CommandRelayed, JobRequested, kind_of
from vprinter_common.contracts.message import Event, new_id
from vprinter_proxy.printer import Printer
from vprinter_proxy.sessions import Session

log = structlog.get_logger()

BURST = 30
PER_SECOND = 1.0
"""Facts of one session at once, and from then on: a person at the printer's buttons makes fewer. All are counted."""


class Trail:
    """The commands of one session that changed something, or were to."""

    def __init__(self, printer: Printer, session: Session, clock: Callable[[], float]) -> None:
        self._printer = printer
        self._session = session
        self._clock = clock
        self._left = float(BURST)
        self._filled = clock()

    def tell(self, command: str, detail: str, outcome: CommandOutcome, job: JobRequested | None = None) -> None:
        """Log and publish, unless there were too many. `job`: the print that the command asks for."""
        if not self._may_tell():
            return
        printer, session = self._printer, self._session
        fact = CommandRelayed(
            printer=printer.id,
            target=printer.target.id,
            session=session.id,
            client=session.client,
            command=command,
            detail=detail[:255],
            outcome=outcome,
        )
        log.info(
            "command_relayed",
            outcome=outcome.value,
            printer=printer.id,
            peer=session.client,
            session=session.id,
            command=command,
            detail=fact.detail,
        )
        printer.house.tasks.spawn(self._publish(fact, job), "command")

    async def _publish(self, command: CommandRelayed, job: JobRequested | None) -> None:
        facts: list[tuple[str, Event]] = [(job.job, job)] if job else []
        for name, fact in [*facts, (new_id(), command)]:
            try:
                await self._printer.house.bus.publish_fact(fact, name)
            except BusUnavailable as error:
                log.warning("fact_dropped", kind=kind_of(fact), command=command.command, error=str(error))

    def _may_tell(self) -> bool:
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._filled) * PER_SECOND)
        self._filled = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
