import asyncio
import itertools
import json

import pytest
from prometheus_client import CollectorRegistry

from tests.common.nats_server import free_port
from tests.common.runtime.http import get
from tests.common.waiting import until
from vprinter_common.runtime.admin import serve_admin
from vprinter_common.runtime.health import MAX_LAG, Health, Severity
from vprinter_common.runtime.tasks import TaskSet


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


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
        await until(lambda: (registry.get_sample_value("vprinter_event_loop_lag_seconds_sum") or 0) >= 3)
