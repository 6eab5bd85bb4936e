"""What discovery tells of slicers that ask."""

from collections.abc import AsyncIterator

import pytest

from vprinter_common.bus import Bus
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_common.contracts.message import Message
from vprinter_common.runtime.tasks import TaskSet
from vprinter_discovery.searches import Rate
from vprinter_discovery.sightings import MAX_REMEMBERED, QUIET, Sightings


class Told:
    """A bus that remembers, and a clock."""

    def __init__(self, tasks: TaskSet) -> None:
        self.messages: list[tuple[str, Message]] = []
        self.tasks = tasks
        self.now = 100.0

    async def publish(self, subject: str, message: Message) -> None:
        self.messages.append((subject, message))

    def sightings(self, in_total: Rate = Rate(per_second=100, burst=5_000)) -> Sightings:  # noqa: B008 - frozen
        bus: Bus = self  # type: ignore[assignment]
        return Sightings(bus, tasks=self.tasks, clock=lambda: self.now, in_total=in_total)

    async def clients(self) -> list[str]:
        """Everyone told of so far."""
        for task in self.tasks.running():
            await task
        return [message.client for _, message in self.messages if isinstance(message, SessionLive)]


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    async with TaskSet("test") as tasks:
        yield Told(tasks)


async def test_who_asks_is_told_of_with_the_printer_and_the_listener(told: Told) -> None:
    told.sightings().seen("detect-tls", "p1", "10.0.0.9")
    assert await told.clients() == ["10.0.0.9"]
    subject, message = told.messages[0]
    assert subject == "vprinter.live.p1.session"
    assert isinstance(message, SessionLive)
    assert (message.service, message.listener, message.phase) == ("discovery", "detect-tls", SessionPhase.SEEN)


async def test_who_asks_again_and_again_is_told_of_once_in_a_while(told: Told) -> None:
    sightings = told.sightings()
    for _ in range(int(QUIET * 2)):
        sightings.seen("ssdp", "p1", "10.0.0.9")
        told.now += 1.0
    assert len(await told.clients()) == 2


async def test_many_forged_senders_fill_neither_the_bus_nor_the_memory(told: Told) -> None:
    sightings = told.sightings(Rate(per_second=8, burst=64))
    for number in range(MAX_REMEMBERED * 3):
        sightings.seen("ssdp", "p1", f"10.{number >> 8}.{number & 255}.1")
    assert len(await told.clients()) == 64
    plenty = told.sightings()
    for number in range(MAX_REMEMBERED * 3):
        plenty.seen("ssdp", "p1", f"10.{number >> 8}.{number & 255}.1")
    assert len(plenty._told) == MAX_REMEMBERED
