"""The API's socket. A port that is taken does not stop the rest of control: received files are still taken in."""

import asyncio
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from vprinter_common import net
from vprinter_common.runtime.tasks import TaskSet

log = structlog.get_logger()

RETRY = 5.0
STOP_WITHIN = 2.0
"""Seconds that requests have to end at the stop."""


class ApiListener:
    """Serves an application while the context is open; tries again for as long as the port cannot be had."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN)
        self._host = host
        self._port = port
        self._error: str | None = None
        self._tasks = TaskSet("api")

    def problem(self) -> str | None:
        """A sentence if the port cannot be had (a health check)."""
        return self._error

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        if not await self._open():
            self._tasks.spawn(self._keep_trying(), "open")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._tasks.close()
        await self._runner.cleanup()

    async def _keep_trying(self) -> None:
        while True:
            await asyncio.sleep(RETRY)
            if await self._open():
                return

    async def _open(self) -> bool:
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            await site.stop()
            self._error = await asyncio.to_thread(
                net.bind_error, error, self._host, self._port, "the API", "VPRINTER_CONTROL__PORT"
            )
            log.error("api_not_served", error=self._error)
            return False
        self._error = None
        log.info("api_serves", host=self._host, port=self._port)
        return True
