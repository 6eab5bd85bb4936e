"""The whole HTTP application."""

from html import escape
from importlib.metadata import version

from aiohttp import web
from aiohttp.typedefs import Handler

from vprinter_control.api import archive, events, host, pending, projects, queue, tokens, virtual_printers
from vprinter_control.api.context import Control
from vprinter_control.api.openapi import document
from vprinter_control.api.problems import problem_documents
from vprinter_control.api.routing import PREFIX, Route, add_routes

MAX_BODY = 1024 * 1024

ROUTES: tuple[Route, ...] = (
    *host.ROUTES,
    *virtual_printers.ROUTES,
    *pending.ROUTES,
    *archive.ROUTES,
    *queue.ROUTES,
    *projects.ROUTES,
    *events.ROUTES,
    *tokens.ROUTES,
)


def make_app(control: Control) -> web.Application:
    """The API, its OpenAPI document, and two plain pages."""

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

    openapi = document(ROUTES, version("vprinter-control"))

    async def openapi_json(_request: web.Request) -> web.Response:
        return web.json_response(openapi)

    app = web.Application(client_max_size=MAX_BODY, middlewares=[counted, problem_documents])
    add_routes(app, control, ROUTES)
    app.router.add_get(f"{PREFIX}/openapi.json", openapi_json)
    app.router.add_get("/", _page(_WELCOME))
    app.router.add_get("/api/docs", _page(_routes_page()))
    app.on_shutdown.append(stop)
    return app


_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
_FRAME = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>Virtual Printer</title><style>body{{font:16px/1.5 system-ui;max-width:50rem;margin:2rem auto;"
    "padding:0 1rem}}code{{white-space:nowrap}}td{{padding-right:1rem}}</style><h1>Virtual Printer</h1>{body}</html>"
)
_WELCOME = (
    "<p>It runs. There is no page yet; the HTTP API is under <code>/api/v1</code>.</p><ul>"
    '<li><a href="/api/docs">What the API can do</a></li>'
    '<li><a href="/api/v1/openapi.json">OpenAPI document</a></li>'
    '<li><a href="/api/v1/certificate-authority.pem">The certificate that slicers must trust</a></li></ul>'
)


def _routes_page() -> str:
    rows = "".join(
        f"<tr><td><code>{route.method}</code><td><code>{escape(PREFIX + route.path)}</code><td>{escape(route.summary)}"
        for route in ROUTES
    )
    return f"<p>Send <code>Authorization: Bearer &lt;token&gt;</code>.</p><table>{rows}</table>"


def _page(body: str) -> Handler:
    text = _FRAME.format(body=body)

    async def page(_request: web.Request) -> web.Response:
        return web.Response(
            text=text,
            content_type="text/html",
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )

    return page
