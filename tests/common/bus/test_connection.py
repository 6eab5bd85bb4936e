import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.common.bus.rig import FACTS, LIVE, SESSION, Taken, background, on, stored
from tests.common.nats_server import PASSWORD, NatsServer
from tests.common.waiting import until
from vprinter_common.bus import Bus, BusUnavailable, connection
from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import SessionLive
from vprinter_common.contracts.printer import VirtualPrinter


async def test_a_server_that_starts_later_is_found_and_until_then_nothing_blocks(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    async with Bus(server.settings, "test", CollectorRegistry()) as bus:
        assert bus.problem() == f"no connection to NATS at {server.settings.url}; retrying"
        await bus.publish(LIVE, SESSION)
        with pytest.raises(BusUnavailable, match="no connection to NATS"):
            await bus.publish_fact(stored(), "u1")
        with pytest.raises(BusUnavailable):
            await bus.read(subjects.PRINTERS, VirtualPrinter)
        with server:
            async with asyncio.timeout(30):
                await bus.wait_connected()
            assert bus.problem() is None
            await bus.publish_fact(stored(), "u1")


async def test_connecting_is_tried_anew_when_nobody_answers_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.2)
    server = NatsServer(tmp_path)
    async with Bus(server.settings, "test", CollectorRegistry()) as bus:
        first = bus._client
        await until(lambda: bus._client is not None and bus._client is not first)
        monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 5.0)
        with server:
            await until(lambda: bus.connected)


async def test_something_else_at_that_address_is_not_the_end(tmp_path: Path) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO {this is no JSON\r\n")
        await writer.drain()
        writer.close()

    server = NatsServer(tmp_path)
    async with (
        await asyncio.start_server(babble, "127.0.0.1", server.port) as babbler,
        Bus(server.settings, "test", CollectorRegistry()) as bus,
    ):
        first = bus._client
        await until(lambda: bus._client is not first)
        babbler.close()
        with server:
            await until(lambda: bus.connected)


async def test_a_wrong_password_is_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.5)
    with NatsServer(tmp_path, password="another") as server:
        async with Bus(server.settings, "test", CollectorRegistry()) as bus:
            first = bus._client
            await until(lambda: bus._client is not first)
            assert not bus.connected
            monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 5.0)
            await asyncio.to_thread(server.stop)
            server.password = PASSWORD
            await asyncio.to_thread(server.start)
            await until(lambda: bus.connected)


async def test_when_the_server_throws_us_out_subscriptions_and_consumers_are_made_anew(server: NatsServer) -> None:
    """After an error that the server calls fatal the client gives up for good."""
    heard: list[SessionLive] = []
    taken = Taken()

    async def on_session(message: SessionLive) -> None:
        heard.append(message)

    async with on(server) as bus, background(bus.consume(FACTS, "control", taken)):
        await bus.subscribe(LIVE, SessionLive, on_session)
        await bus.publish_fact(stored("u1"), "u1")
        await until(lambda: taken.uploads == ["u1"])
        client = bus.line()
        assert client._transport is not None
        client._transport.write(b"NONSENSE\r\n")
        await until(lambda: bus._client is not client and bus.connected)
        await bus.publish(LIVE, SESSION)
        await until(lambda: heard == [SESSION])
        await bus.publish_fact(stored("u2"), "u2")
        await until(lambda: taken.uploads == ["u1", "u2"])


async def test_leaving_while_the_server_is_away_takes_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "DRAIN_TIMEOUT", 60.0)
    with NatsServer(tmp_path) as server:
        async with on(server) as bus:
            await asyncio.to_thread(server.stop)
            await until(lambda: not bus.connected)
            began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 20


@pytest.mark.parametrize("outcome", ["taken", TimeoutError("no answer")], ids=["result", "error"])
async def test_a_cancellation_is_not_lost_that_meets_the_outcome_of_a_call(outcome: str | Exception) -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def for_ever() -> None:
        with suppress(TimeoutError):
            await connection.call(asyncio.wait_for(answer, 60))
        await asyncio.sleep(60)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(for_ever())
        await asyncio.sleep(0)
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        task.cancel()
    assert done
