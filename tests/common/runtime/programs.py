"""A small service as a process."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.common.nats_server import free_port
from tests.common.runtime.service_program import SECRET


@asynccontextmanager
async def program(behaviour: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service of service_program.py as a process."""
    settings = {
        "VPRINTER_ADMIN__PORT": str(free_port()),
        "VPRINTER_NATS__URL": f"nats://me:{SECRET}@127.0.0.1:{free_port()}",
        "VPRINTER_NATS__PASSWORD": SECRET,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.common.runtime.service_program", behaviour),
        env=os.environ | settings | environ,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_logged(process: asyncio.subprocess.Process, event: str) -> None:
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while json.loads(await process.stderr.readline()).get("event") != event:
            pass


async def ended(process: asyncio.subprocess.Process, within: float = 30) -> tuple[int | None, list[dict[str, Any]]]:
    """Exit status and the rest of the log."""
    async with asyncio.timeout(within):
        _, log = await process.communicate()
    return process.returncode, [json.loads(line) for line in log.splitlines()]
