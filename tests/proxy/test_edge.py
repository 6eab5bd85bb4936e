"""Which printers the proxy serves, and what of them needs a restart."""

from typing import Any

from prometheus_client import CollectorRegistry

from tests.common.printers import virtual_printer
from tests.proxy.rig import TARGET, FakeBus, edge_of
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.runtime.tasks import TaskSet


def proxy(**changes: Any) -> VirtualPrinter:
    return virtual_printer(mode="proxy", **{"target": TARGET} | changes)


async def test_proxies_and_relayed_cameras_are_its_business() -> None:
    async with TaskSet("test") as tasks:
        edge = edge_of(FakeBus(), tasks, CollectorRegistry())
        assert edge.accepts(proxy())
        assert not edge.accepts(proxy(enabled=False))
        assert edge.accepts(virtual_printer(mode="queue", target=TARGET))
        assert not edge.accepts(virtual_printer(mode="queue", target=TARGET, relay={"camera": False}))
        assert not edge.accepts(virtual_printer(mode="queue"))


async def test_only_what_decides_where_connections_go_needs_a_restart() -> None:
    async with TaskSet("test") as tasks:
        edge = edge_of(FakeBus(), tasks, CollectorRegistry())
        key = edge.serving_key(proxy())
        same: tuple[dict[str, Any], ...] = (
            {"name": "Other"},
            {"target": TARGET | {"access_code": "Other123"}},
            {"target": TARGET | {"fingerprint": "ab" * 32}},
            {"relay": {"allow": "view", "capture": True}},
        )
        for changes in same:
            assert edge.serving_key(proxy(**changes)) == key, changes
        other: tuple[dict[str, Any], ...] = (
            {"target": TARGET | {"host": "10.0.0.10"}},
            {"target": TARGET | {"id": "r2"}},
            {"relay": {"ftp": "passthrough"}},
            {"relay": {"camera": False}},
        )
        for changes in other:
            assert edge.serving_key(proxy(**changes)) != key, changes
