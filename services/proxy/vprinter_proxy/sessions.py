"""Who is connected through a proxy, since when, and how much has passed.

Every part of a proxy calls `Monitor.opened` for a slicer's connection, adds to the session's `to_target` and `to_client`
as bytes pass, sets `last_command`, and closes the session when the connection has ended. The printer's status follows at
most every two seconds; live messages say who came and went. `Disconnect` messages call the session's `disconnect`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import structlog

from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import Disconnect, SessionLive, SessionPhase
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import AccessCode
from vprinter_common.contracts.status import SessionStatus
from vprinter_common.fleet.edge import Serving
from vprinter_common.runtime.tasks import TaskSet
from vprinter_proxy.metrics import ProxyMetrics

log = structlog.get_logger()

REFRESH = 2.0
"""Seconds between two looks at what has passed."""


@dataclass(slots=True, eq=False)
class Session:
    """One connection of a slicer, with all that belongs to it (the data connections of FTP)."""

    monitor: "Monitor"
    listener: str
    port: int
    client: str
    disconnect: Callable[[], object]
    """Closes the connection; called when a person wants it."""
    id: str = field(default_factory=new_id)
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    access: AccessCode | None = None
    to_target: int = 0
    to_client: int = 0
    last_command: str = ""

    def status(self) -> SessionStatus:
        """As the printer's status shows it."""
        return SessionStatus(
            id=self.id,
            client=self.client,
            access_code=self.access.id if self.access else None,
            owner=self.access.owner if self.access else "",
            since=self.since,
            port=self.port,
            to_target=self.to_target,
            to_client=self.to_client,
            last_command=self.last_command,
        )

    def close(self, reason: str = "closed") -> None:
        """The connection has ended."""
        self.monitor.closed(self, reason)


class Monitor:
    """The sessions of one proxy. As a context manager it follows them."""

    def __init__(self, serving: Serving, bus: Bus, tasks: TaskSet, metrics: ProxyMetrics) -> None:
        self._serving = serving
        self._bus = bus
        self._messages = tasks
        self._tasks = TaskSet(f"monitor:{serving.spec.id}")
        self._metrics = metrics
        self._sessions: dict[str, Session] = {}
        self._counted: dict[str, tuple[int, int]] = {}
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._sessions)

    def opened(self, listener: str, port: int, client: str, disconnect: Callable[[], object]) -> Session:
        """A slicer connected; `Session.close` must follow."""
        session = Session(self, listener, port, client, disconnect)
        self._sessions[session.id] = session
        self._counted[session.id] = (0, 0)
        self._serving.connected(client)
        self._serving.sessions[session.id] = session.status()
        self._metrics.sessions.labels(self._serving.spec.id, listener).inc()
        self._say(session, SessionPhase.CONNECTED)
        log.info("session_opened", printer=self._serving.spec.id, peer=client, port=port, session=session.id)
        self._some.set()
        return session

    def closed(self, session: Session, reason: str) -> None:
        """It ended."""
        if self._sessions.pop(session.id, None) is None:
            return
        self._count(session)
        del self._counted[session.id]
        del self._serving.sessions[session.id]
        self._serving.disconnected()
        self._metrics.sessions.labels(self._serving.spec.id, session.listener).dec()
        self._say(session, SessionPhase.DISCONNECTED)
        log.info(
            "session_closed",
            printer=self._serving.spec.id,
            peer=session.client,
            port=session.port,
            session=session.id,
            to_target=session.to_target,
            to_client=session.to_client,
            reason=reason,
        )

    def disconnect(self, message: Disconnect) -> None:
        """A person wants a session closed."""
        if (session := self._sessions.get(message.session)) is not None:
            log.info("session_disconnected", printer=message.printer, peer=session.client, session=session.id)
            session.disconnect()

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._follow(), "follow")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._tasks.close()

    async def _follow(self) -> None:
        """Bring the status up to date while anybody is connected."""
        listed: dict[str, SessionStatus] = {}
        while True:
            await self._some.wait()
            for session in self._sessions.values():
                self._count(session)
                self._serving.sessions[session.id] = session.status()
            if listed != self._serving.sessions:
                listed = dict(self._serving.sessions)
                self._serving.report()
            if not self._sessions:
                self._some.clear()
            await asyncio.sleep(REFRESH)

    def _count(self, session: Session) -> None:
        """Metrics follow the session, not each piece of it."""
        to_target, to_client = self._counted[session.id]
        labels = (self._serving.spec.id, session.listener)
        self._metrics.relayed_bytes.labels(*labels, "to_target").inc(session.to_target - to_target)
        self._metrics.relayed_bytes.labels(*labels, "to_client").inc(session.to_client - to_client)
        self._counted[session.id] = (session.to_target, session.to_client)

    def _say(self, session: Session, phase: SessionPhase) -> None:
        message = SessionLive(
            printer=self._serving.spec.id,
            service="proxy",
            session=session.id,
            listener=session.listener,
            client=session.client,
            access_code=session.access.id if session.access else None,
            owner=session.access.owner if session.access else "",
            phase=phase,
        )
        self._messages.spawn(self._bus.publish(subjects.live_session(message.printer), message), "session")
