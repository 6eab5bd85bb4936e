"""What has to be looked after from time to time: certificates, old events, gauges, the database's health."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from vprinter_control import tally
from vprinter_control.addresses import Addresses
from vprinter_control.domain.refusal import Conflict, Unable
from vprinter_control.metrics import Metrics
from vprinter_control.printers import Printers
from vprinter_control.store import audit, commands, events, once, review, setup
from vprinter_control.store.database import Database
from vprinter_control.store.schema import Job
from vprinter_control.trust import Trust

log = structlog.get_logger()

LOOK_EVERY = 15.0
"""Seconds between two looks at the database."""
TIDY_EVERY = 3600.0
"""Seconds between two looks at certificates and old rows."""
LONELY_JOB = timedelta(days=1)
"""A job whose file never came is forgotten after this time."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long things are kept."""

    events: int
    """So many of the newest."""
    audit_days: int
    discarded: float
    """Seconds that a discarded upload can be restored."""


@dataclass(slots=True)
class Upkeep:
    """Housekeeping."""

    database: Database
    printers: Printers
    trust: Trust
    addresses: Addresses
    metrics: Metrics
    keeping: Keeping
    failure: str | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def problem(self) -> str | None:
        """A sentence if certificates cannot be made (a health check)."""
        return self.failure

    async def first_steps(self) -> None:
        """What must be done before anything is served: the default printer, on the very first start."""
        await self._trustworthy()
        await self._gauges()

    async def follow(self) -> None:
        """Look after everything, for ever (a root task)."""
        self.addresses.changed = self._wake.set
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look(), name="upkeep:look")
            group.create_task(self._tidy(), name="upkeep:tidy")

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.database.probe()
            try:
                await self.clear_out()
                await self._gauges()
            except SQLAlchemyError as error:
                log.warning("database_unreadable", error=type(error).__name__)

    async def _tidy(self) -> None:
        while True:
            try:
                await self._trustworthy()
                await self.forget()
            except SQLAlchemyError as error:
                log.warning("upkeep_postponed", error=type(error).__name__)
            wait = TIDY_EVERY if self.failure is None else LOOK_EVERY
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            self._wake.clear()

    async def _trustworthy(self) -> None:
        """The default printer on the very first start; certificates that fit; the CA's end as a metric."""
        try:
            await self.printers.create_first()
            await self.printers.keep_certificates()
            authority = await self.trust.existing()
        except (Unable, Conflict) as refusal:
            log.error("certificates_unusable", error=refusal.detail)
            self.failure = refusal.detail
            return
        self.failure = None
        self.metrics.ca_not_after.set(authority.not_after.timestamp() if authority else 0)

    async def forget(self) -> None:
        """Forget old events, audit entries and idempotency keys, and jobs whose file never came."""
        now = self.printers.clock()
        long_ago = now - LONELY_JOB
        async with self.database.write() as session:
            await events.forget(session, self.keeping.events)
            await audit.forget(session, now - timedelta(days=self.keeping.audit_days))
            await commands.forget(session, now - timedelta(days=self.keeping.audit_days))
            await once.forget(session, now)
            await setup.forget_deleted(session)
            await session.execute(delete(Job).where(Job.upload_id.is_(None), Job.at < long_ago))

    async def clear_out(self) -> None:
        """Delete what was discarded and not restored in time."""
        now = self.printers.clock()
        before = now - timedelta(seconds=self.keeping.discarded)
        async with self.database.read() as session:
            if not await review.discarded(session, before):
                return
        async with self.database.write() as session:
            gone = await review.clear_out(session, before, now)
        log.info("discarded_deleted", count=len(gone))

    async def _gauges(self) -> None:
        async with self.database.read() as session:
            await tally.count(session, self.metrics, self.printers.clock())
