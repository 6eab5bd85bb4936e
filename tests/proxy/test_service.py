"""The proxy service as a process."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from tests.common.nats_server import NatsServer, free_port
from tests.common.printers import virtual_printer
from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.status import PrinterStatus, State

REASON = "proxy mode needs a real printer behind it: choose one"


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path) as server:
        yield server


async def test_a_proxy_without_a_printer_behind_it_is_reported_as_failed_and_the_service_stops_when_told(
    nats: NatsServer, tmp_path: Path
) -> None:
    port = free_port()
    environ = os.environ | {
        "VPRINTER_DATA_DIR": str(tmp_path / "data"),
        "VPRINTER_NODE": "node",
        "VPRINTER_ADMIN__PORT": str(port),
        "VPRINTER_NATS__URL": nats.settings.url,
        "VPRINTER_NATS__USER": "test",
        "VPRINTER_NATS__PASSWORD": nats.password,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vprinter_proxy", env=environ, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with Bus(nats.settings, "control", CollectorRegistry()) as bus:
            await bus.wait_connected()
            await bus.put(subjects.PRINTERS, "p1", virtual_printer(mode="proxy"))
            status = await failed(bus)
        assert status.error == REASON
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/readyz") as answer:
            assert (await answer.json())["problems"] == {"listeners": f"Virtual Printer: {REASON}"}
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            _, log = await process.communicate()
        assert process.returncode == 0
        assert b"Sesame" not in log
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def failed(bus: Bus) -> PrinterStatus:
    """The printer's status once it says that it failed."""
    async for statuses in bus.watch(subjects.STATUS, PrinterStatus):
        status = statuses.get("p1.proxy.node")
        if status is not None and status.state is State.FAILED:
            return status
    raise AssertionError("a watch does not end")
