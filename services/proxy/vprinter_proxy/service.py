"""The body of the proxy service."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from vprinter_common.bus import Verb
from vprinter_common.contracts.requests import ProbeTarget
from vprinter_common.fleet.reconcile import edge_body
from vprinter_common.runtime.service import Runtime
from vprinter_proxy.edge import ProxyEdge
from vprinter_proxy.probe import Prober
from vprinter_proxy.settings import ProxySettings
from vprinter_proxy.watch.house import watching


def body(settings: ProxySettings) -> Callable[[Runtime], AbstractAsyncContextManager[None]]:
    """The service; what it does besides serving printers begins here."""

    @asynccontextmanager
    async def serve(runtime: Runtime) -> AsyncIterator[None]:
        edge = ProxyEdge(runtime, settings)
        runtime.root(runtime.tasks.spawn(edge.captures.run(), "outbox"))
        probe = Verb(ProbeTarget, Prober(settings.proxy.printers).look)
        async with watching(runtime, settings, edge.reports), edge_body(runtime, edge, {"probe": probe}):
            yield

    return serve
