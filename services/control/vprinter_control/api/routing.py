"""Routes as data: what serves requests, and what the OpenAPI document is made from."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from json import loads
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from vprinter_control.api.auth import authorise
from vprinter_control.api.context import Control
from vprinter_control.api.problems import ProblemError, from_validation
from vprinter_control.tokens import Identity

PREFIX = "/api/v1"
_PARAMETERS = {"id": "[A-Za-z0-9_-]{1,64}", "plate": "[1-9][0-9]{0,3}"}


class Access(StrEnum):
    """Who may call a route."""

    PUBLIC = "public"
    READ = "read"
    ADMIN = "admin"


class Body(BaseModel):
    """Something that a client sends: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


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

    @property
    def id(self) -> str:
        """The `{id}` of the path."""
        return self.request.match_info["id"]

    @property
    def sees_secrets(self) -> bool:
        """Whether the answer may hold access codes."""
        return self.identity is not None and self.identity.is_admin


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
    body_optional: bool = False

    @property
    def needs(self) -> Access:
        """Who may call it."""
        return self.access or (Access.READ if self.method == "GET" else Access.ADMIN)


def add_routes(app: web.Application, control: Control, routes: Iterable[Route]) -> None:
    """Serve the routes."""
    for route in routes:
        path = PREFIX + route.path
        for name, pattern in _PARAMETERS.items():
            path = path.replace(f"{{{name}}}", f"{{{name}:{pattern}}}")
        app.router.add_route(route.method, path, _serve(control, route))


def _serve(control: Control, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        identity = None
        if route.needs is not Access.PUBLIC:
            identity = await authorise(control, request, admin=route.needs is Access.ADMIN)
        try:
            query = route.query.model_validate(dict(request.query))
            body = await _body(request, route)
        except ValidationError as error:
            raise from_validation(error) from error
        result = await route.handler(Call(request, control, identity, body, query))
        if result is None:
            return web.Response(status=HTTPStatus.NO_CONTENT)
        if isinstance(result, web.StreamResponse):
            return result
        return web.Response(
            status=route.status, body=result.model_dump_json().encode(), content_type="application/json"
        )

    return serve


async def _body(request: web.Request, route: Route) -> Body | None:
    if route.body is None:
        return None
    content = await request.read()
    if not content and route.body_optional:
        return route.body()
    try:
        document = loads(content)
    except (ValueError, RecursionError) as error:  # also for a number of too many digits
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "not_json",
            f"the body is not JSON: {error}"[:200],
            hint="send a JSON object with Content-Type: application/json",
        ) from error
    return route.body.model_validate(document)
