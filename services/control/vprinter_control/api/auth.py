"""Who calls: bearer tokens, the page's session, and a brake on guessing."""

from http import HTTPStatus
from math import ceil

import structlog
from aiohttp import web

from vprinter_control import sessions, tokens
from vprinter_control.api.caller import Caller
from vprinter_control.api.context import Control
from vprinter_control.api.problems import ProblemError
from vprinter_control.store.schema import PageSession, Token
from vprinter_control.tokens import Identity, Scope

log = structlog.get_logger()

COOKIE = "vprinter_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="vprinter"'}
_HINT = "send Authorization: Bearer <token>; the first admin token was shown at the first start"


async def authorise(control: Control, request: web.Request, caller: Caller, scope: Scope) -> Identity:
    """The caller's identity, or a problem: by token, else by the page's session."""
    if (token := _bearer(request)) is not None:
        identity = await by_token(control, caller, token)
    elif COOKIE in request.cookies:
        if request.method not in _SAFE:
            refuse_cross_site(request, caller, origin_required=True)
        identity = await _by_session(control, request.cookies[COOKIE])
    else:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED, "no_token", "the request has no bearer token", hint=_HINT, headers=_CHALLENGE
        )
    refuse_bound(identity)
    if not identity.may(scope):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "missing_scope",
            f"{identity.name} lacks the scope {scope.value}",
            hint=f"use a token with the scope {scope.value}",
        )
    return identity


async def by_token(control: Control, caller: Caller, text: str) -> Identity:
    """Who holds a token, or a problem; failures are counted by address. Tokens for one printer are let through."""
    if (wait := control.brake.refused_for(caller.address)) > 0:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_failures",
            f"too many wrong tokens from {caller.address}; try again in {ceil(wait)} s",
            headers={"Retry-After": str(ceil(wait))},
        )
    now = control.clock()
    async with control.database.read() as session:
        identity = await tokens.identify(session, text, now)
    if identity is None:
        control.brake.failed(caller.address)
        log.warning("token_refused", peer=caller.address)
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            "wrong_token",
            "the token is not known, or has expired",
            hint=_HINT,
            headers=_CHALLENGE,
        )
    control.brake.succeeded(caller.address)
    control.uses.note(Token, identity.token, now)
    return identity


def refuse_bound(identity: Identity) -> None:
    """A token that uploads to one printer stands in a slicer's settings, where anyone may read it."""
    if identity.printer_id is not None:
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "bound_token",
            f"{identity.name} is for uploads to one printer only",
            hint="use a token without printer_id",
        )


def refuse_cross_site(request: web.Request, caller: Caller, *, origin_required: bool) -> None:
    """Refuse what another site's page made the browser send."""
    origin = request.headers.get("Origin")
    if origin is None and not origin_required:
        return
    if origin is None or not caller.is_same_origin(origin):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "cross_site",
            f"the request comes from {(origin or 'an unknown page')[:200]}, this is {caller.host[:200]}",
            hint="open the page at its own address; behind a reverse proxy pass Host on, or set "
            "VPRINTER_CONTROL__TRUSTED_PROXIES",
        )


async def _by_session(control: Control, text: str) -> Identity:
    now = control.clock()
    async with control.database.read() as session:
        identity = await sessions.identify(session, text, control.uses, now)
    if identity is None or identity.session is None:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED, "session_ended", "the session has ended", hint="log in again", headers=_CHALLENGE
        )
    control.uses.note(PageSession, identity.session, now)
    control.uses.note(Token, identity.token, now)
    return identity


def _bearer(request: web.Request) -> str | None:
    """The token; other schemes are somebody else's, such as a reverse proxy's."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
