"""The admin listener: `/metrics`, `/livez`, `/readyz`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from vprinter_common.runtime.health import Health, Severity


def admin_app(registry: CollectorRegistry, health: Health) -> web.Application:
    """The three routes of every service."""

    async def metrics(request: web.Request) -> web.Response:
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encoder(registry), headers={"Content-Type": content_type})

    async def livez(_request: web.Request) -> web.Response:
        alive = health.alive()
        return web.json_response({"status": "alive" if alive else "stuck"}, status=200 if alive else 503)

    async def readyz(_request: web.Request) -> web.Response:
        problems = health.problems()
        worst = max((severity for severity, _ in problems.values()), default=None)
        body = {
            "status": "ready" if worst is None else worst.name.lower(),
            "problems": {name: text for name, (_, text) in problems.items()},
        }
        return web.json_response(body, status=503 if worst is Severity.FAILED else 200)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/livez", livez), web.get("/readyz", readyz)])
    return app


@asynccontextmanager
async def serve_admin(host: str, port: int, registry: CollectorRegistry, health: Health) -> AsyncIterator[None]:
    """Serve the admin routes while the context is open."""
    runner = web.AppRunner(admin_app(registry, health), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
