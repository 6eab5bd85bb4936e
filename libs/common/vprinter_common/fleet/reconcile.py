"""Start and stop this node's printers, restart only what changed, open listeners, try again what failed, report."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from vprinter_common import net
from vprinter_common.bus import Bus, BusUnavailable, Verb
from vprinter_common.contracts import subjects
from vprinter_common.contracts.message import Message
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.requests import Nothing
from vprinter_common.contracts.status import ListenerState
from vprinter_common.fleet.edge import CannotListen, CannotServe, Edge, Listener, Placement, Serving, place
from vprinter_common.fleet.member import Member
from vprinter_common.metrics import declared
from vprinter_common.runtime.health import Severity
from vprinter_common.runtime.service import Runtime
from vprinter_common.runtime.tasks import TaskSet, cancel_and_wait
from vprinter_common.selfcheck import look

log = structlog.get_logger()

_NO_VERBS: Mapping[str, Verb[Any]] = MappingProxyType({})

HEARTBEAT = 10.0
"""Seconds between status reports; the bucket forgets after 30."""
RETRY_FIRST, RETRY_MOST = 1.0, 30.0
"""Seconds until a failed listener is tried again: doubled each time, up to the most."""


class Fleet:
    """The printers of one edge on this node."""

    def __init__(self, edge: Edge, service: str, node: str, bus: Bus, registry: CollectorRegistry) -> None:
        self._edge = edge
        self._service = service
        self._node = node
        self._bus = bus
        self._members: dict[str, Member] = {}
        self._desired: dict[str, VirtualPrinter] = {}
        self._restarts: dict[str, int] = {}
        self._tasks = TaskSet("fleet")
        self._reconcile_lock = asyncio.Lock()
        self._gauge = declared.PRINTERS.create(registry)
        self._bound = declared.LISTENER_BOUND.create(registry)
        self._restart_counter = declared.PRINTER_RESTARTS.create(registry)

    @property
    def members(self) -> dict[str, Member]:
        """Running printers by id."""
        return self._members

    def problem(self) -> str | None:
        """A sentence if some printer is not served as it should be (a health check)."""
        found = (f"{member.spec.name}: {text}" for member in self._members.values() for text in member.problems())
        return "; ".join(found) or None

    async def follow(self, addresses: AsyncIterator[Sequence[net.Interface]]) -> None:
        """Reconcile whenever the desired state or the node's addresses change, for ever."""
        desired: dict[str, VirtualPrinter] = {}
        interfaces: Sequence[net.Interface] | None = None

        async def on_addresses() -> None:
            nonlocal interfaces
            async for interfaces in addresses:
                await self.reconcile(desired, interfaces)

        async def on_desired() -> None:
            nonlocal desired
            async for desired in self._bus.watch(subjects.PRINTERS, VirtualPrinter):
                if interfaces is not None:
                    await self.reconcile(desired, interfaces)

        async with asyncio.TaskGroup() as group:
            group.create_task(on_addresses(), name="fleet:addresses")
            group.create_task(on_desired(), name="fleet:desired")

    async def reconcile(self, desired: dict[str, VirtualPrinter], interfaces: Sequence[net.Interface]) -> None:
        """Make the running printers those desired for this node; unchanged ones are left alone."""
        self._desired = desired
        self._take_over(interfaces)
        async with self._reconcile_lock:
            mine = {id_: spec for id_, spec in desired.items() if self._edge.accepts(spec)}
            for id_ in self._members.keys() - mine.keys():
                await self._stop(id_)
            for id_, spec in mine.items():
                await self._settle(id_, spec, place(spec, interfaces))
            self._take_over(interfaces)
            self._gauge.set(len(self._members))

    def _take_over(self, interfaces: Sequence[net.Interface]) -> None:
        """Give running printers what needs no restart, at once: a revoked code must not open doors until another
        printer has stopped."""
        for id_, member in self._members.items():
            spec = self._desired.get(id_)
            if spec is None or not self._edge.accepts(spec):
                continue
            if self._needs_no_restart(member, spec, place(spec, interfaces)):
                member.update(spec)

    async def _settle(self, id_: str, spec: VirtualPrinter, placement: Placement | str) -> None:
        member = self._members.get(id_)
        if isinstance(placement, str):
            if member is not None:
                log.warning("printer_leaves", printer=id_, reason=placement)
                await self._stop(id_)
            return
        if member is not None and self._needs_no_restart(member, spec, placement):
            return
        if member is not None:
            self._restarts[id_] = self._restarts.get(id_, 0) + 1
            self._restart_counter.labels(id_).inc()
            await self._stop(id_)
        member = Member(spec, placement)
        self._members[id_] = member
        member.task = self._tasks.spawn(self._run(member), id_)

    def _needs_no_restart(self, member: Member, spec: VirtualPrinter, placement: Placement | str) -> bool:
        wanted = (self._edge.serving_key(spec), placement)
        return (self._edge.serving_key(member.spec), member.placement) == wanted

    async def _stop(self, id_: str) -> None:
        member = self._members.pop(id_)
        member.stopping = True
        if member.task is not None:
            await cancel_and_wait([member.task])
        with suppress(BusUnavailable):
            await self._bus.delete(subjects.STATUS, subjects.status_key(id_, self._service, self._node))

    async def close(self) -> None:
        """Stop all printers."""
        async with self._reconcile_lock, asyncio.TaskGroup() as group:
            for id_ in list(self._members):
                group.create_task(self._stop(id_))
        await self._tasks.close()

    async def _run(self, member: Member) -> None:
        """One printer, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_reporting(member), name="report")
            group.create_task(self._keep_serving(member), name="serve")

    async def _keep_serving(self, member: Member) -> None:
        """Serve; when serving itself fails, report it and try again."""
        delay = RETRY_FIRST
        while True:
            began = asyncio.get_running_loop().time()
            try:
                async with self._edge.serve(member.spec, member.placement) as serving:
                    member.begin(serving)
                    await self._keep_open(member, serving)
            except CannotServe as error:
                member.error = str(error)
                log.warning("printer_not_served", printer=member.spec.id, reason=member.error)
            except Exception as error:  # one printer's failure must not end the others; it is shown in its status
                log.exception("printer_failed", printer=member.spec.id)
                cause = _cause(error)
                member.error = f"{type(cause).__name__}: {cause}"
            finally:
                member.serving = None
            if member.stopping:
                return  # a TaskGroup of Python 3.11 loses the cancellation that meets an error of its tasks
            member.news.set()
            if asyncio.get_running_loop().time() - began > RETRY_MOST:
                delay = RETRY_FIRST
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_MOST)

    async def _keep_open(self, member: Member, serving: Serving) -> None:
        """Open the listeners and keep them until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for listener in serving.listeners:
                    group.create_task(self._open(member, listener), name=f"listener:{listener.name}")
                group.create_task(asyncio.Event().wait(), name="for ever")
        finally:
            for listener in serving.listeners:
                if listener.server is not None:
                    listener.server.close()
                with suppress(KeyError):
                    self._bound.remove(member.spec.id, listener.name)

    async def _open(self, member: Member, listener: Listener) -> None:
        """Open a listener, trying again for ever."""
        delay = RETRY_FIRST
        spec, address = member.spec, listener.address or member.placement.bind
        gauge = self._bound.labels(spec.id, listener.name)
        while True:
            try:
                listener.server = await listener.open(address, listener.port)
            except OSError as error:
                await self._explain(listener, address, error)
                log.error("listener_failed", printer=spec.id, listener=listener.name, error=listener.error)
                gauge.set(0)
                member.news.set()
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_MOST)
                continue
            listener.state, listener.error = ListenerState.OPEN, None
            log.info("listening", printer=spec.id, listener=listener.name, address=address, port=listener.port)
            gauge.set(1)
            member.news.set()
            return

    async def _explain(self, listener: Listener, address: str, error: OSError) -> None:
        """Say why a listener could not be opened; finding the port's owner reads much of /proc."""
        reason = await asyncio.to_thread(
            net.bind_error,
            error,
            address,
            error.port if isinstance(error, CannotListen) else listener.port,
            listener.name,
            listener.setting,
            protocol=listener.protocol,
        )
        listener.state, listener.error = ListenerState.FAILED, reason

    async def _keep_reporting(self, member: Member) -> None:
        """Publish the printer's status on news and before it expires; without NATS nobody can read it anyway."""
        spec = member.spec
        key = subjects.status_key(spec.id, self._service, self._node)
        while True:
            member.news.clear()
            status = member.status(self._service, self._node, self._restarts.get(spec.id, 0))
            with suppress(BusUnavailable):
                await self._bus.put(subjects.STATUS, key, status)
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await member.news.wait()


def _cause(error: BaseException) -> BaseException:
    """The first of the errors in a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@asynccontextmanager
async def edge_body(runtime: Runtime, edge: Edge, verbs: Mapping[str, Verb[Any]] = _NO_VERBS) -> AsyncIterator[None]:
    """Run an edge's fleet as the body of a service. `verbs`: requests that it answers besides `selfcheck`."""
    service, settings = runtime.service, runtime.settings
    fleet = Fleet(edge, service, settings.node, runtime.bus, runtime.registry)
    runtime.health.add("listeners", Severity.DEGRADED, fleet.problem)

    async def selfcheck(_: Nothing) -> Message:
        problems = [text for _, text in runtime.health.problems().values()]
        ports = {one.port for each in fleet.members.values() if each.serving for one in each.serving.listeners}
        return await look(
            service, settings.node, problems, ports=ports, storage=edge.storage(), only=settings.addresses
        )

    well = Verb(Nothing, selfcheck)
    answers = {**verbs, "selfcheck": well, subjects.selfcheck_of(settings.node): well}
    runtime.tasks.spawn(runtime.bus.answer(service, version("vprinter-common"), answers), "answer")
    watch = net.AddressWatch(only=settings.addresses)
    following = runtime.tasks.spawn(fleet.follow(watch.states()), "fleet")
    runtime.root(following)
    try:
        yield
    finally:
        await cancel_and_wait([following])  # or it could start a printer again while they are being stopped
        await fleet.close()
