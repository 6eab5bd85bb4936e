"""A small service that test_runtime.py runs as a process: `python -m tests.common.runtime.service_program <behaviour>`."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from pydantic import SecretStr

from vprinter_common.bus import connection
from vprinter_common.runtime import service
from vprinter_common.runtime.service import Runtime, run
from vprinter_common.runtime.settings import CommonSettings

log = structlog.get_logger()
SECRET = "Sesame42"
HANGING = ("never starts", "never stops", "blocks")


async def _ends_soon() -> None:
    await asyncio.sleep(0.05)
    raise RuntimeError("lost its mind")


async def _ignores_cancellation() -> None:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


@asynccontextmanager
async def body(runtime: Runtime) -> AsyncIterator[None]:
    match sys.argv[1]:
        case "root task ends":
            runtime.root(runtime.tasks.spawn(_ends_soon(), "heart"))
        case "never starts":
            log.info("starting")
            await asyncio.sleep(3600)
        case "never stops":
            runtime.tasks.spawn(_ignores_cancellation(), "mule")
        case "talks":
            log.info("secrets", access_code=SECRET, nats_password=SECRET, deep={"list": [{"token": SECRET}]})
            log.info("wrapped", settings=SecretStr(SECRET))
            logging.getLogger("elsewhere").warning("from the standard library")
            log.error("failed", exc_info=ValueError("a cause"))
    yield
    if sys.argv[1] == "blocks":
        time.sleep(3600)  # noqa: ASYNC251 - a mistake, made here on purpose


if __name__ == "__main__":
    connection.CONNECT_TIMEOUT = 0.3
    if sys.argv[1] in HANGING:  # the others are to stop in time, however loaded the machine is
        service.STOP_POLITE, service.STOP_GRACE = 0.5, 1.5
    else:
        service.STOP_POLITE, service.STOP_GRACE = 20.0, 25.0
    run("proxy", CommonSettings(), body)
