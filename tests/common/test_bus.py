"""The bus with a real NATS server, which comes late, is killed, comes back, and refuses."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.common.nats_server import PASSWORD, NatsServer
from tests.common.printers import virtual_printer
from tests.common.waiting import until
from vprinter_common.bus import Bus, BusUnavailable, connection
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import AuthFailed, UploadStored
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.requests import Heard, Nothing
from vprinter_common.contracts.subjects import Bucket
from vprinter_common.runtime.tasks import TaskSet

SESSION = SessionLive(printer="p1", service="ftps", client="10.0.0.9", phase=SessionPhase.CONNECTED)
LIVE = subjects.live_session("p1")
FACTS = subjects.FACT_STREAM


def stored(upload: str = "u1") -> UploadStored:
    return UploadStored(
        upload=upload, printer="p1", mode="immediate", filename="a.3mf", sha256="0" * 64, size=1, client="10.0.0.9"
    )


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("connection", "buckets", "facts"):
        monkeypatch.setattr(f"vprinter_common.bus.{module}.RETRY", 0.1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path) as running:
        yield running


@asynccontextmanager
async def on(server: NatsServer, **more: Any) -> AsyncIterator[Bus]:
    async with Bus(server.settings, "test", CollectorRegistry(), **more) as bus:
        async with asyncio.timeout(10):
            await bus.wait_connected()
        yield bus


@asynccontextmanager
async def background(*coros: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    async with TaskSet("test") as tasks:
        for coro in coros:
            tasks.spawn(coro, "background")
        yield


async def follow(bus: Bus, states: list[dict[str, VirtualPrinter]], bucket: Bucket = subjects.PRINTERS) -> None:
    async for state in bus.watch(bucket, VirtualPrinter):
        states.append(state)  # noqa: PERF401 - it never ends


def names(states: list[dict[str, VirtualPrinter]]) -> Callable[[], dict[str, str]]:
    """The newest state's names by id."""
    return lambda: {id_: spec.name for id_, spec in states[-1].items()} if states else {}


async def restart(server: NatsServer, bus: Bus) -> None:
    await asyncio.to_thread(server.stop)
    await until(lambda: not bus.connected)
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(15):
        await bus.wait_connected()


# -- connection ------------------------------------------------------------------------------------------------------


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
            async with asyncio.timeout(10):
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
        with server:
            await until(lambda: bus.connected, 10)


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
        await until(lambda: bus._client is not first, 10)
        babbler.close()
        with server:
            await until(lambda: bus.connected, 15)


async def test_a_wrong_password_is_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.5)
    server = NatsServer(tmp_path, password="another")
    server.start()
    async with Bus(server.settings, "test", CollectorRegistry()) as bus:
        first = bus._client
        await until(lambda: bus._client is not first)
        assert not bus.connected
        await asyncio.to_thread(server.stop)
        server.password = PASSWORD
        with server:
            await until(lambda: bus.connected, 10)


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
        await until(lambda: bus._client is not client and bus.connected, 15)
        await bus.publish(LIVE, SESSION)
        await until(lambda: heard == [SESSION])
        await bus.publish_fact(stored("u2"), "u2")
        await until(lambda: taken.uploads == ["u1", "u2"], 10)


async def test_leaving_while_the_server_is_away_takes_no_time(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with on(server) as bus:
            await asyncio.to_thread(server.stop)
            await until(lambda: not bus.connected)
            began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 3


# -- live ------------------------------------------------------------------------------------------------------------


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


# -- buckets ---------------------------------------------------------------------------------------------------------


async def test_a_watch_begins_with_what_is_there_and_follows_every_change(server: NatsServer) -> None:
    states: list[dict[str, VirtualPrinter]] = []
    async with on(server) as bus:
        await bus.put(subjects.PRINTERS, "p1", virtual_printer(name="one"))
        async with background(follow(bus, states)):
            await until(lambda: names(states)() == {"p1": "one"})
            await bus.put(subjects.PRINTERS, "p1", virtual_printer(name="two"))
            await bus.put(subjects.PRINTERS, "p2", virtual_printer(id="p2", name="other"))
            await until(lambda: names(states)() == {"p1": "two", "p2": "other"})
            await bus.delete(subjects.PRINTERS, "p1")
            await until(lambda: names(states)() == {"p2": "other"})
        assert set(await bus.read(subjects.PRINTERS, VirtualPrinter)) == {"p2"}


async def test_an_empty_bucket_is_told_at_once_as_empty(server: NatsServer) -> None:
    states: list[dict[str, VirtualPrinter]] = []
    async with on(server) as bus, background(follow(bus, states)):
        await until(lambda: states == [{}])
        assert await bus.read(subjects.PRINTERS, VirtualPrinter) == {}


async def test_after_a_restart_of_the_server_a_watch_tells_at_once_what_changed_meanwhile(server: NatsServer) -> None:
    """The client alone would stay silent for a quarter of a minute."""
    states: list[dict[str, VirtualPrinter]] = []
    async with on(server) as edge, on(server) as control, background(follow(edge, states)):
        await control.put(subjects.PRINTERS, "p1", virtual_printer(name="before"))
        await until(lambda: names(states)() == {"p1": "before"})
        await restart(server, control)
        await control.put(subjects.PRINTERS, "p1", virtual_printer(name="after"))
        await until(lambda: names(states)() == {"p1": "after"}, 5)


async def test_while_the_server_is_away_a_watch_says_nothing(server: NatsServer) -> None:
    states: list[dict[str, VirtualPrinter]] = []
    async with on(server) as bus, background(follow(bus, states)):
        await bus.put(subjects.PRINTERS, "p1", virtual_printer())
        await until(lambda: names(states)() == {"p1": "Virtual Printer"})
        said = len(states)
        await asyncio.to_thread(server.stop)
        await until(lambda: not bus.connected)
        with pytest.raises(TimeoutError):
            await until(lambda: len(states) > said, 0.5)


async def test_of_a_value_that_cannot_be_read_the_last_readable_one_stays(server: NatsServer) -> None:
    states: list[dict[str, VirtualPrinter]] = []
    async with on(server, resync=0.3) as bus, background(follow(bus, states)):
        await bus.put(subjects.PRINTERS, "p1", virtual_printer(name="good"))
        await until(lambda: names(states)() == {"p1": "good"})
        bucket = await bus.jetstream().key_value(subjects.PRINTERS.name)
        await bucket.put("p1", b'{"id": "p1", "access_codes": "from the future"}')
        await bucket.put("p2", b"garbage")
        seen = len(states)
        await until(lambda: len(states) > seen + 2)
        assert names(states)() == {"p1": "good"}


async def test_what_expired_is_gone_after_the_next_complete_reading(server: NatsServer) -> None:
    states: list[dict[str, VirtualPrinter]] = []
    brief = Bucket("brief", ttl=1.0)

    async with on(server, resync=0.3) as bus:
        await bus._ensure_bucket(brief)
        await bus.put(brief, "p1", virtual_printer())
        async with background(follow(bus, states, brief)):
            await until(lambda: states and set(states[-1]) == {"p1"})
            await until(lambda: states[-1] == {}, 10)


async def test_writing_and_reading_without_a_server_is_unavailable(server: NatsServer) -> None:
    async with on(server) as bus:
        await asyncio.to_thread(server.stop)
        for attempt in (
            bus.put(subjects.PRINTERS, "p1", virtual_printer()),
            bus.delete(subjects.PRINTERS, "p1"),
            bus.read(subjects.PRINTERS, VirtualPrinter),
            bus.backlog(FACTS, "control"),
        ):
            with pytest.raises(BusUnavailable):
                await attempt


async def test_a_bucket_that_does_not_exist_is_unavailable(server: NatsServer) -> None:
    async with on(server) as bus:
        with pytest.raises(BusUnavailable, match="none-such"):
            await bus.read(Bucket("none-such"), VirtualPrinter)
        with pytest.raises(BusUnavailable, match="none-such"):
            await bus.put(Bucket("none-such"), "k", virtual_printer())


# -- facts -----------------------------------------------------------------------------------------------------------


class Taken:
    """A consumer that writes down what it takes, and refuses what it is told to."""

    def __init__(self, refuse: int = 0) -> None:
        self.refuse = refuse
        self.uploads: list[str] = []
        self.tried = 0

    async def __call__(self, _subject: str, data: bytes) -> None:
        self.tried += 1
        if self.refuse:
            self.refuse -= 1
            raise RuntimeError("database is away")
        self.uploads += [upload] if (upload := json.loads(data).get("upload")) else []


async def test_a_fact_published_twice_with_one_id_is_taken_once(server: NatsServer) -> None:
    taken = Taken()
    async with on(server) as bus, background(bus.consume(FACTS, "control", taken)):
        for upload in ("u1", "u1", "u2"):
            await bus.publish_fact(stored(upload), upload)
        await until(lambda: taken.uploads == ["u1", "u2"])


async def test_a_fact_is_taken_at_once_however_long_the_consumer_has_waited(server: NatsServer) -> None:
    taken = Taken()
    async with on(server) as bus, background(bus.consume(FACTS, "control", taken)):
        for upload in ("u1", "u2", "u3"):
            await bus.publish_fact(stored(upload), upload)
            await until(lambda upload=upload: taken.uploads[-1:] == [upload], 2)  # type: ignore[misc]


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
        await until(lambda: taken.uploads == ["u1"], 10)
        assert taken.tried == 3
        assert bus._redelivered.labels(FACTS.name)._value.get() == 2


async def test_the_backlog_counts_what_is_not_taken_yet(server: NatsServer) -> None:
    gate = asyncio.Event()

    async def slow(_subject: str, _data: bytes) -> None:
        await gate.wait()

    async with on(server) as bus:
        with pytest.raises(BusUnavailable, match="control cannot be asked"):
            await bus.backlog(FACTS, "control")
        async with background(bus.consume(FACTS, "control", slow)):
            for upload in ("u1", "u2", "u3"):
                await bus.publish_fact(stored(upload), upload)
            assert await bus.backlog(FACTS, "control") == 3
            gate.set()
            async with asyncio.timeout(5):
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
        await until(lambda: edge.connected, 15)
        await edge.publish_fact(stored("u2"), "u2")
        await edge.publish_fact(AuthFailed(printer="p1", service="ftps", node="n", client="c", reason="r"), new_id())
        await until(lambda: taken.tried == 3, 15)
        assert taken.uploads == ["u1", "u2"]
