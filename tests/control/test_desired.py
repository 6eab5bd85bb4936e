"""Publishing desired state."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.control.harness import Api, FakeBus, Parts
from vprinter_common.contracts import subjects
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.runtime.tasks import TaskSet
from vprinter_control.desired import DesiredState

BODY = {"name": "Desk", "model": "X1C", "bind": {"address": "192.0.2.10"}}


@asynccontextmanager
async def publishing(parts: Parts) -> AsyncIterator[dict[str, VirtualPrinter]]:
    """Publish while the context is open; gives the bucket."""
    async with TaskSet("test") as tasks:
        tasks.spawn(DesiredState(parts.database, parts.bus.as_bus()).follow(), "desired")
        yield parts.bus.bucket(subjects.PRINTERS)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a dictionary has no event to wait for
            await asyncio.sleep(0.01)


async def test_a_commit_is_published(api: Api, parts: Parts) -> None:
    async with publishing(parts) as bucket:
        made = await api.post("virtual-printers", BODY)
        await until(lambda: made["id"] in bucket)
        spec = bucket[made["id"]]
        assert (spec.name, spec.serial, spec.revision) == ("Desk", made["serial"], made["revision"])
        assert spec.access_codes[0].code.get_secret_value() == made["access_code"]
        await api.patch(f"virtual-printers/{made['id']}", {"name": "Table"})
        await until(lambda: bucket[made["id"]].name == "Table")
        await api.delete(f"virtual-printers/{made['id']}")
        await until(lambda: made["id"] not in bucket)


async def test_a_crash_between_commit_and_publish_heals(api: Api, parts: Parts) -> None:
    made = await api.post("virtual-printers", BODY)
    async with publishing(parts) as bucket:
        await until(lambda: made["id"] in bucket)


async def test_a_bucket_that_lost_or_kept_too_much_is_put_right(api: Api, parts: Parts, bus: FakeBus) -> None:
    made = await api.post("virtual-printers", BODY)
    async with publishing(parts) as bucket:
        await until(lambda: made["id"] in bucket)
        bucket["stale"] = bucket.pop(made["id"])
        bus.stir()
        await until(lambda: list(bucket) == [made["id"]])


async def test_what_is_right_is_not_written_again(api: Api, parts: Parts, bus: FakeBus) -> None:
    made = await api.post("virtual-printers", BODY)
    async with publishing(parts) as bucket:
        await until(lambda: made["id"] in bucket)
    bus.writes.clear()
    async with publishing(parts):
        await api.post("projects", {"name": "unrelated"})
        await api.patch(f"virtual-printers/{made['id']}", {"name": "Table"})
        await until(lambda: bucket[made["id"]].name == "Table")
    assert bus.writes == [("put", made["id"])]


async def test_with_nats_away_it_is_tried_again(api: Api, parts: Parts, bus: FakeBus) -> None:
    bus.down = True
    async with publishing(parts) as bucket:
        made = await api.post("virtual-printers", BODY)
        assert not bucket
        bus.down = False
        await until(lambda: made["id"] in bucket)
