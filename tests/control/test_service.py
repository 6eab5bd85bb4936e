"""The whole service with a real NATS server."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from tests.common.nats_server import NatsServer, free_port
from tests.control.harness import Parts, stored
from tests.simulators import threemf
from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import UploadStored
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.object_store import Blobs
from vprinter_common.runtime.service import serve
from vprinter_common.runtime.settings import AdminSettings
from vprinter_common.runtime.tasks import TaskSet
from vprinter_control.service import control_body
from vprinter_control.settings import ControlSection, ControlSettings

TOKEN = "a token of enough letters"
CUBE = threemf.sliced()


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    """NATS."""
    (tmp_path / "nats").mkdir()
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(tmp_path: Path, nats: NatsServer) -> ControlSettings:
    """Of a control service on loopback."""
    return ControlSettings(
        data_dir=tmp_path / "data",
        node="test",
        nats=nats.settings,
        admin=AdminSettings(port=free_port()),
        control=ControlSection(host="127.0.0.1", port=free_port()),
        admin_token=SecretStr(TOKEN),
    )


@pytest.fixture
async def nats_bus(nats: NatsServer) -> AsyncIterator[Bus]:
    """A connection of the test's own."""
    async with Bus(nats.settings, "test", CollectorRegistry()) as bus:
        await bus.wait_connected()
        yield bus


@asynccontextmanager
async def running(settings: ControlSettings) -> AsyncIterator[Callable[[str], Awaitable[Any]]]:
    """Control; gives a function that GETs from its API."""
    stop = asyncio.Event()
    async with TaskSet("test") as tasks, ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        service = tasks.spawn(serve("control", settings, lambda runtime: control_body(runtime, settings), stop), "it")

        async def get(path: str) -> Any:
            url = f"http://127.0.0.1:{settings.control.port}/api/v1/{path}"
            async with session.get(url) as answer:
                return await answer.json()

        await until(lambda: answers(get) if not service.done() else service)
        yield get
        stop.set()
        async with asyncio.timeout(20):
            await service


async def answers(get: Callable[[str], Awaitable[Any]]) -> bool:
    """Whether the API answers."""
    try:
        await get("models")
    except OSError:
        return False
    return True


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until something holds, and give it."""
    async with asyncio.timeout(20):
        while not (found := await condition()):  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.02)
        return found


def keep(settings: ControlSettings, content: bytes) -> UploadStored:
    """Put a file in custody; the fact of it."""
    blobs = Blobs(settings.blobs_dir)
    with blobs.open_part(new_id()) as part:
        part.write(content)
        blobs.commit(part)
    return stored(content)


async def test_the_first_start_publishes_one_printer_and_the_second_nothing_new(
    settings: ControlSettings, nats_bus: Bus
) -> None:
    async def printers() -> dict[str, VirtualPrinter]:
        return await nats_bus.read(subjects.PRINTERS, VirtualPrinter)

    async with running(settings) as get:
        (made,) = (await get("virtual-printers"))["items"]
        published = await until(printers)
        assert list(published) == [made["id"]]
        assert published[made["id"]].enabled
        assert (settings.certs_dir / "bbl_ca.crt").exists()
    async with running(settings) as get:
        assert [printer["id"] for printer in (await get("virtual-printers"))["items"]] == [made["id"]]
        assert await printers() == published


async def test_a_fact_that_waited_is_taken_at_the_start_and_once(settings: ControlSettings, nats_bus: Bus) -> None:
    fact = keep(settings, CUBE)
    await nats_bus.publish_fact(fact, fact.upload)
    async with running(settings) as get:
        (item,) = await until(lambda: items(get, f"archive?sha256={fact.sha256}"))
        assert item["id"] == fact.upload
        # Its id is new to JetStream, as after a receipt that was replayed days later.
        await nats_bus.publish_fact(fact, new_id())
        other = keep(settings, threemf.sliced(seed=1))
        await nats_bus.publish_fact(other, other.upload)
        await until(lambda: items(get, f"archive?sha256={other.sha256}"))
        assert len(await items(get, f"archive?sha256={fact.sha256}")) == 1

    async def is_settled() -> bool:
        return await nats_bus.backlog(subjects.FACT_STREAM, "control") == 0

    await until(is_settled)  # NATS may still be reading the last ack, which came by another connection


async def test_a_crash_between_commit_and_ack_takes_it_once(parts: Parts, nats_bus: Bus) -> None:
    parts.keep(CUBE)
    fact = stored(CUBE)
    deliveries = []
    again = asyncio.Event()

    async def take(subject: str, data: bytes) -> None:
        await parts.ingest.take(subject, data)
        deliveries.append(json.loads(data)["upload"])
        if len(deliveries) == 1:
            raise RuntimeError("killed before the ack")
        again.set()

    async with TaskSet("test") as tasks:
        tasks.spawn(nats_bus.consume(subjects.FACT_STREAM, "control", take), "consume")
        await nats_bus.publish_fact(fact, fact.upload)
        async with asyncio.timeout(20):
            await again.wait()
    assert deliveries == [fact.upload, fact.upload]
    counted = {
        sample.labels["outcome"]: sample.value
        for family in parts.control.metrics.facts.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    assert counted == {"taken": 1, "repeated": 1}


async def test_a_nats_that_lost_everything_gets_desired_state_back(
    settings: ControlSettings, nats: NatsServer, tmp_path: Path
) -> None:
    async with running(settings) as get:
        (made,) = (await get("virtual-printers"))["items"]
        await asyncio.to_thread(nats.stop)
        shutil.rmtree(tmp_path / "nats" / "store")
        await asyncio.to_thread(nats.start)
        async with Bus(nats.settings, "test", CollectorRegistry()) as bus:
            await bus.wait_connected()
            published = await until(lambda: bus.read(subjects.PRINTERS, VirtualPrinter))
        assert list(published) == [made["id"]]


async def test_without_nats_the_api_serves_and_says_so(settings: ControlSettings, nats: NatsServer) -> None:
    nats.stop()
    async with running(settings) as get:
        assert len((await get("virtual-printers"))["items"]) == 1
        async with ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{settings.admin.port}/readyz") as ready:
                assert ready.status == 200
                assert "nats" in (await ready.json())["problems"]
            async with session.get(f"http://127.0.0.1:{settings.admin.port}/metrics") as metrics:
                text = await metrics.text()
    assert 'vprinter_items{kind="virtual_printers"} 1.0' in text
    assert "vprinter_ca_not_after_timestamp_seconds 2" in text


async def items(get: Callable[[str], Awaitable[Any]], path: str) -> list[dict[str, Any]]:
    """Items of a list."""
    found: list[dict[str, Any]] = (await get(path))["items"]
    return found
