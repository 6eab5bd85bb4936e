"""The admin listener: `/metrics`, `/livez`, `/readyz`, one request a connection.

h11 knows HTTP; a whole web server would take a fifth more memory in every edge (docs/adr/0023-small-edges.md).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import h11
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from vprinter_common.runtime.health import Health, Severity
from vprinter_common.runtime.tasks import TaskSet

WITHIN = 10.0
"""Seconds from the connection until all of the answer must have been taken."""
MAX_HEAD = 16 * 1024
"""Bytes of a request at most."""
MAX_CONNECTIONS = 64
"""At once; who comes then is sent away."""
METHODS = ("GET", "HEAD")

Page = tuple[HTTPStatus, str, bytes]
"""Status, content type and body."""
Route = Callable[[str], Page]
"""Given the value of `Accept`."""


def admin_routes(registry: CollectorRegistry, health: Health) -> dict[str, Route]:
    """The three routes of every service."""

    def metrics(accept: str) -> Page:
        encoder, content_type = choose_encoder(accept)
        return HTTPStatus.OK, content_type, encoder(registry)

    def livez(_accept: str) -> Page:
        if health.alive():
            return _json(HTTPStatus.OK, {"status": "alive"})
        return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "stuck"})

    def readyz(_accept: str) -> Page:
        problems = health.problems()
        worst = max((severity for severity, _ in problems.values()), default=None)
        status = HTTPStatus.SERVICE_UNAVAILABLE if worst is Severity.FAILED else HTTPStatus.OK
        texts = {name: text for name, (_, text) in problems.items()}
        return _json(status, {"status": "ready" if worst is None else worst.name.lower(), "problems": texts})

    return {"/metrics": metrics, "/livez": livez, "/readyz": readyz}


@asynccontextmanager
async def serve_admin(host: str, port: int, registry: CollectorRegistry, health: Health) -> AsyncIterator[None]:
    """Serve the admin routes while the context is open; raises OSError if the port cannot be had."""
    routes = admin_routes(registry, health)
    async with TaskSet("admin") as tasks:

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(tasks) < MAX_CONNECTIONS:
                tasks.spawn(_converse(routes, reader, writer), "request")
            else:
                writer.transport.abort()

        server = await asyncio.start_server(connected, host, port)
        try:
            yield
        finally:
            server.close()


async def _converse(routes: dict[str, Route], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(WITHIN):
            await _answer(routes, reader, writer)
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError):
        pass  # the client left, or is too slow
    finally:
        writer.transport.abort()


async def _answer(routes: dict[str, Route], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    with_body = True
    try:
        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(await reader.read(MAX_HEAD))
    except h11.RemoteProtocolError as error:
        page = _text(HTTPStatus(error.error_status_hint), str(error))
    else:
        if not isinstance(event, h11.Request):
            return  # it left without a word
        page, with_body = _page(routes, event), event.method != b"HEAD"
    status, content_type, body = page
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("Connection", "close")]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", ", ".join(METHODS)))
    writer.write(http.send(h11.Response(status_code=status, reason=status.phrase, headers=headers)) or b"")
    if with_body:
        writer.write(http.send(h11.Data(body)) or b"")
    await writer.drain()


def _page(routes: dict[str, Route], request: h11.Request) -> Page:
    path = request.target.decode("latin-1").partition("?")[0]
    route = routes.get(path)
    if route is None:
        return _text(HTTPStatus.NOT_FOUND, f"not found: there is {', '.join(routes)}")
    if request.method.decode("latin-1") not in METHODS:
        return _text(HTTPStatus.METHOD_NOT_ALLOWED, "there is nothing here to change: use GET")
    accept = b",".join(value for name, value in request.headers if name == b"accept")
    return route(accept.decode("latin-1"))


def _text(status: HTTPStatus, text: str) -> Page:
    return status, "text/plain; charset=utf-8", f"{text}\n".encode()


def _json(status: HTTPStatus, value: object) -> Page:
    return status, "application/json; charset=utf-8", json.dumps(value).encode()
