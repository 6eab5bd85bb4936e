import asyncio
from typing import Any

import pytest
from nats.aio.msg import Msg

from vprinter_common.bus import BusUnavailable
from vprinter_common.bus.feed import Change, Feed
from vprinter_common.contracts.subjects import Bucket

BUCKET = Bucket("things")


def message(number: int, left: int, key: str = "k", headers: dict[str, str] | None = None) -> Msg:
    """The `number`th that the server sends to a consumer, with `left` more at hand."""
    reply = f"$JS.ACK.KV_things.consumer.1.{number + 70}.{number}.1700000000000000000.{left}"
    client: Any = None
    return Msg(client, f"$KV.things.{key}", reply, b"value", headers)


def fed(waiting: int, *messages: Msg) -> Feed:
    queue: asyncio.Queue[Msg] = asyncio.Queue()
    for each in messages:
        queue.put_nowait(each)
    return Feed(BUCKET, queue, waiting)


async def test_an_empty_bucket_is_whole_at_once_and_its_first_change_follows() -> None:
    feed = fed(0, message(1, 0))
    assert [await feed.next(), await feed.next()] == [None, Change("k", b"value")]


async def test_it_is_whole_when_all_that_was_there_came() -> None:
    feed = fed(2, message(1, 1, "a.b"), message(2, 0), message(3, 0))
    assert [await feed.next() for _ in range(4)] == [
        Change("a.b", b"value"),
        Change("k", b"value"),
        None,
        Change("k", b"value"),
    ]


async def test_what_was_replaced_meanwhile_is_not_waited_for() -> None:
    feed = fed(5, message(1, 0))
    assert [await feed.next(), await feed.next()] == [Change("k", b"value"), None]


async def test_changes_that_come_meanwhile_do_not_put_off_the_whole() -> None:
    feed = fed(1, message(1, 7))
    assert [await feed.next(), await feed.next()] == [Change("k", b"value"), None]


@pytest.mark.parametrize(
    "header", [{"KV-Operation": "DEL"}, {"KV-Operation": "PURGE"}, {"Nats-Marker-Reason": "MaxAge"}]
)
async def test_what_was_deleted_or_has_expired_is_gone(header: dict[str, str]) -> None:
    assert await fed(1, message(1, 0, headers=header)).next() == Change("k", None)


async def test_a_value_with_other_headers_is_a_value() -> None:
    assert await fed(1, message(1, 0, headers={"Nats-Msg-Id": "1"})).next() == Change("k", b"value")


async def test_a_lost_change_is_noticed() -> None:
    feed = fed(0, message(1, 0), message(3, 0))
    await feed.next()
    await feed.next()
    with pytest.raises(BusUnavailable, match="a change of things was lost"):
        await feed.next()
