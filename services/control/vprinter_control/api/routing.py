"""Routes as data: what serves requests, and what the OpenAPI document is made from."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from vprinter_control.api.auth import authorise
from vprinter_control.api.caller import Caller, caller_of
from vprinter_control.api.conditional import Item, Turns, check
from vprinter_control.api.context import Control
from vprinter_control.api.once import Once
from vprinter_control.api.problems import ProblemError, from_validation
from vprinter_control.store.acting import Actor, ActorKind, act_as
from vprinter_control.tokens import Identity, Scope

PREFIX = "/api/v1"
BODY_WITHIN = 30.0
"""Seconds that a body of at most 1 MiB may take."""
_ID = "[A-Za-z0-9_-]{1,64}"
PARAMETERS = {"id": _ID, "code_id": _ID, "session_id": _ID, "plate": "[1-9][0-9]{0,3}"}


class Access(StrEnum):
    """Who may call a route: anyone, or who has the scope."""

    PUBLIC = "public"
    READ = Scope.READ
    FILES = Scope.FILES
    QUEUE = Scope.QUEUE
    PRINTERS = Scope.PRINTERS
    ADMIN = Scope.ADMIN


class Body(BaseModel):
    """Something that a client sends: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)


class Empty(Body):
    """A query or body without fields."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked."""

    request: web.Request
    control: Control
    identity: Identity | None
    body: Any
    """An instance of the route's body model."""
    query: Any
    """An instance of the route's query model."""
    caller: Caller

    @property
    def id(self) -> str:
        """The `{id}` of the path."""
        return self.request.match_info["id"]

    @property
    def sees_secrets(self) -> bool:
        """Whether the answer may hold access codes."""
        return self.identity is not None and self.identity.may(Scope.PRINTERS)


Result = BaseModel | web.StreamResponse | None


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. The handler's model is sent with `status`; None is 204."""

    method: str
    path: str
    summary: str
    handler: Callable[[Call], Awaitable[Result]]
    answer: type[BaseModel] | None = None
    body: type[Body] | None = None
    query: type[Body] = Empty
    status: HTTPStatus = HTTPStatus.OK
    access: Access | None = None
    """None = to look takes `read`, to change takes `admin`."""
    media_type: str = "application/json"
    other_media_types: tuple[str, ...] = ()
    body_optional: bool = False
    problems: tuple[tuple[HTTPStatus, str], ...] = ()
    """Problems that only this route knows, by status and code. See `api.answers` for those that follow by themselves."""
    empty: tuple[HTTPStatus, ...] = ()
    """Other statuses that it may answer with, without a body."""
    secret_answer: bool = False
    """The answer must not be kept, not even for a repeated request."""

    @property
    def needs(self) -> Access:
        """Who may call it."""
        return self.access or (Access.READ if self.method == "GET" else Access.ADMIN)

    @property
    def endless(self) -> bool:
        """Whether the answer goes on until someone ends it."""
        return self.media_type == "text/event-stream"


def add_routes(app: web.Application, control: Control, routes: Iterable[Route]) -> None:
    """Serve the routes."""
    routes = list(routes)
    once, turns = Once(control), Turns()
    methods: dict[str, set[str]] = {}
    for route in routes:
        path = PREFIX + route.path
        for name, pattern in PARAMETERS.items():
            path = path.replace(f"{{{name}}}", f"{{{name}:{pattern}}}")
        app.router.add_route(route.method, path, _serve(control, route, looked_at(route, routes), once, turns))
        methods.setdefault(path, set()).add(route.method)
    for path, known in methods.items():
        # Without it, what is spelt out (`pending/bulk`) would fall through to what is matched (`pending/{id}`).
        app.router.add_route("*", path, _refuse_method(known))


def _refuse_method(known: set[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def refuse(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, known)

    return refuse


def looked_at(route: Route, routes: Iterable[Route]) -> Route | None:
    """The route that shows what this one changes, if it is sent with an ETag."""
    for other in routes:
        if route.method in ("PATCH", "DELETE") and (other.method, other.path) == ("GET", route.path):
            return other if other.answer is not None and issubclass(other.answer, Item) else None
    return None


def _serve(
    control: Control, route: Route, look: Route | None, once: Once, turns: Turns
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        caller = caller_of(request, control.proxies)
        identity = None
        if route.needs is not Access.PUBLIC:
            identity = await authorise(control, request, caller, Scope(route.needs))
        try:
            query = route.query.model_validate(dict(request.query))
            body = await _body(request, route)
        except ValidationError as error:
            raise from_validation(error) from error
        call = Call(request, control, identity, body, query, caller)
        with ExitStack() as stack:
            if identity is not None and route.endless and request.transport is not None:
                stack.enter_context(control.streams.opened(identity, request.transport))
            stack.enter_context(act_as(_actor(identity, caller)))
            match route.method:
                case "POST" if identity is not None and not route.endless:
                    content = await request.read() if route.body else b""
                    return await once.answer(
                        request, identity.token, content, lambda: _answer(route, call), secret=route.secret_answer
                    )
                case "PATCH" | "DELETE":
                    async with turns.of(request.path):
                        if look is not None and "If-Match" in request.headers:
                            check(request, await _look(look, call))
                        return await _answer(route, call)
                case _:
                    return await _answer(route, call)

    return serve


async def _answer(route: Route, call: Call) -> web.StreamResponse:
    result = await route.handler(call)
    if result is None:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    if isinstance(result, web.StreamResponse):
        return result
    return web.Response(
        status=route.status,
        body=result.model_dump_json().encode(),
        content_type="application/json",
        headers={"ETag": result.etag} if isinstance(result, Item) else None,
    )


async def _look(look: Route, call: Call) -> BaseModel:
    """What is there before a change."""
    result = await look.handler(replace(call, body=None, query=look.query()))
    if not isinstance(result, BaseModel):
        raise TypeError(f"GET {look.path} answers no item")
    return result


def _actor(identity: Identity | None, caller: Caller) -> Actor:
    if identity is None:
        return Actor(ActorKind.SYSTEM, address=caller.address)
    return Actor(ActorKind(identity.via), identity.name, caller.address)


async def _body(request: web.Request, route: Route) -> Body | None:
    if route.body is None:
        return None
    try:
        async with asyncio.timeout(BODY_WITHIN):
            content = await request.read()
    except TimeoutError as error:
        raise ProblemError(
            HTTPStatus.REQUEST_TIMEOUT,
            "body_too_slow",
            f"the body took more than {BODY_WITHIN:g} s",
            hint="send it again",
        ) from error
    if not content and route.body_optional:
        return route.body()
    try:
        return route.body.model_validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        if first["type"] != "json_invalid":
            raise
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "not_json",
            f"the body is not JSON: {first['msg']}"[:200],
            hint="send a JSON object with Content-Type: application/json",
        ) from error
