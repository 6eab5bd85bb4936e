"""All real printers that control knows, each with its watcher."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NoReturn

from prometheus_client import CollectorRegistry

from vprinter_common.contracts import subjects
from vprinter_common.contracts.target import RealPrinter, TargetCommand
from vprinter_common.metrics import declared
from vprinter_common.runtime.service import Runtime
from vprinter_common.runtime.tasks import TaskSet, cancel_and_wait
from vprinter_proxy.reports import Reports
from vprinter_proxy.settings import ProxySettings
from vprinter_proxy.watch.lease import Leases
from vprinter_proxy.watch.session import Sessions
from vprinter_proxy.watch.watcher import Watcher, Workshop


class Watch:
    """The watchers of one node."""

    def __init__(self, shop: Workshop, registry: CollectorRegistry) -> None:
        self._shop = shop
        self._tasks = TaskSet("watch")
        self._watchers: dict[str, Watcher] = {}
        self._running: dict[str, asyncio.Task[NoReturn]] = {}
        declared.PROXY_WATCHED.create(registry).set_function(
            lambda: sum(watcher.connected for watcher in self._watchers.values())
        )

    async def follow(self) -> None:
        """Watch what is in the bucket, for ever."""
        async for printers in self._shop.bus.watch(subjects.TARGETS, RealPrinter):
            await self._settle(printers)

    async def command(self, command: TargetCommand) -> None:
        """A slicer's command for one of them; the node that has the session sends it."""
        if (watcher := self._watchers.get(command.target)) is not None and watcher.connected:
            watcher.command(command)

    async def close(self) -> None:
        """End all sessions."""
        await self._tasks.close()

    async def _settle(self, printers: Mapping[str, RealPrinter]) -> None:
        for id_, watcher in list(self._watchers.items()):
            if id_ not in printers or not watcher.goes_on_with(printers[id_]):
                await cancel_and_wait([self._running.pop(id_)])
                del self._watchers[id_]
        for id_, printer in printers.items():
            if id_ not in self._watchers:
                self._watchers[id_] = watcher = Watcher(printer, self._shop)
                self._running[id_] = self._tasks.spawn(watcher.run(), id_)


@asynccontextmanager
async def watching(runtime: Runtime, settings: ProxySettings, reports: Reports) -> AsyncIterator[None]:
    """Watch all real printers while the context is open."""
    bus, tasks, node = runtime.bus, runtime.tasks, runtime.settings.node
    sessions = Sessions(settings.proxy.printers.mqtt, tasks)
    watch = Watch(Workshop(node, bus, Leases(bus, node), sessions, reports), runtime.registry)
    tasks.spawn(bus.subscribe(subjects.ALL_TARGET_COMMANDS, TargetCommand, watch.command), "commands")
    following = tasks.spawn(watch.follow(), "targets")
    runtime.root(following)
    try:
        yield
    finally:
        await cancel_and_wait([following])  # or it could begin to watch another one
        await watch.close()
