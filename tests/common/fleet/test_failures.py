import asyncio
import socket
from itertools import pairwise

import pytest
from pydantic import SecretStr

from tests.common.fleet.rig import Rig, two
from tests.common.printers import CODE, virtual_printer
from tests.common.waiting import until
from vprinter_common.contracts.printer import AccessCode
from vprinter_common.contracts.status import MAX_SESSIONS, ListenerState, State
from vprinter_common.fleet import reconcile
from vprinter_common.fleet.edge import CannotServe


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


async def test_a_printer_that_fails_while_it_is_stopped_is_stopped_all_the_same(rig: Rig) -> None:
    opening = asyncio.Event()

    async def broken(_address: str, _port: int) -> asyncio.Server:
        opening.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise KeyError("a mistake of ours") from error
        raise AssertionError("nobody sets it")

    rig.edge.opener = broken
    await rig.want(virtual_printer("127.0.0.2"))
    await opening.wait()
    async with asyncio.timeout(30):
        await rig.fleet.close()
    assert rig.fleet.members == {}


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


async def test_the_status_lists_who_is_logged_in_and_not_more_than_fit(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "HEARTBEAT", 0.02)
    await rig.want(virtual_printer("127.0.0.2"))
    await rig.reach(State.RUNNING)
    serving = rig.edge.serving["p1"]
    codes = [AccessCode(id="c1", owner=f"owner {number}", code=SecretStr(CODE)) for number in range(MAX_SESSIONS + 1)]
    logins = [serving.logged_in("10.0.0.9", code) for code in codes]
    await until(lambda: (status := rig.status()) is not None and status.connections == MAX_SESSIONS + 1)
    status = rig.status()
    assert status is not None
    assert status.sessions == tuple(logins[1:])
    for login in logins:
        serving.logged_out(login)
    await until(lambda: (status := rig.status()) is not None and not status.sessions)
