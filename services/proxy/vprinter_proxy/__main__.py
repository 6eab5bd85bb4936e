"""`python -m vprinter_proxy`."""

from vprinter_common.fleet.reconcile import edge_body
from vprinter_common.runtime.service import run
from vprinter_common.runtime.settings import CommonSettings
from vprinter_proxy.edge import ProxyEdge


def main() -> None:
    """Run the proxy service as this process."""
    run("proxy", CommonSettings(), lambda runtime: edge_body(runtime, ProxyEdge()))


if __name__ == "__main__":
    main()
