import asyncio

import pytest

from tests.common.bus.rig import FACTS, Taken, background, on, stored
from tests.common.nats_server import NatsServer
from tests.common.waiting import until
from vprinter_common.bus import BusUnavailable, facts
from vprinter_common.contracts.facts import AuthFailed
from vprinter_common.contracts.message import new_id


async def test_a_fact_published_twice_with_one_id_is_taken_once(server: NatsServer) -> None:
    taken = Taken()
    async with on(server) as bus, background(bus.consume(FACTS, "control", taken)):
        for upload in ("u1", "u1", "u2"):
            await bus.publish_fact(stored(upload), upload)
        await until(lambda: taken.uploads == ["u1", "u2"])


async def test_a_fact_is_taken_at_once_however_long_the_consumer_has_waited(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "FETCH", 60.0)
    taken = Taken()
    async with on(server) as bus, background(bus.consume(FACTS, "control", taken)):
        for upload in ("u1", "u2", "u3"):
            await bus.publish_fact(stored(upload), upload)
            await until(lambda upload=upload: taken.uploads[-1:] == [upload], 20)  # type: ignore[misc]


async def test_facts_published_before_the_consumer_existed_are_taken(server: NatsServer) -> None:
    taken = Taken()
    async with on(server) as bus:
        await bus.publish_fact(stored(), "u1")
        async with background(bus.consume(FACTS, "control", taken)):
            await until(lambda: taken.uploads == ["u1"])


async def test_a_fact_whose_handler_fails_comes_again_until_it_is_taken(server: NatsServer) -> None:
    taken = Taken(refuse=2)
    async with on(server) as bus, background(bus.consume(FACTS, "control", taken)):
        await bus.publish_fact(stored(), "u1")
        await until(lambda: taken.uploads == ["u1"])
        assert taken.tried == 3
        assert bus._redelivered.labels(FACTS.name)._value.get() == 2


async def test_the_backlog_counts_what_is_not_taken_yet(server: NatsServer) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def slow(_subject: str, _data: bytes) -> None:
        begun.set()
        await gate.wait()

    async with on(server) as bus:
        with pytest.raises(BusUnavailable, match="control cannot be asked"):
            await bus.backlog(FACTS, "control")
        async with background(bus.consume(FACTS, "control", slow)):
            for upload in ("u1", "u2", "u3"):
                await bus.publish_fact(stored(upload), upload)
            async with asyncio.timeout(30):
                # The consumer is made meanwhile, and hears of new facts a moment after their publisher.
                await begun.wait()
                while await bus.backlog(FACTS, "control") != 3:
                    pass
                gate.set()
                while await bus.backlog(FACTS, "control"):
                    pass


async def test_facts_and_consumers_survive_the_servers_crash(server: NatsServer) -> None:
    taken = Taken()
    async with on(server) as edge, on(server) as control, background(control.consume(FACTS, "control", taken)):
        await edge.publish_fact(stored("u1"), "u1")
        await until(lambda: taken.uploads == ["u1"])
        await asyncio.to_thread(server.stop)
        with pytest.raises(BusUnavailable):
            await edge.publish_fact(stored("u2"), "u2")
        await asyncio.to_thread(server.start)
        await until(lambda: edge.connected)
        await edge.publish_fact(stored("u2"), "u2")
        await edge.publish_fact(AuthFailed(printer="p1", service="ftps", node="n", client="c", reason="r"), new_id())
        await until(lambda: "u2" in taken.uploads and taken.tried > len(taken.uploads))
        # The first one comes again if the server crashed before it had written down that it was taken.
        assert set(taken.uploads) == {"u1", "u2"}
