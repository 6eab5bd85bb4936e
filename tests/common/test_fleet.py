import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Interface
from itertools import pairwise
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from tests.common.printers import SERIAL, virtual_printer
from tests.common.waiting import until
from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.status import ListenerState, PrinterStatus, State
from vprinter_common.contracts.subjects import Bucket
from vprinter_common.fleet import reconcile
from vprinter_common.fleet.edge import ANY, CannotServe, Edge, Listener, Placement, Serving, place
from vprinter_common.fleet.reconcile import Fleet
from vprinter_common.net import Interface

LO = Interface("lo", (IPv4Interface("127.0.0.1/8"),))
ETH0 = Interface("eth0", (IPv4Interface("192.168.1.5/24"),))
HOST = (LO, ETH0)
SETTING = "VPRINTER_FAKE__PORT"


class FakeBus:
    """Keeps the statuses, and says what a test wants to be desired."""

    def __init__(self) -> None:
        self.statuses: dict[str, PrinterStatus] = {}
        self.history: list[PrinterStatus] = []
        self.desired: asyncio.Queue[dict[str, VirtualPrinter]] = asyncio.Queue()
        self.away = False

    async def put(self, _bucket: Bucket, key: str, status: PrinterStatus) -> None:
        if self.away:
            raise BusUnavailable("no connection to NATS")
        self.statuses[key] = status
        self.history.append(status)

    async def delete(self, _bucket: Bucket, key: str) -> None:
        if self.away:
            raise BusUnavailable("no connection to NATS")
        self.statuses.pop(key, None)

    async def watch(self, _bucket: Bucket, _model: type[VirtualPrinter]) -> AsyncIterator[dict[str, VirtualPrinter]]:
        while True:
            yield await self.desired.get()


class FakeEdge(Edge):
    """Listens on one port per printer and writes down what happens."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.story: list[str] = []
        self.serving: dict[str, Serving] = {}
        self.refuse: dict[str, Exception] = {}
        self.opener: Callable[[str, int], Any] | None = None
        self.gate: asyncio.Event | None = None
        self.preparing = asyncio.Event()

    @asynccontextmanager
    async def serve(self, spec: VirtualPrinter, placement: Placement) -> AsyncIterator[Serving]:
        if spec.id in self.refuse:
            raise self.refuse[spec.id]
        if self.gate is not None:
            self.preparing.set()
            await self.gate.wait()
        serving = Serving(spec, placement, [Listener("fake", self.port, self.opener or self._open, SETTING)])
        serving.changed = lambda: self.story.append(f"changed {spec.id} to {serving.spec.name}")
        self.serving[spec.id] = serving
        self.story.append(f"start {spec.id} at {placement.bind}")
        try:
            yield serving
        finally:
            await asyncio.sleep(0)  # stopping takes a moment
            self.story.append(f"stop {spec.id}")

    async def _open(self, address: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(lambda _reader, writer: writer.close(), address, port)


class Rig:
    """A fleet with a fake edge on a fake bus."""

    def __init__(self, edge: FakeEdge) -> None:
        self.edge = edge
        self.bus = FakeBus()
        self.registry = CollectorRegistry()
        self.fleet = Fleet(edge, "fake", "node", cast("Bus", self.bus), self.registry)

    async def want(self, *specs: VirtualPrinter, host: Sequence[Interface] = HOST) -> None:
        await self.fleet.reconcile({spec.id: spec for spec in specs}, host)

    def status(self, id_: str = "p1") -> PrinterStatus | None:
        return self.bus.statuses.get(f"{id_}.fake.node")

    async def reach(self, state: State, id_: str = "p1") -> PrinterStatus:
        await until(lambda: (status := self.status(id_)) is not None and status.state is state)
        status = self.status(id_)
        assert status is not None
        return status


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig(FakeEdge())
    yield made
    await made.fleet.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "RETRY_FIRST", 0.02)


def two() -> tuple[VirtualPrinter, VirtualPrinter]:
    return virtual_printer("127.0.0.2"), virtual_printer("127.0.0.3", id="p2", serial="S2", name="other")


# -- where -----------------------------------------------------------------------------------------------------------


def test_a_printer_at_an_address_is_placed_where_that_address_is() -> None:
    assert place(virtual_printer("192.168.1.5"), HOST) == Placement("192.168.1.5", "192.168.1.5", "192.168.1.5")
    assert place(virtual_printer("192.168.1.6"), HOST) == "address 192.168.1.6 is not on this host"


def test_a_printer_at_an_interface_is_placed_at_that_interfaces_first_address() -> None:
    assert place(virtual_printer(bind={"interface": "eth0"}), HOST) == Placement(
        "192.168.1.5", "192.168.1.5", "192.168.1.5"
    )
    assert place(virtual_printer(bind={"interface": "eth7"}), HOST) == (
        "interface eth7 is not on this host, or has no IPv4 address"
    )


def test_a_printer_at_any_address_tells_each_slicer_the_one_it_reached_unless_told_otherwise() -> None:
    placement = place(virtual_printer(bind={"any": True}), HOST)
    assert isinstance(placement, Placement)
    assert (placement.bind, placement.advertise) == (ANY, None)
    assert placement.address_for("10.0.0.5") == "10.0.0.5"
    assert placement.address_for(None) == placement.address_for(ANY) == placement.fallback
    fixed = place(virtual_printer(bind={"any": True}, advertise="203.0.113.9"), HOST)
    assert isinstance(fixed, Placement)
    assert fixed.address_for("10.0.0.5") == "203.0.113.9"


# -- what runs -------------------------------------------------------------------------------------------------------


async def test_a_wanted_printer_is_started_and_its_status_says_where_it_listens(rig: Rig) -> None:
    await rig.want(virtual_printer("127.0.0.2"))
    status = await rig.reach(State.RUNNING)
    assert (status.printer, status.service, status.node, status.revision) == ("p1", "fake", "node", 1)
    assert (status.address, status.restarts, status.error) == ("127.0.0.2", 0, None)
    (listener,) = status.listeners
    assert (listener.name, listener.address, listener.state) == ("fake", "127.0.0.2", ListenerState.OPEN)
    assert rig.registry.get_sample_value("vprinter_printers") == 1
    assert rig.registry.get_sample_value("vprinter_listener_bound", {"printer": "p1", "listener": "fake"}) == 1


async def test_a_printer_that_is_no_longer_wanted_is_stopped_and_its_port_and_status_are_gone(rig: Rig) -> None:
    await rig.want(virtual_printer("127.0.0.2"))
    await rig.reach(State.RUNNING)
    server = cast("asyncio.Server", rig.edge.serving["p1"].listeners[0].server)
    await rig.want()
    assert rig.edge.story == ["start p1 at 127.0.0.2", "stop p1"]
    assert not server.is_serving()
    assert rig.status() is None
    assert rig.registry.get_sample_value("vprinter_listener_bound", {"printer": "p1", "listener": "fake"}) is None


async def test_a_disabled_printer_is_not_served(rig: Rig) -> None:
    await rig.want(virtual_printer("127.0.0.2", enabled=False))
    assert rig.fleet.members == {}


async def test_a_new_name_code_or_mode_restarts_nothing(rig: Rig) -> None:
    await rig.want(*two())
    await rig.reach(State.RUNNING)
    codes = [{"id": "c9", "code": "Sesame43"}]
    await rig.want(virtual_printer("127.0.0.2", name="renamed", mode="queue", access_codes=codes, revision=2), two()[1])
    await until(lambda: (status := rig.status()) is not None and status.revision == 2)
    assert rig.edge.story == ["start p1 at 127.0.0.2", "start p2 at 127.0.0.3", "changed p1 to renamed"]
    assert rig.edge.serving["p1"].spec.access_codes[0].id == "c9"


async def test_wanting_the_same_again_does_nothing(rig: Rig) -> None:
    await rig.want(*two())
    await rig.want(*two())
    await rig.reach(State.RUNNING, "p2")
    assert rig.edge.story == ["start p1 at 127.0.0.2", "start p2 at 127.0.0.3"]


@pytest.mark.parametrize(
    "change",
    [
        {"model": "C12"},
        {"serial": "S9"},
        {"advertise": "203.0.113.9"},
        {"passive_ports": {"low": 50000, "high": 50009}},
        {"pasv_address": "203.0.113.9"},
        {"certificate": {"chain_pem": "new", "key_pem": "new"}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_cannot_change_under_a_running_printer_restarts_that_one_only(
    rig: Rig, change: dict[str, Any]
) -> None:
    await rig.want(*two())
    await rig.reach(State.RUNNING)
    await rig.reach(State.RUNNING, "p2")
    await rig.want(virtual_printer("127.0.0.2", **change), two()[1])
    await until(lambda: (status := rig.status()) is not None and status.restarts == 1)
    await rig.reach(State.RUNNING)
    assert rig.edge.story[2:] == ["stop p1", "start p1 at 127.0.0.2"]
    assert rig.registry.get_sample_value("vprinter_printer_restarts_total", {"printer": "p1"}) == 1


async def test_a_printer_whose_address_leaves_is_stopped_and_started_when_it_returns(rig: Rig) -> None:
    spec = virtual_printer("192.168.1.5")
    rig.edge.opener = lambda _address, _port: asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    await rig.want(spec)
    await rig.reach(State.RUNNING)
    await rig.want(spec, host=[LO])
    assert rig.status() is None
    await rig.want(spec)
    await rig.reach(State.RUNNING)
    assert rig.edge.story == ["start p1 at 192.168.1.5", "stop p1", "start p1 at 192.168.1.5"]


async def test_a_change_while_the_edge_is_still_preparing_is_not_lost(rig: Rig) -> None:
    rig.edge.gate = asyncio.Event()
    await rig.want(virtual_printer("127.0.0.2", name="before"))
    await rig.edge.preparing.wait()
    await rig.want(virtual_printer("127.0.0.2", name="after"))
    rig.edge.gate.set()
    await rig.reach(State.RUNNING)
    assert rig.edge.serving["p1"].spec.name == "after"
    assert rig.edge.story == ["start p1 at 127.0.0.2", "changed p1 to after"]


# -- what fails ------------------------------------------------------------------------------------------------------


async def test_a_taken_port_is_reported_with_a_remedy_and_tried_again_until_it_is_free(rig: Rig) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        rig.edge.port = taken.getsockname()[1]
        await rig.want(virtual_printer("127.0.0.2", name="Bench"))
        status = await rig.reach(State.DEGRADED)
        (listener,) = status.listeners
        assert listener.state is ListenerState.FAILED
        assert listener.error is not None
        assert listener.error.startswith(f"fake needs port {rig.edge.port} on 127.0.0.2, but ")
        assert rig.fleet.problem() == f"Bench: {listener.error}"
        assert rig.registry.get_sample_value("vprinter_listener_bound", {"printer": "p1", "listener": "fake"}) == 0
    assert (await rig.reach(State.RUNNING)).listeners[0].error is None
    assert rig.fleet.problem() is None
    assert not any(
        one.state is ListenerState.FAILED and not one.error for status in rig.bus.history for one in status.listeners
    ), "never failed without a reason"


async def test_a_failed_bind_is_tried_less_and_less_often(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "RETRY_MOST", 0.08)
    times: list[float] = []

    async def refuse(_address: str, _port: int) -> asyncio.Server:
        times.append(asyncio.get_running_loop().time())
        raise OSError(99, "Cannot assign requested address")

    rig.edge.opener = refuse
    await rig.want(virtual_printer("127.0.0.2"))
    await until(lambda: len(times) >= 5)
    waits = [later - earlier for earlier, later in pairwise(times)]
    for wait, least in zip(waits, [0.02, 0.04, 0.08, 0.08], strict=False):
        assert wait >= least


async def test_a_printer_that_the_edge_refuses_says_why(rig: Rig) -> None:
    rig.edge.refuse["p1"] = CannotServe("not built yet")
    await rig.want(virtual_printer("127.0.0.2", name="Bench"))
    assert (await rig.reach(State.FAILED)).error == "not built yet"
    assert rig.fleet.problem() == "Bench: not built yet"


async def test_one_failing_printer_does_not_disturb_the_others_and_recovers_by_itself(rig: Rig) -> None:
    rig.edge.refuse["p1"] = ValueError("bad certificate")
    await rig.want(*two())
    assert (await rig.reach(State.FAILED)).error == "ValueError: bad certificate"
    await rig.reach(State.RUNNING, "p2")
    rig.edge.refuse.clear()
    assert (await rig.reach(State.RUNNING)).error is None
    assert "stop p2" not in rig.edge.story


async def test_an_error_that_is_no_bind_error_names_its_cause(rig: Rig) -> None:
    async def broken(_address: str, _port: int) -> asyncio.Server:
        raise KeyError("a mistake of ours")

    rig.edge.opener = broken
    await rig.want(virtual_printer("127.0.0.2"))
    assert (await rig.reach(State.FAILED)).error == "KeyError: 'a mistake of ours'"


async def test_without_nats_printers_start_and_stop_all_the_same(rig: Rig) -> None:
    rig.bus.away = True
    await rig.want(virtual_printer("127.0.0.2"))
    await until(lambda: rig.edge.serving["p1"].listeners[0].state is ListenerState.OPEN if rig.edge.serving else False)
    await rig.want()
    assert rig.edge.story == ["start p1 at 127.0.0.2", "stop p1"]


async def test_the_status_is_renewed_before_it_expires(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "HEARTBEAT", 0.02)
    await rig.want(virtual_printer("127.0.0.2"))
    await rig.reach(State.RUNNING)
    serving = rig.edge.serving["p1"]
    serving.connected("10.0.0.9")
    await until(lambda: (status := rig.status()) is not None and status.connections == 1)
    status = rig.status()
    assert status is not None
    assert status.last_client is not None
    assert status.last_client.address == "10.0.0.9"
    serving.disconnected()
    await until(lambda: (status := rig.status()) is not None and status.connections == 0)


# -- the whole -------------------------------------------------------------------------------------------------------


async def test_closing_stops_every_printer_also_one_that_is_still_preparing_or_failing(rig: Rig) -> None:
    rig.edge.refuse["p2"] = ValueError("broken")
    await rig.want(*two())
    await rig.reach(State.RUNNING)
    await rig.reach(State.FAILED, "p2")
    rig.edge.gate = asyncio.Event()
    await rig.want(*two(), virtual_printer("127.0.0.4", id="p3", serial="S3"))
    await rig.reach(State.STARTING, "p3")
    await rig.fleet.close()
    assert rig.bus.statuses == {}
    assert rig.edge.story == ["start p1 at 127.0.0.2", "stop p1"]


async def test_it_follows_the_desired_state_and_the_hosts_addresses(rig: Rig) -> None:
    addresses: asyncio.Queue[Sequence[Interface]] = asyncio.Queue()

    async def states() -> AsyncIterator[Sequence[Interface]]:
        while True:
            yield await addresses.get()

    following = asyncio.get_running_loop().create_task(rig.fleet.follow(states()))
    spec = virtual_printer("127.0.0.2", serial=SERIAL)
    rig.bus.desired.put_nowait({"p1": spec})
    await asyncio.sleep(0)
    assert rig.fleet.members == {}, "where it could be is not known yet"
    addresses.put_nowait(HOST)
    await rig.reach(State.RUNNING)
    addresses.put_nowait([ETH0])
    await until(lambda: rig.status() is None)
    addresses.put_nowait(HOST)
    await rig.reach(State.RUNNING)
    rig.bus.desired.put_nowait({})
    await until(lambda: rig.status() is None)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
