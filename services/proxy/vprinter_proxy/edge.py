"""The proxy's side of printers in proxy mode, which control does not publish yet."""

from contextlib import AbstractAsyncContextManager

from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.fleet.edge import CannotServe, Edge, Placement, Serving


class ProxyEdge(Edge):
    """Refuses every proxy, so that one in the bucket shows why nothing serves it."""

    def accepts(self, spec: VirtualPrinter) -> bool:
        """Only proxies; the other modes have no real printer behind them."""
        return spec.enabled and spec.mode is Mode.PROXY

    def serve(self, _spec: VirtualPrinter, _placement: Placement) -> AbstractAsyncContextManager[Serving]:
        """Refuse."""
        raise CannotServe("proxy mode is not built yet")
