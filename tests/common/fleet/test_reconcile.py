import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest

from tests.common.fleet.rig import ETH0, HOST, LO, Rig, two
from tests.common.printers import SERIAL, virtual_printer
from tests.common.waiting import until
from vprinter_common.contracts.status import ListenerState, State
from vprinter_common.net import Interface
from vprinter_common.runtime.tasks import TaskSet


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


async def test_a_new_code_does_not_wait_for_another_printer_that_is_slow_to_stop(rig: Rig) -> None:
    one, other = two()
    await rig.want(one, other)
    await rig.reach(State.RUNNING)
    await rig.reach(State.RUNNING, "p2")
    rig.edge.stopping = asyncio.Event()
    async with TaskSet("test") as tasks:
        stopping = tasks.spawn(rig.want(one), "stop p2")
        await until(lambda: "p2" not in rig.fleet.members)
        renamed = one.model_copy(update={"name": "renamed", "revision": 2})
        changing = tasks.spawn(rig.want(renamed), "rename p1")
        await until(lambda: rig.edge.serving["p1"].spec.name == "renamed")
        assert not stopping.done()
        rig.edge.stopping.set()
        await asyncio.wait([stopping, changing])
    assert rig.edge.serving["p1"].spec == renamed


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


async def test_a_new_certificate_restarts_nothing(rig: Rig) -> None:
    await rig.want(*two())
    await rig.reach(State.RUNNING)
    newer = virtual_printer("127.0.0.2", certificate={"chain_pem": "new", "key_pem": "new"})
    await rig.want(newer, two()[1])
    assert rig.edge.serving["p1"].spec == newer
    assert not any(line.startswith("stop") for line in rig.edge.story)


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
