"""The API's socket. A port that is taken does not stop the rest of control: received files are still taken in."""

import asyncio
import logging
from collections.abc import Sequence
from ipaddress import IPv4Network
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from vprinter_common import net
from vprinter_common.runtime.tasks import TaskSet
from vprinter_control.api.door import Door, GuardedSite

log = structlog.get_logger()

RETRY = 5.0
STOP_WITHIN = 2.0
"""Seconds that requests have to end at the stop."""
REQUEST_WITHIN = 30.0
"""Seconds from the connection, and from each answer, until the head of the next request must be there as a whole."""


def _is_no_bad_request(record: logging.LogRecord) -> bool:
    """Bytes that are no HTTP get a 400; a trace for each would let strangers fill the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


class ApiListener:
    """Serves an application while the context is open; tries again for as long as the port cannot be had."""

    def __init__(self, app: web.Application, host: str, port: int, proxies: Sequence[IPv4Network] = ()) -> None:
        logging.getLogger("aiohttp.server").addFilter(_is_no_bad_request)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=STOP_WITHIN, keepalive_timeout=REQUEST_WITHIN
        )
        self._door = Door(proxies)
        self._host = host
        self._port = port
        self._error: str | None = None
        self._tasks = TaskSet("api")

    def problem(self) -> str | None:
        """A sentence if the port cannot be had (a health check)."""
        return self._error

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it is served; nowhere as long as the port cannot be had."""
        return [(str(host), port) for host, port, *_ in self._runner.addresses]

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
        site = GuardedSite(self._runner, self._door, self._host, self._port)
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
