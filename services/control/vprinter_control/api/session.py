"""`session`: the page logs in with a token and holds a cookie from then on."""

from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from vprinter_control import sessions
from vprinter_control.api.auth import COOKIE, by_token, refuse_bound, refuse_cross_site
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.sessions import LONGEST
from vprinter_control.store.acting import Actor, ActorKind, act_as
from vprinter_control.tokens import Identity, Scope


class SessionBody(Body):
    """A login."""

    token: Annotated[SecretStr, Field(min_length=1, max_length=500)]


class SessionObject(BaseModel):
    """Who is logged in."""

    name: str
    """The token's name."""
    scopes: list[Scope]


async def _log_in(call: Call) -> web.Response:
    body: SessionBody = call.body
    control = call.control
    refuse_cross_site(call.request, call.caller, origin_required=False)
    identity = await by_token(control, call.caller, body.token.get_secret_value())
    refuse_bound(identity)
    text = control.new_token()
    with act_as(Actor(ActorKind.TOKEN, identity.name, call.caller.address)):
        async with control.database.write() as session:
            await sessions.begin(session, identity, text, control.clock())
    response = web.Response(
        status=HTTPStatus.CREATED,
        body=_object(identity).model_dump_json().encode(),
        content_type="application/json",
    )
    # Longer than a session lasts unused: how long it counts, the server decides at each request.
    response.set_cookie(
        COOKIE,
        text,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        httponly=True,
        samesite="Strict",
        secure=call.caller.scheme == "https",
    )
    return response


async def _who(call: Call) -> SessionObject:
    assert call.identity is not None  # noqa: S101 - the route is not public
    return _object(call.identity)


async def _log_out(call: Call) -> web.Response:
    control = call.control
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    text = call.request.cookies.get(COOKIE)
    if text is not None:
        refuse_cross_site(call.request, call.caller, origin_required=True)
        now = control.clock()
        async with control.database.write() as session:
            identity = await sessions.identify(session, text, control.uses, now)
            if identity is not None:
                with act_as(Actor(ActorKind.SESSION, identity.name, call.caller.address)):
                    await sessions.end(session, identity, now)
        if identity is not None:
            control.streams.end(session=identity.session)
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=call.caller.scheme == "https")
    return response


def _object(identity: Identity) -> SessionObject:
    return SessionObject(name=identity.name, scopes=sorted(identity.scopes))


_CROSS_SITE = (HTTPStatus.FORBIDDEN, "cross_site")
ROUTES = (
    Route(
        "POST",
        "/session",
        "Log in with a token; the answer sets the session's cookie",
        _log_in,
        SessionObject,
        body=SessionBody,
        status=HTTPStatus.CREATED,
        access=Access.PUBLIC,
        problems=(
            _CROSS_SITE,
            (HTTPStatus.FORBIDDEN, "bound_token"),
            (HTTPStatus.UNAUTHORIZED, "wrong_token"),
            (HTTPStatus.TOO_MANY_REQUESTS, "too_many_failures"),
        ),
    ),
    Route("GET", "/session", "Who is logged in", _who, SessionObject),
    Route("DELETE", "/session", "Log out", _log_out, access=Access.PUBLIC, problems=(_CROSS_SITE,)),
)
