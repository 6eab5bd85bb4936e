import pytest

from tests.common.printers import virtual_printer
from vprinter_common.fleet.edge import CannotServe, Placement
from vprinter_proxy.edge import ProxyEdge

TARGET = {"host": "10.0.0.9", "serial": "01P00A000000001", "model": "C12", "access_code": "Sesame42"}


def test_only_enabled_proxies_are_its_business() -> None:
    edge = ProxyEdge()
    assert edge.accepts(virtual_printer(mode="proxy", target=TARGET))
    assert not edge.accepts(virtual_printer(mode="proxy", target=TARGET, enabled=False))
    assert not edge.accepts(virtual_printer(mode="queue"))


def test_a_proxy_is_refused_with_the_reason() -> None:
    with pytest.raises(CannotServe, match=r"^proxy mode is not built yet$"):
        ProxyEdge().serve(virtual_printer(mode="proxy", target=TARGET), Placement("127.0.0.1", None, "127.0.0.1"))
