"""What the printers tell the rest of the system, without making any slicer wait."""

import asyncio

import structlog

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import JobRequested
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_common.runtime.tasks import TaskSet

log = structlog.get_logger()

MAX_WAITING = 256
"""Requested jobs that may wait for NATS; further ones are logged and dropped: their files are safe without them."""
RETRY = 2.0


class Messenger:
    """Publishes sessions and requested jobs."""

    def __init__(self, bus: Bus, tasks: TaskSet) -> None:
        self._bus = bus
        self._tasks = tasks
        self._waiting: asyncio.Queue[JobRequested] = asyncio.Queue(MAX_WAITING)

    def session(self, printer: str, client: str, owner: str, phase: SessionPhase) -> None:
        """A slicer came or went."""
        live = SessionLive(printer=printer, service="mqtt", client=client, owner=owner, phase=phase)
        self._tasks.spawn(self._bus.publish(subjects.live_session(printer), live), "session")

    def job(self, job: JobRequested) -> None:
        """A slicer asked for a print."""
        try:
            self._waiting.put_nowait(job)
        except asyncio.QueueFull:
            log.error("job_dropped", printer=job.printer, filename=job.filename, advice="start NATS; the file is kept")

    async def deliver(self) -> None:
        """Publish requested jobs, each until NATS has it, for ever."""
        while True:
            job = await self._waiting.get()
            while True:
                try:
                    await self._bus.publish_fact(job, job.job)
                    break
                except BusUnavailable as error:
                    log.warning("job_waits", job=job.job, error=str(error))
                    await asyncio.sleep(RETRY)
