"""What the database holds, as metrics."""

from tests.control.filled import take
from tests.control.harness import Api, Parts
from vprinter_common.contracts.printer import Mode
from vprinter_control import tally


async def gauges(parts: Parts) -> dict[str, float]:
    """Samples of control's gauges after a count, by name and label."""
    metrics = parts.control.metrics
    async with parts.control.database.read() as session:
        await tally.count(session, metrics, parts.clock())
    return {
        " ".join((sample.name.removeprefix("vprinter_"), *sample.labels.values())): sample.value
        for gauge in (metrics.items, metrics.queue, metrics.queue_age, metrics.pending_age, metrics.blob_bytes)
        for family in gauge.collect()
        for sample in family.samples
    }


async def test_an_empty_house_counts_nothing(parts: Parts) -> None:
    assert set((await gauges(parts)).values()) == {0}


async def test_plates_are_counted_by_state_and_the_one_that_waits_longest_is_timed(api: Api, parts: Parts) -> None:
    (file,) = await take(parts, "cube.gcode.3mf")
    held, _ = [(await api.post("queue", {"archive_id": file}))["id"] for _ in range(2)]
    parts.clock.forward(60)
    await api.post("queue", {"archive_id": file})
    await api.patch(f"queue/{held}", {"hold": True})
    found = await gauges(parts)
    assert (found["queue_items waiting"], found["queue_items held"], found["queue_items started"]) == (2, 1, 0)
    assert (found["queue_oldest_age_seconds"], found["items queue"]) == (60, 3)


async def test_held_plates_keep_nobody_waiting(api: Api, parts: Parts) -> None:
    (file,) = await take(parts, "cube.gcode.3mf")
    queued = await api.post("queue", {"archive_id": file})
    await api.patch(f"queue/{queued['id']}", {"hold": True})
    parts.clock.forward(60)
    assert (await gauges(parts))["queue_oldest_age_seconds"] == 0


async def test_the_oldest_upload_that_waits_for_review_is_timed_and_discarded_ones_are_not(
    api: Api, parts: Parts
) -> None:
    older, _ = await take(parts, "old.3mf", "a-minute-later.3mf", mode=Mode.REVIEW)
    parts.clock.forward(3600)
    before = await gauges(parts)
    await api.post(f"pending/{older}/discard")
    after = await gauges(parts)
    assert before["items pending"] == 2
    assert before["pending_oldest_age_seconds"] - after["pending_oldest_age_seconds"] == 60
