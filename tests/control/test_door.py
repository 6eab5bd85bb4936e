"""Slow clients, and clients that open more connections than anyone needs."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from typing import Any

import pytest
from aiohttp import web

from tests.control.harness import ADMIN_TOKEN, Api
from vprinter_control.api import door, listener, routing
from vprinter_control.api.listener import ApiListener

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


@asynccontextmanager
async def served(*proxies: str) -> AsyncIterator[int]:
    """An application that answers slowly; the port."""

    async def slow(_request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(_request)
        for _ in range(8):
            await response.write(b"x")
            await asyncio.sleep(0.05)
        return response

    app = web.Application()
    app.router.add_get("/", slow)
    api = ApiListener(app, "127.0.0.1", 0, tuple(map(IPv4Network, proxies)))
    async with api:
        (address,) = api.addresses
        yield address[1]


@asynccontextmanager
async def connected(
    port: int, source: str = "127.0.0.1", said: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, Any]]:
    """A client's connection; `said` is there before the server has it, so that no delay of ours counts as the client's."""
    sock = socket.create_connection(("127.0.0.1", port), source_address=(source, 0))
    sock.sendall(said)
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the server closes."""
    async with asyncio.timeout(20):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def is_let_in(port: int) -> bool:
    """Whether a request on a new connection is answered."""
    async with connected(port) as (reader, writer):
        writer.write(HEAD + b"\r\n")
        try:
            return (await reader.readline()).startswith(b"HTTP/1.1 200")
        except ConnectionResetError:
            return False


async def test_a_head_that_trickles_in_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REQUEST_WITHIN", 0.2)
    async with served() as port, connected(port) as (reader, writer):

        async def trickle() -> None:
            while not writer.is_closing():
                writer.write(b"X")
                await asyncio.sleep(0.02)

        writer.write(HEAD)
        async with asyncio.TaskGroup() as group:
            trickling = group.create_task(trickle())
            assert await ended(reader) == b""
            trickling.cancel()


async def test_who_says_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REQUEST_WITHIN", 0.1)
    async with served() as port, connected(port) as (reader, _):
        assert await ended(reader) == b""


async def test_an_answer_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REQUEST_WITHIN", 0.1)
    async with served() as port, connected(port, said=HEAD + b"\r\n") as (reader, _):
        assert (await ended(reader)).count(b"x") == 8


async def test_one_address_gets_so_many_connections_and_another_is_not_kept_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "MAX_PER_ADDRESS", 1)
    async with served() as port:
        async with connected(port), connected(port) as (second, _), connected(port, "127.0.0.2") as (other, writer):
            assert await ended(second) == b""
            writer.write(HEAD + b"\r\n")
            assert (await other.readline()).startswith(b"HTTP/1.1 200")
        async with asyncio.timeout(20):
            while not await is_let_in(port):  # the server learns a moment later that the first one left
                pass


async def test_a_trusted_proxy_carries_many_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MAX_PER_ADDRESS", 1)
    async with served("127.0.0.1/32") as port, connected(port), connected(port) as (second, writer):
        writer.write(HEAD + b"\r\n")
        assert (await second.readline()).startswith(b"HTTP/1.1 200")


async def test_all_together_get_so_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MAX_CONNECTIONS", 1)
    async with served("127.0.0.0/8") as port, connected(port), connected(port, "127.0.0.2") as (second, _):
        assert await ended(second) == b""


async def test_a_body_that_trickles_in_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "BODY_WITHIN", 0.1)
    port = api.client.port
    assert port is not None
    head = f"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\nContent-Length: 99\r\n"
    async with connected(port) as (reader, writer):
        writer.write(f'{head}\r\n{{"name"'.encode())
        async with asyncio.timeout(20):
            assert b" 408 " in await reader.readline()
            assert b"body_too_slow" in await reader.readuntil(b"body_too_slow")
