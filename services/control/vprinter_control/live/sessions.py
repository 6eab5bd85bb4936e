"""Slicers that are logged in. Edges tell at once who comes and goes, and list everyone in their status again and again."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_common.contracts.status import MAX_SESSIONS, PrinterStatus, SessionStatus
from vprinter_control.domain.sighting import Sighting
from vprinter_control.live.board import Board, LiveType

UNCONFIRMED = timedelta(seconds=35)
"""A session that no status lists for so long has ended with its service: a status comes every ten seconds."""
REMEMBERED = 1_024


@dataclass(frozen=True, slots=True)
class Session:
    """A slicer that is logged in at one service of a printer."""

    id: str
    printer_id: str
    service: str
    client: str
    owner: str
    since: datetime
    node: str | None
    """Whose status lists it; none before the first status does."""
    confirmed_at: datetime
    port: int | None = None
    """The relayed port; None where nothing is relayed. So for what follows."""
    to_target: int = 0
    to_client: int = 0
    last_command: str = ""


class Sessions:
    """Who is logged in, and who was seen last."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._open: dict[str, Session] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._seen: OrderedDict[str, Sighting] = OrderedDict()

    def of(self, printer: str) -> list[Session]:
        """A printer's sessions, the oldest first."""
        mine = (session for session in self._open.values() if session.printer_id == printer)
        return sorted(mine, key=lambda session: (session.since, session.id))

    def one_of(self, printer: str, id_: str) -> Session | None:
        """One of a printer's sessions."""
        session = self._open.get(id_)
        return session if session is not None and session.printer_id == printer else None

    def last_seen(self, printer: str) -> Sighting | None:
        """The slicer that turned up last since control began."""
        return self._seen.get(printer)

    def heard(self, message: SessionLive, now: datetime) -> None:
        """An edge tells who came or went."""
        self.saw(message.printer, Sighting(message.client, message.service, message.at))
        if message.session is None:
            return
        if message.phase is SessionPhase.DISCONNECTED:
            self._close(message.session)
        elif message.phase is SessionPhase.CONNECTED and message.session not in self._closed:
            status = SessionStatus(id=message.session, client=message.client, owner=message.owner, since=message.at)
            self._open_one(message.printer, message.service, status, None, now)

    def listed(self, status: PrinterStatus, now: datetime) -> list[Session]:
        """An edge lists who is logged in; returns those of whom nobody had told."""
        new = [
            self._open_one(status.printer, status.service, one, status.node, now)
            for one in status.sessions
            if one.id not in self._open and one.id not in self._closed
        ]
        listed = {one.id: one for one in status.sessions}
        for session in self.of(status.printer):
            if (one := listed.get(session.id)) is not None:
                self._confirm(session, one, status.node, now)
            elif (session.service, session.node) == (status.service, status.node) and len(listed) < MAX_SESSIONS:
                self._close(session.id)
        for session in new:
            self.saw(session.printer_id, Sighting(session.client, session.service, session.since))
        return new

    def sweep(self, now: datetime) -> None:
        """Drop what no status lists any more."""
        for session in list(self._open.values()):
            if now - session.confirmed_at > UNCONFIRMED:
                self._close(session.id)

    def saw(self, printer: str, sighting: Sighting) -> None:
        """A slicer did something."""
        known = self._seen.get(printer)
        if known is None or known.at <= sighting.at:
            self._seen[printer] = sighting
            self._seen.move_to_end(printer)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)

    def _confirm(self, session: Session, one: SessionStatus, node: str, now: datetime) -> None:
        relayed = (one.port, one.to_target, one.to_client, one.last_command)
        moved = relayed != (session.port, session.to_target, session.to_client, session.last_command)
        port, to_target, to_client, last_command = relayed
        self._open[session.id] = confirmed = replace(
            session,
            node=node,
            confirmed_at=now,
            port=port,
            to_target=to_target,
            to_client=to_client,
            last_command=last_command,
        )
        if moved:
            self._board.tell(LiveType.SESSION_CHANGED, session.id, shown(confirmed))

    def _open_one(self, printer: str, service: str, one: SessionStatus, node: str | None, now: datetime) -> Session:
        session = Session(
            one.id,
            printer,
            service,
            one.client,
            one.owner,
            one.since,
            node,
            now,
            one.port,
            one.to_target,
            one.to_client,
            one.last_command,
        )
        if one.id not in self._open:
            self._open[one.id] = session
            self._board.tell(LiveType.SESSION_OPENED, one.id, shown(session))
        return session

    def _close(self, id_: str) -> None:
        self._closed[id_] = None
        if len(self._closed) > REMEMBERED:
            self._closed.popitem(last=False)
        if (session := self._open.pop(id_, None)) is not None:
            self._board.tell(LiveType.SESSION_CLOSED, id_, shown(session))


def shown(session: Session) -> dict[str, Any]:
    """A session as live events show it."""
    return {
        "session": session.id,
        "printer_id": session.printer_id,
        "service": session.service,
        "client": session.client,
        "owner": session.owner,
        "since": session.since.isoformat(),
        "port": session.port,
        "to_target": session.to_target,
        "to_client": session.to_client,
        "last_command": session.last_command,
    }
