"""`tokens`: who may use the API."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select

from vprinter_control.api.fields import Name
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.domain.refusal import Conflict, NotThere
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import Token
from vprinter_control.tokens import Scope, add


class TokenBody(Body):
    """A new token."""

    name: Name
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=2)] = (Scope.READ,)


class TokenObject(BaseModel):
    """A token without the token."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: AwareDatetime


class NewTokenObject(TokenObject):
    """A token; it is shown this once."""

    token: str


async def _list(call: Call) -> Page[TokenObject]:
    async with call.control.database.read() as session:
        return await page(session, select(Token), Token.seq, call.query, _show, newest_first=False)


async def _create(call: Call) -> NewTokenObject:
    body: TokenBody = call.body
    text = call.control.new_token()
    async with call.control.database.write() as session:
        token = await add(session, call.control.clock, body.name, sorted(set(body.scopes)), text)
    return NewTokenObject(**_object(token).model_dump(), token=text)


async def _delete(call: Call) -> None:
    async with call.control.database.write() as session:
        token = await session.scalar(select(Token).where(Token.id == call.id))
        if token is None:
            raise NotThere("token", call.id)
        others = await session.scalars(select(Token).where(Token.id != call.id))
        if not any(Scope.ADMIN in other.scopes for other in others):
            raise Conflict(
                "last_admin_token", "this is the last token with the scope admin", hint="create another one first"
            )
        await session.delete(token)
        record(session, call.control.clock(), EventType.TOKEN_DELETED, token=token.id, name=token.name)


async def _show(tokens: Sequence[Token]) -> list[TokenObject]:
    return [_object(token) for token in tokens]


def _object(token: Token) -> TokenObject:
    return TokenObject(
        id=token.id, name=token.name, scopes=[Scope(scope) for scope in token.scopes], created_at=token.created_at
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
    ),
    Route("DELETE", "/tokens/{id}", "Delete a token", _delete),
)
