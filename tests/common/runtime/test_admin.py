"""The admin listener, asked properly and otherwise."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from tests.common.nats_server import free_port
from tests.common.runtime.http import get
from vprinter_common.runtime import admin
from vprinter_common.runtime.health import Health

SOON = 30.0


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """Its port."""
    registry, port = CollectorRegistry(), free_port()
    async with admin.serve_admin("127.0.0.1", port, registry, Health(registry)):
        yield port


async def answer(port: int, sent: bytes) -> str:
    """All that is said in return until it closes."""
    async with asyncio.timeout(SOON):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(sent)
            return (await reader.read()).decode()
        finally:
            writer.close()


async def test_metrics_are_served_in_the_format_that_is_asked_for() -> None:
    async with served() as port:
        _, content_type, body = await get(port, "metrics")
        assert content_type.startswith("text/plain")
        assert "vprinter_event_loop_lag_seconds_count 0.0" in body
        _, content_type, body = await get(port, "metrics", {"Accept": "application/openmetrics-text"})
        assert content_type.startswith("application/openmetrics-text")
        assert body.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "404 Not Found|not found: there is /metrics, /livez, /readyz"),
        (
            b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            "405 Method Not Allowed|Allow: GET, HEAD|use GET",
        ),
        (b"GET /livez?a=b HTTP/1.0\r\n\r\n", "200 OK|Connection: close|alive"),
        (b"\x16\x03\x01\x02\x00 this is TLS \r\n\r\n", "400 Bad Request|illegal request line"),
        (b"GET /livez HTTP/1.1\r\n\r\n", "400 Bad Request|Host"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"x" * admin.MAX_HEAD, "431 Request Header Fields Too Large"),
    ],
    ids=["no such page", "not to be changed", "old HTTP", "TLS", "no host", "too long"],
)
async def test_who_asks_wrongly_is_told_so(sent: bytes, said: str) -> None:
    async with served() as port:
        got = await answer(port, sent)
    assert got.startswith("HTTP/1.1 ")
    assert all(part.lower() in got.lower() for part in said.split("|")), got


async def test_head_gives_the_head_of_what_get_gives() -> None:
    async with served() as port:
        head, _, body = (await answer(port, b"HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n")).partition("\r\n\r\n")
        whole = await answer(port, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (whole.partition("\r\n\r\n")[0], body) == (head, "")


async def test_who_is_slow_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "WITHIN", 0.05)
    async with served() as port:
        assert await answer(port, b"GET /livez HTT") == ""
        assert await answer(port, b"") == ""


async def test_too_many_at_once_are_sent_away_and_the_next_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "MAX_CONNECTIONS", 2)
    async with served() as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        assert await answer(port, b"") == ""
        for reader, writer in idle:
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        assert json.loads((await get(port, "livez"))[2]) == {"status": "alive"}


async def test_the_stop_waits_for_nobody() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(SOON):
        assert await reader.read() == b""
    writer.close()
