"""`tokens`: who may use the API."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.api.fields import Id, Name
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.domain.refusal import Conflict, Invalid, NotThere
from vprinter_control.store import printers
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import Token
from vprinter_control.tokens import Scope, add, holds


class TokenBody(Body):
    """A new token."""

    name: Name
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))] = (Scope.READ,)
    printer_id: Id | None = None
    """The one virtual printer that it uploads to, for OrcaSlicer's OctoPrint upload; it opens nothing else."""
    expires_at: AwareDatetime | None = None
    """Left out: it lasts until it is revoked."""


class TokenObject(BaseModel):
    """A token without the token."""

    id: str
    name: str
    scopes: list[Scope]
    printer_id: str | None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None


class NewTokenObject(TokenObject):
    """A token; it is shown this once."""

    token: str


async def _list(call: Call) -> Page[TokenObject]:
    async def show(tokens: Sequence[Token]) -> list[TokenObject]:
        return [_object(call, token) for token in tokens]

    async with call.control.database.read() as session:
        return await page(session, select(Token), Token.seq, call.query, show, newest_first=False)


async def _get(call: Call) -> TokenObject:
    async with call.control.database.read() as session:
        return _object(call, await _token(session, call.id))


async def _create(call: Call) -> NewTokenObject:
    body: TokenBody = call.body
    control = call.control
    if body.expires_at is not None and body.expires_at <= control.clock():
        raise Invalid("expired_already", f"{body.expires_at} is past", field="expires_at", hint="name a time to come")
    text = control.new_token()
    async with control.database.write() as session:
        if body.printer_id is not None:
            await printers.get(session, body.printer_id)
        token = await add(
            session,
            control.clock,
            body.name,
            sorted(set(body.scopes)),
            text,
            printer_id=body.printer_id,
            expires_at=body.expires_at,
        )
    return NewTokenObject(**_object(call, token).model_dump(), token=text)


async def _delete(call: Call) -> None:
    control = call.control
    now = control.clock()
    async with control.database.write() as session:
        token = await _token(session, call.id)
        others = await session.scalars(select(Token).where(Token.id != call.id, Token.printer_id.is_(None)))
        if not any(Scope.ADMIN in other.scopes and holds(other, now) for other in others):
            raise Conflict(
                "last_admin_token", "this is the last token with the scope admin", hint="create another one first"
            )
        await session.delete(token)
        record(session, now, EventType.TOKEN_DELETED, token=token.id, name=token.name)
    control.uses.forget(Token, token.id)
    control.streams.end(token=token.id)


async def _token(session: AsyncSession, id_: str) -> Token:
    token = await session.scalar(select(Token).where(Token.id == id_))
    if token is None:
        raise NotThere("token", id_)
    return token


def _object(call: Call, token: Token) -> TokenObject:
    return TokenObject(
        id=token.id,
        name=token.name,
        scopes=[Scope(scope) for scope in token.scopes],
        printer_id=token.printer_id,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=call.control.uses.newest(Token, token.id, token.last_used_at),
    )


ROUTES = (
    Route("GET", "/tokens", "List tokens", _list, Page[TokenObject], query=Paging, access=Access.ADMIN),
    Route(
        "POST",
        "/tokens",
        "Create a token; it is shown this once",
        _create,
        NewTokenObject,
        body=TokenBody,
        status=HTTPStatus.CREATED,
        access=Access.ADMIN,
        secret_answer=True,
        problems=((HTTPStatus.NOT_FOUND, "not_found"), (HTTPStatus.UNPROCESSABLE_ENTITY, "expired_already")),
    ),
    Route("GET", "/tokens/{id}", "Get a token, without the token", _get, TokenObject, access=Access.ADMIN),
    Route(
        "DELETE",
        "/tokens/{id}",
        "Revoke a token, and end the sessions begun with it",
        _delete,
        access=Access.ADMIN,
        problems=((HTTPStatus.CONFLICT, "last_admin_token"),),
    ),
)
