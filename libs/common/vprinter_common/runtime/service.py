"""Start of a service, its root tasks, and its graceful stop."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import version

import structlog
from prometheus_client import CollectorRegistry, Info
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from vprinter_common.bus import Bus
from vprinter_common.runtime.admin import serve_admin
from vprinter_common.runtime.health import Health, Severity
from vprinter_common.runtime.logging import configure_logging
from vprinter_common.runtime.settings import ADMIN_PORTS, CommonSettings
from vprinter_common.runtime.tasks import TaskSet

log = structlog.get_logger()

STOP_GRACE = 8.0
"""Seconds a service has to stop by itself; `vprinter up` ends within 10."""


@dataclass(slots=True)
class Runtime:
    """What a running service has at hand."""

    service: str
    settings: CommonSettings
    bus: Bus
    registry: CollectorRegistry
    health: Health
    tasks: TaskSet
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def root(self, task: asyncio.Task[object]) -> None:
        """Make a task essential: if it ends before the stop, the whole service stops."""
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        if not self.stop.is_set() and not task.cancelled():
            log.critical("root_task_ended", task=task.get_name())
            self.stop.set()


Body = Callable[[Runtime], AbstractAsyncContextManager[None]]
"""A service's own part: entered after the basics run, left before they stop."""


async def serve(service: str, settings: CommonSettings, body: Body, stop: asyncio.Event) -> None:
    """Run a service until `stop` is set (tests set it; `run` sets it on SIGTERM and SIGINT)."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    Info("vprinter_build", "Version of the running service", registry=registry).info(
        {"version": version("vprinter-common"), "service": service}
    )
    health = Health(registry)
    bus = Bus(settings.nats, f"{service}@{settings.node}", registry)
    health.add("nats", Severity.DEGRADED, bus.problem)
    port = settings.admin.port or ADMIN_PORTS[service]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(bus)
        # Closed before the bus: a task that waits for NATS would hold up its drain.
        tasks = await stack.enter_async_context(TaskSet(service))
        runtime = Runtime(service, settings, bus, registry, health, tasks, stop)
        runtime.root(tasks.spawn(health.beat(), "health"))
        await stack.enter_async_context(serve_admin(settings.admin.host, port, registry, health))
        await stack.enter_async_context(body(runtime))
        log.info("started", node=settings.node, admin=f"http://{settings.admin.host}:{port}")
        await stop.wait()
        log.info("stopping")


def run(service: str, settings: CommonSettings, body: Body) -> None:
    """Run a service as this process; returns after a graceful stop."""
    configure_logging(settings.log, service)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        running = loop.create_task(serve(service, settings, body, stop), name=service)
        stopped = loop.create_task(stop.wait(), name="stop")
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        try:
            async with asyncio.timeout(STOP_GRACE):
                await running
        except TimeoutError:
            log.error("stop_took_too_long", seconds=STOP_GRACE)
            raise

    try:
        asyncio.run(main())
    except TimeoutError:  # is an OSError too
        sys.exit(1)
    except OSError as error:
        log.error("start_failed", error=str(error))
        sys.exit(1)
    log.info("stopped")
