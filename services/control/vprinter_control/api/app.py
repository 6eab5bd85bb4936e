"""The whole HTTP application."""

from functools import cache
from importlib.metadata import version
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from vprinter_control.api import (
    access_codes,
    archive,
    audit,
    certificate_authority,
    diagnosis,
    events,
    host,
    pending,
    projects,
    queue,
    real_printers,
    relayed_commands,
    session,
    sessions_of_printers,
    setup,
    tokens,
    uploads,
    virtual_printers,
)
from vprinter_control.api.context import Control
from vprinter_control.api.docs_page import add_docs
from vprinter_control.api.octoprint import add_octoprint
from vprinter_control.api.openapi import document
from vprinter_control.api.page import add_page
from vprinter_control.api.problems import problem_documents
from vprinter_control.api.routing import PREFIX, Route, add_routes
from vprinter_control.api.shield import shield

MAX_BODY = 1024 * 1024

ROUTES: tuple[Route, ...] = (
    *host.ROUTES,
    *certificate_authority.ROUTES,
    *virtual_printers.ROUTES,
    *real_printers.ROUTES,
    *relayed_commands.ROUTES,
    *diagnosis.ROUTES,
    *access_codes.ROUTES,
    *pending.ROUTES,
    *archive.ROUTES,
    *audit.ROUTES,
    *queue.ROUTES,
    *projects.ROUTES,
    *events.ROUTES,
    *uploads.ROUTES,
    *sessions_of_printers.ROUTES,
    *setup.ROUTES,
    *tokens.ROUTES,
    *session.ROUTES,
)


def make_app(control: Control) -> web.Application:
    """The API, its OpenAPI document and documentation, and the page."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        status = 500
        try:
            response = await handler(request)
            status = response.status
        finally:
            resource = request.match_info.route.resource
            route = resource.canonical if resource is not None else "unknown"
            method = request.method if request.method in _METHODS else "other"
            control.metrics.requests.labels(route, method, str(status)).inc()
        return response

    async def stop(_app: web.Application) -> None:
        control.stopping.set()
        control.database.commits.announce()

    openapi = _openapi()

    async def openapi_json(_request: web.Request) -> web.Response:
        return web.json_response(openapi)

    app = web.Application(client_max_size=MAX_BODY, middlewares=[counted, problem_documents])
    add_routes(app, control, ROUTES)
    add_octoprint(app, control)
    app.router.add_get(f"{PREFIX}/openapi.json", openapi_json)
    add_page(app)
    add_docs(app, openapi)
    app.on_response_prepare.append(shield)
    app.on_shutdown.append(stop)
    return app


@cache
def _openapi() -> dict[str, Any]:
    return document(ROUTES, version("vprinter-control"))


_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
