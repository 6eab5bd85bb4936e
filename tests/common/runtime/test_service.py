import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.common.nats_server import free_port
from tests.common.runtime.http import answers, get
from tests.common.runtime.programs import ended, program, until_logged
from tests.common.waiting import until
from vprinter_common.runtime.service import Runtime, ServiceFailed, serve
from vprinter_common.runtime.settings import AdminSettings, CommonSettings, NatsSettings
from vprinter_common.runtime.tasks import TaskSet


def settings(port: int) -> CommonSettings:
    """Of a service whose NATS is not there."""
    return CommonSettings(
        node="node", nats=NatsSettings(url=f"nats://127.0.0.1:{free_port()}"), admin=AdminSettings(port=port)
    )


@asynccontextmanager
async def nothing(_runtime: Runtime) -> AsyncIterator[None]:
    yield


async def test_without_nats_a_service_runs_and_says_that_it_is_degraded() -> None:
    port, stop = free_port(), asyncio.Event()
    async with TaskSet("test") as tasks:
        running = tasks.spawn(serve("proxy", settings(port), nothing, stop), "service")
        await until(lambda: answers(port))
        status, _, body = await get(port, "readyz")
        assert status == 200
        assert json.loads(body)["status"] == "degraded"
        assert "no connection to NATS" in json.loads(body)["problems"]["nats"]
        metrics = (await get(port, "metrics"))[2]
        assert 'vprinter_build_info{version="' in metrics
        assert "vprinter_bus_connected 0.0" in metrics
        assert "process_open_fds" in metrics
        stop.set()
        async with asyncio.timeout(30):
            await running


async def test_a_service_whose_root_task_ends_stops_and_fails() -> None:
    async def brief() -> None:
        return

    @asynccontextmanager
    async def body(runtime: Runtime) -> AsyncIterator[None]:
        runtime.root(runtime.tasks.spawn(brief(), "brief"))
        yield

    with pytest.raises(ServiceFailed, match="proxy:brief ended"):
        await serve("proxy", settings(free_port()), body, asyncio.Event())


async def test_a_taken_admin_port_is_named_with_its_owner_and_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceFailed) as failed:
            await serve("proxy", settings(port), nothing, asyncio.Event())
    assert f"metrics and health need port {port} on 127.0.0.1" in str(failed.value)
    assert f"pid {os.getpid()}" in str(failed.value)
    assert "VPRINTER_ADMIN__PORT" in str(failed.value)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_a_service_gracefully(number: signal.Signals) -> None:
    async with program("runs") as process:
        await until_logged(process, "started")
        process.send_signal(number)
        status, log = await ended(process)
    assert status == 0
    assert [line["event"] for line in log][-2:] == ["stopping", "stopped"]


@pytest.mark.parametrize(
    ("behaviour", "ready", "last"),
    [
        ("never starts", "starting", "service_failed"),
        ("never stops", "started", "stop_took_too_long"),
        ("blocks", "started", "stop_took_too_long"),
    ],
)
async def test_a_service_that_hangs_ends_in_time_all_the_same(behaviour: str, ready: str, last: str) -> None:
    async with program(behaviour) as process:
        await until_logged(process, ready)
        process.send_signal(signal.SIGTERM)
        status, log = await ended(process)
    assert status == 1
    assert log[-1]["event"] == last


async def test_a_service_that_lost_an_essential_task_exits_with_an_error_so_that_it_is_started_again() -> None:
    async with program("root task ends") as process:
        status, log = await ended(process)
    assert status == 1
    assert log[-1]["error"] == "proxy:heart ended, without which the service cannot do its work"
    assert "lost its mind" in next(line["exception"] for line in log if line["event"] == "task_failed")
