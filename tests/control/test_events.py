"""The event feed."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.common.waiting import until
from tests.control.harness import ADMIN_TOKEN, Api, Parts
from vprinter_control.api import events as events_module
from vprinter_control.store import events as store


@asynccontextmanager
async def following(api: Api, last: str | None = None, query: str = "") -> AsyncIterator["Feed"]:
    """Follow the events."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"} | ({"Last-Event-ID": last} if last is not None else {})
    async with api.client.get(f"/api/v1/events{query}", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        feed = Feed(response)
        comment, feed.begins_after = await feed.block()
        assert comment == ": follows"
        yield feed


class Feed:
    """A client of server-sent events."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.begins_after = ""

    async def block(self) -> list[str]:
        """The lines up to the next empty one."""
        lines = []
        async with asyncio.timeout(20):
            while line := (await self.response.content.readline()).decode().rstrip("\n"):
                lines.append(line)
        return lines

    async def next(self) -> dict[str, Any]:
        """The next event, comments left out."""
        while (block := await self.block())[0].startswith(":"):
            pass
        fields = dict(line.split(": ", 1) for line in block)
        data: dict[str, Any] = json.loads(fields["data"])
        return {"event": fields["event"], "last": fields["id"]} | data


async def test_what_happens_is_told_at_once(api: Api) -> None:
    async with following(api) as feed:
        made = await api.post("projects", {"name": "Boxes"})
        told = await feed.next()
        assert (told["event"], told["type"]) == ("project.created", "project.created")
        assert told["data"]["project"] == made["id"]


async def test_a_feed_is_resumed_without_a_gap(api: Api) -> None:
    async with following(api) as feed:
        await api.post("projects", {"name": "a"})
        last = (await feed.next())["last"]
    for name in "bcd":
        await api.post("projects", {"name": name})
    async with following(api, last) as feed:
        assert [(await feed.next())["data"]["name"] for _ in range(3)] == ["b", "c", "d"]
        await api.post("projects", {"name": "e"})
        assert (await feed.next())["data"]["name"] == "e"


async def test_a_feed_that_is_cut_off_before_its_first_event_is_resumed_too(api: Api) -> None:
    await api.post("projects", {"name": "a"})
    async with following(api) as feed:
        last = feed.begins_after.removeprefix("id: ")
    await api.post("projects", {"name": "b"})
    async with following(api, last) as feed:
        assert (await feed.next())["data"]["name"] == "b"


async def begin_and_fail(parts: Parts) -> None:
    """A transaction that does not reach its end."""
    async with parts.database.write() as session:
        store.record(session, parts.clock(), store.EventType.ARCHIVE_ADDED, archive="never")
        await session.flush()
        raise RuntimeError("midway")


async def test_a_change_that_failed_tells_nothing(api: Api, parts: Parts) -> None:
    async with following(api) as feed:
        with pytest.raises(RuntimeError, match="midway"):
            await begin_and_fail(parts)
        await api.post("projects", {"name": "a"})
        assert (await feed.next())["event"] == "project.created"


@pytest.mark.parametrize("last", ["1", "999999"])
async def test_who_was_away_too_long_is_told_to_read_anew(api: Api, parts: Parts, last: str) -> None:
    for name in "abcde":
        await api.post("projects", {"name": name})
    async with parts.database.write() as session:
        await store.forget(session, keep=2)
    async with following(api, last) as feed:
        block = await feed.block()
        assert block[0] == "event: reset"
        await api.post("projects", {"name": "f"})
        assert (await feed.next())["data"]["name"] == "f"


async def test_a_silent_feed_is_kept_alive(api: Api) -> None:
    async with following(api) as feed:
        assert await feed.block() == [": still here"]


async def test_clients_are_counted_and_limited(api: Api, parts: Parts) -> None:
    async with following(api), following(api):
        answer = await api("GET", "events")
        assert (answer.status, answer.code) == (503, "too_many_clients")
    while parts.control.feeds:
        await api.post("projects", {"name": "wakes the feeds"})
    async with following(api):
        pass


async def test_a_client_that_does_not_read_is_let_go(api: Api, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "WRITE_WITHIN", 0.1)
    address = api.client.make_url("/")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (address.host, address.port))
    _, writer = await asyncio.open_connection(sock=plain, limit=1)
    writer.write(
        b"GET /api/v1/events HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer %s\r\n\r\n" % ADMIN_TOKEN.encode()
    )
    await until(lambda: parts.control.feeds == 1)
    while parts.control.feeds:
        async with parts.database.write() as session:
            store.record(session, parts.clock(), store.EventType.ARCHIVE_ADDED, text="x" * 100_000)
        await asyncio.sleep(0)
    writer.close()


async def test_a_last_event_id_that_is_none_is_refused(api: Api) -> None:
    answer = await api("GET", "events", headers={"Last-Event-ID": "abc"})
    assert (answer.status, answer.code) == (400, "invalid_event_id")
