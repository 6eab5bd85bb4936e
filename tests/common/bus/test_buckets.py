import asyncio
from collections.abc import Callable

import pytest

from tests.common.bus.rig import FACTS, background, follow, names, on, restart
from tests.common.nats_server import NatsServer
from tests.common.printers import virtual_printer
from tests.common.waiting import until
from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.requests import Nothing
from vprinter_common.contracts.subjects import Bucket
from vprinter_common.contracts.target import Lease


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
        await until(lambda: names(states)() == {"p1": "after"}, 12)


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
        async with background(follow(bus, states, brief)), asyncio.timeout(30):
            while not any(states):  # again and again, for it may expire before it was read
                await bus.put(brief, "p1", virtual_printer())
                await asyncio.sleep(0.05)
            await until(lambda: states[-1] == {})


async def test_a_bucket_that_is_read_anew_is_never_shown_in_part(server: NatsServer) -> None:
    """Whoever follows desired state would stop the printers that are missing."""
    states: list[dict[str, VirtualPrinter]] = []
    keys = {f"p{number}" for number in range(100)}
    async with on(server, resync=0.1) as bus:
        for key in keys:
            await bus.put(subjects.PRINTERS, key, virtual_printer(id=key))
        async with background(follow(bus, states)):
            await until(lambda: len(states) >= 10, 60)
    assert all(state.keys() == keys for state in states)


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


async def test_of_two_who_claim_a_key_one_has_it_until_it_expires_or_is_given_back(server: NatsServer) -> None:
    bucket, brief = Bucket("vprinter-claims"), Bucket("vprinter-brief-claims", ttl=1.0)
    one, other = Lease(node="one"), Lease(node="other")

    def own(lease: Lease) -> Callable[[Lease], bool]:
        return lambda present: present.node == lease.node

    async with on(server) as bus, on(server) as another:
        await bus._ensure_bucket(bucket)
        await bus._ensure_bucket(brief)
        claims = await asyncio.gather(
            bus.claim(bucket, "r1", one, own(one)), another.claim(bucket, "r1", other, own(other))
        )
        assert sorted(claims) == [False, True]
        first, second = (one, other) if claims[0] else (other, one)
        assert await bus.claim(bucket, "r1", first, own(first))
        assert not await bus.claim(bucket, "r1", second, own(second))
        await bus.delete(bucket, "r1")
        assert await bus.claim(bucket, "r1", second, own(second))
        assert await bus.claim(brief, "r1", first, own(first))
        await until_claimed(bus, brief, second)


async def until_claimed(bus: Bus, bucket: Bucket, lease: Lease) -> None:
    async with asyncio.timeout(30):
        while not await bus.claim(bucket, "r1", lease, lambda _: False):  # noqa: ASYNC110 - it is told to nobody
            await asyncio.sleep(0.1)


async def test_a_claim_that_nobody_can_read_is_replaced(server: NatsServer) -> None:
    async with on(server) as bus:
        await bus.put(subjects.LEASES, "r1", Nothing())
        assert await bus.claim(subjects.LEASES, "r1", Lease(node="one"), lambda _: False)
        await asyncio.to_thread(server.stop)
        await until(lambda: not bus.connected)
        with pytest.raises(BusUnavailable):
            await bus.claim(subjects.LEASES, "r1", Lease(node="one"), lambda _: True)
