"""Receipts: durable, published oldest first, never lost."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from tests.common.nats_server import NatsServer
from tests.ftps.rig import FakeBus, until
from vprinter_common import outbox as outbox_module
from vprinter_common.bus import Bus
from vprinter_common.contracts.facts import UploadStored
from vprinter_common.contracts.printer import Mode
from vprinter_common.contracts.subjects import FACT_STREAM
from vprinter_common.object_store import Blobs
from vprinter_common.outbox import Outbox, OutboxMetrics, Publisher
from vprinter_common.runtime.tasks import TaskSet


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "RETRY_FIRST", 0.01)
    monkeypatch.setattr(outbox_module, "RETRY_MOST", 0.05)


def receipt(upload: str) -> UploadStored:
    return UploadStored(
        upload=upload,
        printer="p1",
        mode=Mode.REVIEW,
        filename="Cube.gcode.3mf",
        sha256="0" * 64,
        size=1,
        client="192.0.2.1",
    )


def write(outbox: Outbox, *uploads: str) -> None:
    """Write receipts, one second apart."""
    for age, upload in enumerate(uploads):
        outbox.write(receipt(upload))
        path = next(path for path in outbox.pending() if path.stem == upload)
        os.utime(path, (age + 1, age + 1))


@asynccontextmanager
async def publishing(outbox: Outbox, bus: object) -> AsyncIterator[tuple[Publisher, CollectorRegistry]]:
    registry = CollectorRegistry()
    blobs = Blobs(outbox.directory.parent / "blobs")
    publisher = Publisher(outbox, blobs, cast("Bus", bus), OutboxMetrics(registry))
    async with TaskSet("test") as tasks:
        tasks.spawn(publisher.run(), "outbox")
        yield publisher, registry


async def test_what_an_earlier_run_left_is_published_oldest_first_and_removed(tmp_path: Path) -> None:
    outbox, bus = Outbox(tmp_path / "outbox"), FakeBus()
    write(outbox, "b", "c", "a")
    async with publishing(outbox, bus) as (_, registry):
        await until(lambda: not outbox.pending())
        assert [message_id for message_id, _ in bus.facts] == ["b", "c", "a"]
        await until(lambda: registry.get_sample_value("vprinter_outbox_receipts") == 0)
        await until(lambda: registry.get_sample_value("vprinter_outbox_oldest_age_seconds") == 0)


async def test_while_nats_is_away_receipts_wait(tmp_path: Path) -> None:
    outbox, bus = Outbox(tmp_path / "outbox"), FakeBus()
    bus.down = True
    async with publishing(outbox, bus) as (publisher, registry):
        write(outbox, "a", "b")
        publisher.wake()
        await until(lambda: registry.get_sample_value("vprinter_outbox_receipts") == 2)
        oldest = time.time() - 1  # written so, one second after the epoch
        await until(lambda: abs((registry.get_sample_value("vprinter_outbox_oldest_age_seconds") or 0) - oldest) < 60)
        assert not bus.facts
        bus.down = False
        await until(lambda: not outbox.pending())
        assert [fact.upload for fact in bus.stored] == ["a", "b"]


async def test_an_unreadable_receipt_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    outbox, bus = Outbox(tmp_path / "outbox"), FakeBus()
    write(outbox, "a", "b")
    outbox.pending()[0].write_text("{")
    async with publishing(outbox, bus):
        await until(lambda: not outbox.pending())
    assert [fact.upload for fact in bus.stored] == ["b"]
    assert (tmp_path / "outbox" / "corrupt" / "a.json").read_text() == "{"


def test_a_receipt_that_was_never_finished_is_swept(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")

    class Crash(BaseException):
        pass

    def crash(step: str) -> None:
        if step == "receipt_written":
            raise Crash

    with pytest.raises(Crash):
        outbox.write(receipt("a"), crash)
    assert not outbox.pending()
    assert (outbox.sweep(), outbox.sweep()) == (1, 0)


def test_a_receipt_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")

    def fail(step: str) -> None:
        raise OSError(28, step)

    with pytest.raises(OSError, match="receipt_written"):
        outbox.write(receipt("a"), fail)
    assert not list((tmp_path / "outbox").iterdir())


async def test_with_a_real_nats_server_that_dies_in_between_each_receipt_arrives_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    server = NatsServer(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        async with Bus(server.settings, "test", CollectorRegistry()) as bus, publishing(outbox, bus) as (publisher, _):
            write(outbox, "a")
            publisher.wake()
            await until(lambda: not outbox.pending())
            await asyncio.to_thread(server.stop)
            write(outbox, "b", "c")
            publisher.wake()
            await asyncio.to_thread(server.start)
            await until(lambda: not outbox.pending())
            # The connection may have broken after the server took it: the same id makes it one message.
            write(outbox, "c")
            publisher.wake()
            await until(lambda: not outbox.pending())
            received: list[str] = []

            async def take(_subject: str, data: bytes) -> None:
                received.append(UploadStored.decode(data).upload)

            async with TaskSet("consumer") as tasks:
                tasks.spawn(bus.consume(FACT_STREAM, "test", take), "consume")
                await until(lambda: len(received) >= 3)
            assert received == ["a", "b", "c"]
    finally:
        await asyncio.to_thread(server.stop)
