"""Live state as one: what the edges tell is heard, kept for as long as it is true, and told to pages."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from vprinter_common.bus import Bus
from vprinter_common.certs import Clock
from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import SessionLive, SessionPhase, UploadLive
from vprinter_control.domain import setup as rules
from vprinter_control.live.board import Board
from vprinter_control.live.conditions import Conditions
from vprinter_control.live.sessions import Sessions
from vprinter_control.live.setup import Setup
from vprinter_control.live.targets import TargetConditions
from vprinter_control.live.uploads import Uploads
from vprinter_control.statuses import Statuses, TargetStatuses
from vprinter_control.store.database import Database

log = structlog.get_logger()

LOOK_EVERY = 5.0
"""Seconds between looks for what has silently ended: a status goes stale without a message."""
SETTLE = 0.25
"""Seconds between two looks at the statuses, however often those change."""


@dataclass(slots=True)
class Live:
    """What is true now."""

    bus: Bus
    statuses: Statuses
    clock: Clock
    board: Board
    uploads: Uploads
    sessions: Sessions
    conditions: Conditions
    targets: TargetConditions
    setup: Setup
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _looked_at: dict[str, datetime] = field(default_factory=dict)

    async def follow(self) -> None:
        """Follow the edges, for ever (a root task)."""
        self.statuses.changed = self.targets.statuses.changed = self._wake.set
        await self.bus.subscribe(subjects.ALL_UPLOADS, UploadLive, self.on_upload)
        await self.bus.subscribe(subjects.ALL_SESSIONS, SessionLive, self.on_session)
        while True:
            await self._attempt(self.look)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wake.wait()
            await asyncio.sleep(SETTLE)
            self._wake.clear()

    async def on_upload(self, message: UploadLive) -> None:
        """An upload at ftps moves, or one has passed a proxy."""
        self.uploads.moved(message, "ftps", self.clock())
        await self._attempt(lambda: self.setup.learn(message.printer, rules.from_upload(message)))

    async def on_session(self, message: SessionLive) -> None:
        """A slicer came, went, or asked who is there."""
        if self.setup.ignores(message.printer, message.client):
            return
        self.sessions.heard(message, self.clock())
        if message.phase is not SessionPhase.DISCONNECTED:
            await self._attempt(lambda: self.setup.learn(message.printer, rules.from_session(message)))

    async def look(self) -> None:
        """See what the statuses say that no message has told, and what has ended without one."""
        now = self.clock()
        statuses = self.statuses.latest
        news = {key: status for key, status in statuses.items() if self._looked_at.get(key) != status.at}
        self._looked_at = {key: status.at for key, status in statuses.items()}
        for status in news.values():
            self.uploads.restarted(status)
            for session in self.sessions.listed(status, now):
                evidence = rules.logged_in(session.client, session.service, session.since)
                await self.setup.learn(session.printer_id, evidence)
        self.uploads.sweep(now)
        self.sessions.sweep(now)
        self.targets.look()
        await self.conditions.look()

    @staticmethod
    async def _attempt(work: Callable[[], Awaitable[None]]) -> None:
        """A database that is unwell for a moment ends neither a subscription nor the loop."""
        try:
            await work()
        except SQLAlchemyError as error:
            log.warning("live_state_waits", error=type(error).__name__)


def make_live(
    bus: Bus,
    database: Database,
    statuses: Statuses,
    targets: TargetStatuses,
    clock: Clock,
    *,
    ignores: Callable[[str, str], bool],
) -> Live:
    """Put the parts together. `ignores`: see `Setup`."""
    board = Board(clock)
    return Live(
        bus=bus,
        statuses=statuses,
        clock=clock,
        board=board,
        uploads=Uploads(board),
        sessions=Sessions(board),
        conditions=Conditions(database, statuses, board),
        targets=TargetConditions(targets, board),
        setup=Setup(database, board, clock, ignores),
    )
