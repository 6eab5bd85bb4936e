"""Ports that are relayed byte by byte."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from prometheus_client import CollectorRegistry

from tests.common.nats_server import free_port
from tests.common.printers import virtual_printer
from tests.proxy.rig import TARGET, Rig, serving
from tests.system.ports import loopback_network
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_proxy import pump

NETWORK = loopback_network()
PROXY, PRINTER = f"{NETWORK}.1", f"{NETWORK}.2"
CAMERA = free_port()


@asynccontextmanager
async def relayed(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[Rig]:
    """A proxy for a printer whose camera port is served by `talk`."""
    port = free_port()
    server = await asyncio.start_server(talk, PRINTER, port)
    spec = virtual_printer(PROXY, mode="proxy", target=TARGET | {"host": PRINTER}, relay={"ftp": "terminate"})
    async with server, serving(spec, CollectorRegistry(), tunnel_port=CAMERA, printers={"tunnel": port}) as rig:
        yield rig


async def backwards(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read())[::-1])
    writer.close()


async def test_bytes_pass_both_ways_and_a_half_closed_connection_stays_open_for_the_answer() -> None:
    async with relayed(backwards) as rig:
        reader, writer = await asyncio.open_connection(PROXY, CAMERA)
        writer.write(b"smart" * 200_000)
        writer.write_eof()
        assert await reader.read() == b"trams" * 200_000
        writer.close()
        await rig.until(lambda: not rig.serving.sessions)
    phases = [message.phase for message in rig.bus.live if isinstance(message, SessionLive)]
    assert phases == [SessionPhase.CONNECTED, SessionPhase.DISCONNECTED]
    assert rig.metric("vprinter_proxy_relayed_bytes_total", direction="to_target") == 1_000_000
    assert rig.metric("vprinter_proxy_relayed_bytes_total", direction="to_client") == 1_000_000


async def test_nothing_is_read_from_a_side_while_the_other_takes_nothing() -> None:
    gate = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(str(len(await reader.read())).encode())
        writer.close()

    async with relayed(slow) as rig:
        reader, writer = await asyncio.open_connection(PROXY, CAMERA)
        sent = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while sent < 64 << 20:
                    writer.write(bytes(1 << 20))
                    sent += 1 << 20
                    await writer.drain()
        assert sent < 64 << 20  # buffers of four sockets, which the kernel lets grow to some megabytes each
        gate.set()
        writer.write_eof()
        assert await reader.read() == str(sent).encode()
        writer.close()
        await rig.until(lambda: not rig.serving.sessions)


async def test_a_printer_that_takes_nothing_for_long_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "STALLED", 1.0)
    gate = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.transport.abort()

    async with relayed(hang) as rig:
        _, writer = await asyncio.open_connection(PROXY, CAMERA)

        async def send_for_ever() -> None:
            while True:
                writer.write(bytes(1 << 20))
                await writer.drain()

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send_for_ever(), 20)
        await rig.until(lambda: not rig.serving.sessions)
        gate.set()


async def test_a_reset_of_one_side_is_a_reset_for_the_other() -> None:
    async def fall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with relayed(fall):
        reader, writer = await asyncio.open_connection(PROXY, CAMERA)
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_a_printer_that_does_not_listen_is_counted_and_the_slicer_is_not_left_waiting() -> None:
    port = free_port()
    spec = virtual_printer(PROXY, mode="proxy", target=TARGET | {"host": PRINTER})
    async with serving(spec, CollectorRegistry(), tunnel_port=CAMERA, printers={"tunnel": port}) as rig:
        reader, writer = await asyncio.open_connection(PROXY, CAMERA)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        assert rig.metric("vprinter_proxy_upstream_failures_total", reason="connection_refused") == 1


async def test_a_session_can_be_seen_and_disconnected() -> None:
    async with relayed(backwards) as rig:
        reader, writer = await asyncio.open_connection(PROXY, CAMERA)
        writer.write(b"hello")
        await rig.until(lambda: any(each.to_target == 5 for each in rig.serving.sessions.values()))
        (session,) = rig.serving.sessions.values()
        assert (session.client, session.port) == ("127.0.0.1", CAMERA)
        await rig.disconnect(session.id)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        await rig.until(lambda: not rig.serving.sessions)
