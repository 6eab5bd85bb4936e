"""Start of a service, its root tasks, and its graceful stop."""

import asyncio
import gc
import os
import signal
import sys
import threading
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import version

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from vprinter_common.bus import Bus
from vprinter_common.metrics import declared
from vprinter_common.net import port_owner
from vprinter_common.runtime.admin import serve_admin
from vprinter_common.runtime.health import Health, Severity
from vprinter_common.runtime.logging import configure_logging
from vprinter_common.runtime.settings import ADMIN_PORTS, CommonSettings
from vprinter_common.runtime.tasks import TaskSet

log = structlog.get_logger()

TLS_BUFFER = 16 * 1024
"""Bytes that asyncio keeps for each TLS connection: what our clients say there is short. Its own choice is 256 KiB."""
STOP_POLITE = 6.0
"""Seconds a service has to stop by itself; then what still runs is cancelled."""
STOP_GRACE = 8.0
"""Seconds until the process ends in any case; `vprinter up` ends within 10."""


class ServiceFailed(Exception):  # noqa: N818 - said of the service as a whole
    """The service could not start, go on, or stop."""


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
    ended: str | None = None
    """The root task that ended and took the service with it."""

    def root(self, task: asyncio.Task[object]) -> None:
        """Make a task essential: if it ends before the stop, the whole service stops."""
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        if not self.stop.is_set() and not task.cancelled():
            self.ended = task.get_name()
            log.critical("root_task_ended", task=self.ended)
            self.stop.set()


Body = Callable[[Runtime], AbstractAsyncContextManager[None]]
"""A service's own part: entered after the basics run, left before they stop."""


async def serve(service: str, settings: CommonSettings, body: Body, stop: asyncio.Event) -> None:
    """Run a service until `stop` is set (tests set it; `run` sets it on SIGTERM and SIGINT); may raise ServiceFailed."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # a series for each counter that nobody asks for
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    declared.BUILD.create(registry).labels(version("vprinter-common")).set(1)
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
        try:
            await stack.enter_async_context(serve_admin(settings.admin.host, port, registry, health))
        except OSError as error:
            owner = await asyncio.to_thread(port_owner, port) or "another process"
            raise ServiceFailed(
                f"metrics and health need port {port} on {settings.admin.host}: {error.strerror or error} ({owner}); "
                "stop that, or set VPRINTER_ADMIN__PORT"
            ) from error
        await stack.enter_async_context(body(runtime))
        log.info("started", node=settings.node, admin=f"http://{settings.admin.host}:{port}")
        await stop.wait()
        log.info("stopping")
    if runtime.ended is not None:
        raise ServiceFailed(f"{runtime.ended} ended, without which the service cannot do its work")


def run(service: str, settings: CommonSettings, body: Body) -> None:
    """Run a service as this process; returns after a graceful stop, exits with 1 after anything else."""
    configure_logging(settings.log, service)
    # What the imports made stays for ever: not looking through it again and again spares a full collection its pauses.
    gc.collect()
    gc.freeze()
    SSLProtocol.max_size = TLS_BUFFER
    try:
        asyncio.run(_until_signalled(service, settings, body))
    except (OSError, ServiceFailed) as error:
        log.error("service_failed", error=str(error))
        sys.exit(1)
    log.info("stopped")


async def _until_signalled(service: str, settings: CommonSettings, body: Body) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal(_number: int, _frame: object) -> None:
        _exit_after(STOP_GRACE)
        if not loop.is_closed():  # a second Ctrl-C, at the very end
            loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)  # loop.add_signal_handler would not hear it while something blocks the loop
    running = loop.create_task(serve(service, settings, body, stop), name=service)
    stopped = loop.create_task(stop.wait(), name="stop")
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    _exit_after(STOP_GRACE)  # also for a stop that no signal asked for
    if not (await asyncio.wait({running}, timeout=STOP_POLITE))[0]:
        running.cancel()
        await asyncio.wait({running})
        raise ServiceFailed(f"not stopped within {STOP_POLITE:g} s, so it was broken off")
    running.result()


def _exit_after(seconds: float) -> None:
    """End the process by then, whatever hangs: a thread, a task that cannot be cancelled, the event loop itself."""

    def give_up() -> None:
        log.error("stop_took_too_long", seconds=seconds)
        os._exit(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
