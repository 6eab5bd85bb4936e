import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.common.bus.rig import LIVE, SESSION, on, restart
from tests.common.nats_server import NatsServer
from tests.common.waiting import until
from vprinter_common.bus import Bus, BusUnavailable, Verb
from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import SessionLive
from vprinter_common.contracts.requests import Heard, Nothing, ProbeTarget, TargetProbe


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
    async def heard(_: Nothing) -> Heard:
        return Heard()

    subject = subjects.rpc("discovery", "heard")
    async with on(server) as service, on(server) as control:
        await service.answer("discovery", "0.1.0", {"heard": Verb(Nothing, heard)})
        assert isinstance(await control.request(subject, Nothing(), Heard), Heard)
        await restart(server, control)
        await until(lambda: service.connected)
        assert isinstance(await control.request(subject, Nothing(), Heard), Heard)


async def test_a_request_that_nobody_answers_or_that_fails_is_unavailable(server: NatsServer) -> None:
    async def broken(_: Nothing) -> Heard:
        raise RuntimeError("inside")

    async with on(server) as bus:
        with pytest.raises(BusUnavailable, match=r"no answer on vprinter.rpc.nobody.heard"):
            await bus.request(subjects.rpc("nobody", "heard"), Nothing(), Heard, timeout=1)
        await bus.answer("proxy", "0.1.0", {"probe": Verb(Nothing, broken)})
        with pytest.raises(BusUnavailable, match=r"no answer on vprinter.rpc.proxy.probe"):
            await bus.request(subjects.rpc("proxy", "probe"), Nothing(), Heard, timeout=1)


async def test_a_request_may_say_more_and_is_refused_if_it_cannot_be_read(server: NatsServer) -> None:
    async def probe(wanted: ProbeTarget) -> TargetProbe:
        return TargetProbe(address=wanted.host)

    subject = subjects.rpc("proxy", "probe")
    async with on(server) as bus:
        await bus.answer("proxy", "0.1.0", {"probe": Verb(ProbeTarget, probe)})
        assert (await bus.request(subject, ProbeTarget(host="10.0.0.8"), TargetProbe)).address == "10.0.0.8"
        with pytest.raises(BusUnavailable, match=r"no answer on vprinter.rpc.proxy.probe"):
            await bus.request(subject, Nothing(), TargetProbe)


async def test_who_listens_for_a_while_hears_what_is_said_meanwhile_and_after_restarts(server: NatsServer) -> None:
    heard: list[SessionLive] = []

    async def hear(message: SessionLive) -> None:
        heard.append(message)

    async def something_is_heard(bus: Bus) -> None:
        heard.clear()
        async with asyncio.timeout(30):
            while not heard:
                await bus.publish(LIVE, SESSION)
                await asyncio.sleep(0.02)

    async with on(server) as bus:
        async with bus.listening(LIVE, SessionLive, hear):
            await something_is_heard(bus)
            await restart(server, bus)
            await something_is_heard(bus)
        heard.clear()
        await bus.publish(LIVE, SESSION)
        await bus.settle()
        assert not heard


async def test_who_stops_listening_while_nats_is_away_is_not_set_up_when_it_comes(tmp_path: Path) -> None:
    heard: list[SessionLive] = []

    async def hear(message: SessionLive) -> None:
        heard.append(message)

    server = NatsServer(tmp_path)
    async with Bus(server.settings, "test", CollectorRegistry()) as bus:
        async with bus.listening(LIVE, SessionLive, hear):
            await asyncio.sleep(0)
        with server:
            async with asyncio.timeout(30):
                await bus.wait_connected()
            await bus.publish(LIVE, SESSION)
            await bus.settle()
            assert not heard
