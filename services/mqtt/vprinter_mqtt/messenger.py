"""What the printers tell the rest of the system, without making any slicer wait."""

import asyncio

import structlog

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import CommandRelayed, JobRequested, kind_of
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.status import SessionStatus
from vprinter_common.contracts.target import TargetCommand
from vprinter_common.runtime.tasks import TaskSet

log = structlog.get_logger()

MAX_WAITING = 256
"""Facts that may wait for NATS; further ones are logged and dropped: files are safe without them."""
RETRY = 2.0


class Messenger:
    """Publishes sessions, commands, and what happened."""

    def __init__(self, bus: Bus, tasks: TaskSet) -> None:
        self._bus = bus
        self._tasks = tasks
        self._waiting: asyncio.Queue[tuple[JobRequested | CommandRelayed, str]] = asyncio.Queue(MAX_WAITING)

    def session(self, printer: str, login: SessionStatus, phase: SessionPhase) -> None:
        """A slicer came or went."""
        live = SessionLive(
            printer=printer,
            service="mqtt",
            session=login.id,
            client=login.client,
            access_code=login.access_code,
            owner=login.owner,
            phase=phase,
        )
        self._tasks.spawn(self._bus.publish(subjects.live_session(printer), live), "session")

    def command(self, command: TargetCommand) -> None:
        """A slicer has a command for a real printer; in their order, and late ones would be of no use."""
        self._tasks.spawn(self._bus.publish(subjects.target_command(command.target), command), "command")

    def job(self, job: JobRequested) -> None:
        """A slicer asked for a print."""
        self._keep(job, job.job)

    def relayed(self, command: CommandRelayed) -> None:
        """A slicer's command has gone to a real printer."""
        self._keep(command, new_id())

    async def deliver(self) -> None:
        """Publish facts, each until NATS has it, for ever."""
        while True:
            fact, id_ = await self._waiting.get()
            while True:
                try:
                    await self._bus.publish_fact(fact, id_)
                    break
                except BusUnavailable as error:
                    log.warning("fact_waits", fact=id_, error=str(error))
                    await asyncio.sleep(RETRY)

    def _keep(self, fact: JobRequested | CommandRelayed, id_: str) -> None:
        try:
            self._waiting.put_nowait((fact, id_))
        except asyncio.QueueFull:
            log.error("fact_dropped", printer=fact.printer, kind=kind_of(fact), advice="start NATS; files are kept")
