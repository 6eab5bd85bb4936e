"""`audit`: who changed what, and which slicer sent which file from where."""

from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime, BaseModel
from sqlalchemy import select

from vprinter_control.api.fields import Id, Wanted
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.routing import Access, Call, Route
from vprinter_control.store.acting import ActorKind
from vprinter_control.store.schema import AuditEntry


class AuditQuery(Paging):
    """What to list: all of the given must hold."""

    object: Id | None = None
    """Id of what was changed."""
    actor: Wanted | None = None
    """Name of a token, or owner of an access code."""


class ActorObject(BaseModel):
    """Who did it: a token, somebody who logged in with one, the owner of a slicer's access code, or the service."""

    kind: ActorKind
    name: str


class SubjectObject(BaseModel):
    """What it was done to, by the name it had then."""

    kind: str
    id: str
    name: str


class AuditObject(BaseModel):
    """One change. `changes` holds `{"from": …, "to": …}` for each field, or what else there is to say."""

    id: str
    at: AwareDatetime
    actor: ActorObject
    address: str | None
    action: str
    object: SubjectObject
    changes: dict[str, Any]


async def _list(call: Call) -> Page[AuditObject]:
    wanted: AuditQuery = call.query
    query = select(AuditEntry)
    if wanted.object is not None:
        query = query.where(AuditEntry.object_id == wanted.object)
    if wanted.actor is not None:
        query = query.where(AuditEntry.actor_name == wanted.actor)
    async with call.control.database.read() as session:
        return await page(session, query, AuditEntry.seq, wanted, _show)


async def _show(entries: Sequence[AuditEntry]) -> list[AuditObject]:
    return [
        AuditObject(
            id=entry.id,
            at=entry.at,
            actor=ActorObject(kind=ActorKind(entry.actor_kind), name=entry.actor_name),
            address=entry.address,
            action=entry.action,
            object=SubjectObject(kind=entry.object_kind, id=entry.object_id, name=entry.object_name),
            changes=entry.changes,
        )
        for entry in entries
    ]


ROUTES = (
    Route(
        "GET",
        "/audit",
        "List who changed or sent what, the newest first",
        _list,
        Page[AuditObject],
        query=AuditQuery,
        access=Access.ADMIN,
    ),
)
