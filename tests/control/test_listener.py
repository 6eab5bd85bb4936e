"""The API's socket."""

import asyncio
import socket

import pytest
from aiohttp import ClientSession, web

from vprinter_control.api import listener
from vprinter_control.api.listener import ApiListener


async def test_a_port_that_is_taken_is_reported_and_had_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "RETRY", 0.02)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        api = ApiListener(web.Application(), "127.0.0.1", port)
        await api.__aenter__()
        problem = api.problem()
        assert problem is not None
        assert f"the API needs port {port}" in problem
    try:
        async with asyncio.timeout(20):
            while api.problem() is not None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 404
    finally:
        await api.__aexit__(None, None, None)


async def test_bytes_that_are_no_http_are_answered_and_leave_no_trace_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with ApiListener(web.Application(), "127.0.0.1", 0) as api, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*api.addresses[0])
        writer.write(b"\x16\x03\x01 this is TLS\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.0 400 ")
        writer.close()
    assert not [record for record in caplog.records if record.exc_info]
