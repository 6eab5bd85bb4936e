"""The order of the queue, also when several move things at once."""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.control.filled import take
from tests.control.harness import Api, FakeBus, Parts
from tests.control.targets import add
from vprinter_control.domain import ranks


@pytest.fixture
async def five(api: Api, parts: Parts) -> list[str]:
    """Five plates in the queue."""
    (file,) = await take(parts, "cube.gcode.3mf")
    return [(await api.post("queue", {"archive_id": file}))["id"] for _ in range(5)]


async def order(api: Api) -> list[str]:
    """The queue's ids, whose positions must be what they are."""
    items = await api.items("queue")
    assert [item["position"] for item in items] == list(range(1, len(items) + 1))
    return [item["id"] for item in items]


async def test_a_plate_is_moved_next_to_a_neighbour(api: Api, five: list[str]) -> None:
    a, b, c, d, e = five
    assert (await api.patch(f"queue/{e}", {"after": a}))["position"] == 2
    assert await order(api) == [a, e, b, c, d]
    assert (await api.patch(f"queue/{a}", {"before": d}))["position"] == 4
    assert await order(api) == [e, b, c, a, d]
    assert (await api.patch(f"queue/{d}", {"after": None}))["position"] == 1
    assert (await api.patch(f"queue/{e}", {"before": None}))["position"] == 5
    assert await order(api) == [d, b, c, a, e]


async def test_a_neighbour_that_is_gone_is_stood_in_for_by_the_other(api: Api, five: list[str]) -> None:
    a, b, c, d, e = five
    await api.delete(f"queue/{b}")
    await api.patch(f"queue/{e}", {"after": b, "before": c})
    assert await order(api) == [a, e, c, d]
    await api.delete(f"queue/{c}")
    answer = await api("PATCH", f"queue/{d}", {"after": b, "before": c})
    assert (answer.status, answer.code) == (409, "neighbour_gone")
    assert await order(api) == [a, e, d]


async def test_nothing_is_its_own_neighbour(api: Api, five: list[str]) -> None:
    answer = await api("PATCH", f"queue/{five[0]}", {"after": five[0]})
    assert (answer.status, answer.body["field"]) == (422, "after")


async def test_moves_at_the_same_time_lose_nothing(api: Api, five: list[str]) -> None:
    randomness = Random(1)

    async def move() -> None:
        moved, neighbour = randomness.sample(five, 2)
        await api.patch(f"queue/{moved}", {randomness.choice(("after", "before")): neighbour})

    async with asyncio.TaskGroup() as group:
        for _ in range(40):
            group.create_task(move())
    assert sorted(await order(api)) == sorted(five)


async def test_there_is_always_room_between_two(api: Api, five: list[str]) -> None:
    a, b, c, *_ = five
    for _ in range(15):
        await api.patch(f"queue/{b}", {"after": a})
        await api.patch(f"queue/{c}", {"after": a})
    assert (await order(api))[:3] == [a, c, b]


async def test_plates_are_listed_by_whom_they_are_for(api: Api, parts: Parts, bus: FakeBus) -> None:
    (file,) = await take(parts, "cube.gcode.3mf")
    free = await api.post("queue", {"archive_id": file})
    garage = (await add(api, bus))["id"]
    taken = await api.post("queue", {"archive_id": file, "hold": True, "printer_id": garage})
    assert await api.items("queue?unassigned=true") == [free]
    assert await api.items(f"queue?printer={garage}") == await api.items("queue?hold=true") == [taken]
    assert taken["position"] == 2
    page = await api.get("queue?limit=1")
    assert (await api.get(f"queue?limit=1&cursor={page['next']}"))["items"] == [taken]


@given(st.lists(st.integers(0, 30), max_size=120))
def test_ranks_put_anywhere_stay_in_order(places: list[int]) -> None:
    row: list[int] = []
    for place in places:
        at = min(place, len(row))
        low, high = (row[at - 1] if at else None), (row[at] if at < len(row) else None)
        rank = ranks.between(low, high)
        if rank is None:
            row = list(ranks.spread(len(row)))
            rank = ranks.between(row[at - 1], row[at])
            assert rank is not None
        row.insert(at, rank)
        assert row == sorted(set(row))
