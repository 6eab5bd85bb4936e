import asyncio
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from structlog.testing import capture_logs

from tests.common.nats_server import free_port
from tests.common.service_program import SECRET
from tests.common.waiting import until
from vprinter_common.runtime.admin import serve_admin
from vprinter_common.runtime.health import MAX_LAG, Health, Severity
from vprinter_common.runtime.logging import redact
from vprinter_common.runtime.service import Runtime, ServiceFailed, serve
from vprinter_common.runtime.settings import AdminSettings, CommonSettings, NatsSettings
from vprinter_common.runtime.tasks import TaskSet


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def settings(port: int) -> CommonSettings:
    """Of a service whose NATS is not there."""
    return CommonSettings(
        node="node", nats=NatsSettings(url=f"nats://127.0.0.1:{free_port()}"), admin=AdminSettings(port=port)
    )


async def get(port: int, route: str, headers: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Status, content type and body."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/{route}", headers=headers) as answer,
    ):
        return answer.status, answer.headers["Content-Type"], await answer.text()


@asynccontextmanager
async def nothing(_runtime: Runtime) -> AsyncIterator[None]:
    yield


# -- health ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "status", "word"),
    [
        ({}, 200, "ready"),
        ({"well": (Severity.FAILED, None)}, 200, "ready"),
        ({"nats": (Severity.DEGRADED, "no NATS")}, 200, "degraded"),
        ({"nats": (Severity.DEGRADED, "no NATS"), "disk": (Severity.FAILED, "disk full")}, 503, "failed"),
    ],
    ids=["nothing to check", "well", "degraded", "failed"],
)
async def test_readyz_tells_the_worst_and_names_every_problem(
    checks: dict[str, tuple[Severity, str | None]], status: int, word: str
) -> None:
    registry = CollectorRegistry()
    health = Health(registry)
    for name, (severity, problem) in checks.items():
        health.add(name, severity, lambda problem=problem: problem)  # type: ignore[misc]
    port = free_port()
    async with serve_admin("127.0.0.1", port, registry, health):
        answered, _, body = await get(port, "readyz")
    assert answered == status
    assert json.loads(body) == {
        "status": word,
        "problems": {name: problem for name, (_, problem) in checks.items() if problem},
    }


async def test_livez_says_whether_the_event_loop_turns() -> None:
    clock = Clock()
    registry = CollectorRegistry()
    health = Health(registry, clock)
    port = free_port()
    async with serve_admin("127.0.0.1", port, registry, health):
        assert (await get(port, "livez"))[0] == 200
        clock.now += MAX_LAG
        status, _, body = await get(port, "livez")
        assert (status, json.loads(body)) == (503, {"status": "stuck"})


async def test_the_beat_keeps_a_service_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprinter_common.runtime.health.INTERVAL", 0.0)
    clock = Clock()
    registry = CollectorRegistry()
    health = Health(registry, clock)
    async with TaskSet("test") as tasks:
        tasks.spawn(health.beat(), "beat")
        await asyncio.sleep(0)
        clock.now += MAX_LAG
        assert not health.alive()
        await until(health.alive)


async def test_the_loops_lag_is_what_a_turn_took_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprinter_common.runtime.health.INTERVAL", 0.0)
    registry = CollectorRegistry()
    health = Health(registry, clock=itertools.count(0, 3).__next__)
    async with TaskSet("test") as tasks:
        tasks.spawn(health.beat(), "beat")
        await until(lambda: registry.get_sample_value("vprinter_event_loop_lag_seconds") == 3)


async def test_metrics_are_served_in_the_format_that_is_asked_for() -> None:
    registry = CollectorRegistry()
    health = Health(registry)
    port = free_port()
    async with serve_admin("127.0.0.1", port, registry, health):
        _, content_type, body = await get(port, "metrics")
        assert content_type.startswith("text/plain")
        assert "vprinter_event_loop_lag_seconds 0.0" in body
        _, content_type, body = await get(port, "metrics", {"Accept": "application/openmetrics-text"})
        assert content_type.startswith("application/openmetrics-text")
        assert body.endswith("# EOF\n")


# -- service ---------------------------------------------------------------------------------------------------------


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
        assert 'vprinter_build_info{service="proxy",version="' in metrics
        assert "vprinter_bus_connected 0.0" in metrics
        assert "process_open_fds" in metrics
        stop.set()
        async with asyncio.timeout(5):
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


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def program(behaviour: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service of service_program.py as a process."""
    settings = {
        "VPRINTER_ADMIN__PORT": str(free_port()),
        "VPRINTER_NATS__URL": f"nats://me:{SECRET}@127.0.0.1:{free_port()}",
        "VPRINTER_NATS__PASSWORD": SECRET,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.common.service_program", behaviour),
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
    async with asyncio.timeout(20):
        while json.loads(await process.stderr.readline()).get("event") != event:
            pass


async def ended(process: asyncio.subprocess.Process, within: float = 10) -> tuple[int | None, list[dict[str, Any]]]:
    """Exit status and the rest of the log."""
    async with asyncio.timeout(within):
        _, log = await process.communicate()
    return process.returncode, [json.loads(line) for line in log.splitlines()]


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
        status, log = await ended(process, within=5)
    assert status == 1
    assert log[-1]["event"] == last


async def test_a_service_that_lost_an_essential_task_exits_with_an_error_so_that_it_is_started_again() -> None:
    async with program("root task ends") as process:
        status, log = await ended(process)
    assert status == 1
    assert log[-1]["error"] == "proxy:heart ended, without which the service cannot do its work"
    assert "lost its mind" in next(line["exception"] for line in log if line["event"] == "task_failed")


async def test_logs_are_lines_of_json_without_secrets() -> None:
    async with program("talks") as process:
        assert process.stderr is not None
        lines = [await process.stderr.readline() for _ in range(4)]
        log = [json.loads(line) for line in lines]
    assert [line["event"] for line in log] == ["secrets", "wrapped", "from the standard library", "failed"]
    assert all(line["service"] == "proxy" and line["level"] and line["timestamp"] for line in log)
    assert SECRET.encode() not in b"".join(lines)
    assert "ValueError: a cause" in log[3]["exception"]


async def test_the_console_format_is_for_people() -> None:
    async with program("talks", VPRINTER_LOG__FORMAT="console") as process:
        assert process.stderr is not None
        first = await process.stderr.readline()
    assert b"secrets" in first
    assert SECRET.encode() not in first
    assert not first.startswith(b"{")


async def test_no_url_with_a_password_is_shown() -> None:
    async with program("runs") as process:
        assert process.stderr is not None
        async with asyncio.timeout(20):
            while b"nats_unreachable" not in (line := await process.stderr.readline()):
                assert SECRET.encode() not in line
    assert SECRET.encode() not in line
    assert b"nats://127.0.0.1:" in line


def test_redaction_leaves_everything_else_as_it_is() -> None:
    event = {"event": "x", "port": 990, "exc_info": (ValueError, ValueError("x"), None), "items": [1, {"key": "k"}]}
    shown = redact(None, "info", dict(event))
    assert shown == event | {"items": [1, {"key": "[redacted]"}]}


# -- tasks -----------------------------------------------------------------------------------------------------------


async def test_an_error_in_a_background_task_is_logged_with_its_name() -> None:
    async def broken() -> None:
        raise RuntimeError("inside")

    with capture_logs() as logs:
        async with TaskSet("owner") as tasks:
            tasks.spawn(broken(), "broken")
            await until(lambda: len(tasks) == 0)
    assert [(line["event"], line["task"]) for line in logs] == [("task_failed", "owner:broken")]


async def test_leaving_cancels_the_tasks_and_waits_for_them() -> None:
    done: list[str] = []

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            done.append("tidied")

    async with TaskSet("owner") as tasks:
        tasks.spawn(tidy(), "tidy")
        await asyncio.sleep(0)
    assert done == ["tidied"]


async def test_a_task_that_missed_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprinter_common.runtime.tasks.INSIST", 0.01)
    missed: list[str] = []

    async def deaf_once() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            missed.append("what?")
        await asyncio.Event().wait()

    async with TaskSet("owner") as tasks:
        tasks.spawn(deaf_once(), "deaf")
        await asyncio.sleep(0)
    assert missed == ["what?"]


async def test_a_task_may_close_its_own_set() -> None:
    tasks = TaskSet("owner")
    async with asyncio.timeout(5):
        await tasks.spawn(tasks.close(), "closer")


# -- settings --------------------------------------------------------------------------------------------------------


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPRINTER_DATA_DIR", "/srv/vprinter")
    monkeypatch.setenv("VPRINTER_NATS__URL", "nats://a:4222,nats://b:4222")
    monkeypatch.setenv("VPRINTER_ADDRESSES", '["10.0.0.5"]')
    made = CommonSettings()
    assert str(made.blobs_dir) == "/srv/vprinter/blobs"
    assert str(made.outbox_dir) == "/srv/vprinter/outbox"
    assert str(made.certs_dir) == "/srv/vprinter/virtual_printer/certs"
    assert made.nats.url == "nats://a:4222,nats://b:4222"
    assert made.addresses == ("10.0.0.5",)


def test_a_misspelt_setting_in_a_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPRINTER_NATS__PASWORD", "x")
    with pytest.raises(ValidationError, match=r"nats\.pasword"):
        CommonSettings()


@pytest.mark.parametrize(
    ("name", "safe"), [("printer-host.lan", "printer-host-lan"), ("", "node"), ("a" * 99, "a" * 64)]
)
def test_a_nodes_name_is_safe_in_subjects_and_keys(name: str, safe: str) -> None:
    assert CommonSettings(node=name).node == safe
