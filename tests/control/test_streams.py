"""The event feed ends with the token or session that it was asked for with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import ClientError, ClientResponse
from structlog.testing import capture_logs

from tests.control.harness import READ_TOKEN, Api, Parts
from vprinter_control.store.schema import Token


@asynccontextmanager
async def feed(api: Api, token: str) -> AsyncIterator[ClientResponse]:
    """The event feed, its first line read."""
    headers = {"Authorization": f"Bearer {token}"}
    async with api.client.get("/api/v1/events", headers=headers) as response:
        assert response.status == 200
        await response.content.readline()
        yield response


async def ends(response: ClientResponse) -> bool:
    """Whether the feed ends by itself."""
    try:
        async with asyncio.timeout(20):
            await response.content.read()
    except ClientError:
        pass
    except TimeoutError:
        return False
    return True


async def test_a_feed_ends_when_its_token_is_revoked_and_others_go_on(api: Api) -> None:
    made = await api.post("tokens", {"name": "Screen", "scopes": ["read"]})
    async with feed(api, READ_TOKEN) as other, feed(api, made["token"]) as mine:
        await api.delete(f"tokens/{made['id']}")
        assert await ends(mine)
        await api.post("projects", {"name": "Fan"})
        async with asyncio.timeout(20):
            while b"project.created" not in await other.content.readline():
                pass


async def test_a_feed_ends_when_its_token_expires(api: Api, parts: Parts) -> None:
    expires = parts.clock() + timedelta(minutes=1)
    made = await api.post("tokens", {"name": "Guest", "scopes": ["read"], "expires_at": expires.isoformat()})
    async with feed(api, made["token"]) as response:
        parts.clock.forward(60)
        await parts.control.streams.look()
        assert await ends(response)


async def test_an_open_feed_counts_as_use(api: Api, parts: Parts) -> None:
    made = await api.post("tokens", {"name": "Screen", "scopes": ["read"]})
    async with feed(api, made["token"]):
        parts.clock.forward(3600)
        await parts.control.streams.look()
    assert parts.control.uses.newest(Token, made["id"], None) == parts.clock()


async def test_a_client_that_leaves_is_no_error(api: Api, parts: Parts) -> None:
    with capture_logs() as logs:
        async with feed(api, READ_TOKEN):
            pass
        async with asyncio.timeout(20):
            while parts.control.feeds:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


@pytest.mark.parametrize("header", ["X-Content-Type-Options", "Content-Security-Policy", "X-Frame-Options"])
async def test_every_answer_tells_browsers_what_it_may_do(api: Api, header: str) -> None:
    async with feed(api, READ_TOKEN) as response:
        assert header in response.headers
    for path in ("/", "/api/v1/archive", "/api/v1/nothing", "/nothing", "/api/v1/openapi.json"):
        async with api.client.get(path) as answer:
            assert header in answer.headers, path
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
