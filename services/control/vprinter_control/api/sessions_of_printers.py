"""`virtual-printers/{id}/sessions`: slicers that are logged in, the one that turned up last, and the end of a session."""

from http import HTTPStatus

from pydantic import AwareDatetime, BaseModel

from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import Disconnect
from vprinter_control.api.routing import Access, Call, Route
from vprinter_control.domain.refusal import Conflict, NotThere, Unable
from vprinter_control.domain.sighting import Sighting
from vprinter_control.live.sessions import Session
from vprinter_control.store import printers, slicers
from vprinter_control.store.events import EventType, record
from vprinter_control.store.slicers import Slicer

RELAYING = "proxy"
"""The service whose sessions can be closed one by one."""


class SlicerObject(BaseModel):
    """A program, as the last file from that address names it."""

    name: str
    version: str | None


class SessionObject(BaseModel):
    """A slicer that is logged in at one service."""

    session: str
    service: str
    client: str
    owner: str
    since: AwareDatetime
    port: int | None
    """The relayed port; null where nothing is relayed."""
    to_target: int
    """Bytes relayed to the real printer."""
    to_client: int
    last_command: str
    """The last command that passed, `print.pause` or `STOR`."""
    slicer: SlicerObject | None


class LastSlicerObject(BaseModel):
    """The slicer that turned up last."""

    client: str
    service: str
    at: AwareDatetime
    slicer: SlicerObject | None


class SessionsObject(BaseModel):
    """Who is there. A slicer usually has a session at mqtt, and one at ftps for each upload."""

    items: list[SessionObject]
    last_slicer: LastSlicerObject | None
    """None if no slicer was ever seen."""


def session_object(one: Session, known: dict[str, Slicer]) -> SessionObject:
    """A session with the program that its slicer is, as far as known."""
    return SessionObject(
        session=one.id,
        service=one.service,
        client=one.client,
        owner=one.owner,
        since=one.since,
        port=one.port,
        to_target=one.to_target,
        to_client=one.to_client,
        last_command=one.last_command,
        slicer=_slicer(known.get(one.client)),
    )


async def _get(call: Call) -> SessionsObject:
    live = call.control.live.sessions
    async with call.control.database.read() as session:
        await printers.get(session, call.id)
        last = live.last_seen(call.id) or await slicers.last_seen(session, call.id)
        items = live.of(call.id)
        clients = {one.client for one in items} | ({last.client} if last else set())
        known = await slicers.by_client(session, clients)
    return SessionsObject(
        items=[session_object(one, known) for one in items], last_slicer=_last(last, known) if last else None
    )


async def _disconnect(call: Call) -> None:
    id_ = call.request.match_info["session_id"]
    async with call.control.database.read() as session:
        printer = await printers.get(session, call.id)
    one = call.control.live.sessions.one_of(printer.id, id_)
    if one is None:
        raise NotThere("session", id_)
    if one.service != RELAYING:
        raise Conflict(
            "not_relayed",
            f"this session is at {one.service}; only those that a proxy relays can be closed",
            hint="revoke or rotate its access code: that ends it",
        )
    if (problem := call.control.bus.problem()) is not None:
        raise Unable("nats_away", problem, hint="try again when NATS is back")
    async with call.control.database.write() as session:
        about = {"printer": printer.id, "name": printer.name, "client": one.client}
        record(session, call.control.clock(), EventType.SESSION_DISCONNECTED, session=id_, **about)
    await call.control.bus.publish(subjects.disconnect(printer.id), Disconnect(printer=printer.id, session=id_))


def _last(last: Sighting, known: dict[str, Slicer]) -> LastSlicerObject:
    return LastSlicerObject(
        client=last.client, service=last.service, at=last.at, slicer=_slicer(known.get(last.client))
    )


def _slicer(slicer: Slicer | None) -> SlicerObject | None:
    return SlicerObject(name=slicer.name, version=slicer.version) if slicer else None


ROUTES = (
    Route(
        "GET", "/virtual-printers/{id}/sessions", "Which slicers are logged in, and who came last", _get, SessionsObject
    ),
    Route(
        "POST",
        "/virtual-printers/{id}/sessions/{session_id}/disconnect",
        "Close a relayed session; the slicer may connect again",
        _disconnect,
        status=HTTPStatus.NO_CONTENT,
        access=Access.PRINTERS,
        problems=((HTTPStatus.CONFLICT, "not_relayed"), (HTTPStatus.SERVICE_UNAVAILABLE, "nats_away")),
    ),
)
