import pytest

from tests.common.bus.rig import LIVE, SESSION, on, restart
from tests.common.nats_server import NatsServer
from tests.common.waiting import until
from vprinter_common.bus import BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import SessionLive
from vprinter_common.contracts.requests import Heard, Nothing


async def test_live_messages_reach_who_listens_and_unreadable_ones_do_no_harm(server: NatsServer) -> None:
    heard: list[SessionLive] = []

    async def on_session(message: SessionLive) -> None:
        heard.append(message)

    async with on(server) as bus:
        await bus.subscribe(subjects.ALL_SESSIONS, SessionLive, on_session)
        await bus.line().publish(LIVE, b"no JSON")
        await bus.line().publish(LIVE, b"{}")
        await bus.publish(LIVE, SESSION)
        await until(lambda: heard == [SESSION])
        await restart(server, bus)
        await bus.publish(LIVE, SESSION)
        await until(lambda: heard == [SESSION, SESSION])


async def test_a_request_is_answered_also_after_a_restart_of_the_server(server: NatsServer) -> None:
    async def heard() -> Heard:
        return Heard()

    subject = subjects.rpc("discovery", "heard")
    async with on(server) as service, on(server) as control:
        await service.answer("discovery", "0.1.0", {"heard": heard})
        assert isinstance(await control.request(subject, Nothing(), Heard), Heard)
        await restart(server, control)
        await until(lambda: service.connected, 15)
        assert isinstance(await control.request(subject, Nothing(), Heard), Heard)


async def test_a_request_that_nobody_answers_or_that_fails_is_unavailable(server: NatsServer) -> None:
    async def broken() -> Heard:
        raise RuntimeError("inside")

    async with on(server) as bus:
        with pytest.raises(BusUnavailable, match=r"no answer on vprinter.rpc.nobody.heard"):
            await bus.request(subjects.rpc("nobody", "heard"), Nothing(), Heard, timeout=1)
        await bus.answer("proxy", "0.1.0", {"probe": broken})
        with pytest.raises(BusUnavailable, match=r"no answer on vprinter.rpc.proxy.probe"):
            await bus.request(subjects.rpc("proxy", "probe"), Nothing(), Heard, timeout=1)
