"""Who calls: bearer tokens, and a brake on guessing them."""

from http import HTTPStatus
from math import ceil

import structlog
from aiohttp import web

from vprinter_control.api.context import Control
from vprinter_control.api.problems import ProblemError
from vprinter_control.tokens import Identity, identify

log = structlog.get_logger()

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="vprinter"'}
_HINT = "send Authorization: Bearer <token>; the first admin token was shown at the first start"


async def authorise(control: Control, request: web.Request, *, admin: bool) -> Identity:
    """The caller's identity, or a problem."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED, "no_token", "the request has no bearer token", hint=_HINT, headers=_CHALLENGE
        )
    address = request.remote or "unknown"
    if (wait := control.brake.refused_for(address)) > 0:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_failures",
            f"too many wrong tokens from {address}; try again in {ceil(wait)} s",
            headers={"Retry-After": str(ceil(wait))},
        )
    async with control.database.read() as session:
        identity = await identify(session, token)
    if identity is None:
        control.brake.failed(address)
        log.warning("token_refused", peer=address)
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED, "wrong_token", "the token is not known", hint=_HINT, headers=_CHALLENGE
        )
    control.brake.succeeded(address)
    if admin and not identity.is_admin:
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "read_only", "this token may only read", hint="use a token with the scope admin"
        )
    return identity
