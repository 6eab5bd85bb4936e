"""TLS straight on a socket, spoken with by asyncio's own TLS."""

import asyncio
import logging
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.common.printers import certificate
from tests.common.waiting import until
from vprinter_common.certs import Leaf
from vprinter_common.tls import HandshakeFailure, client_context, handshake_failure_reason, printer_server_context
from vprinter_mqtt import transport as transport_module
from vprinter_mqtt.transport import TlsTransport, shake_hands

BIG = bytes(range(256)) * 8192
"""2 MiB: more than all buffers between two ends hold."""


class Served(asyncio.Protocol):
    """The server's end, which writes down what happens to it."""

    def __init__(self) -> None:
        self.received = b""
        self.said: list[str] = []
        self.greeting = b""
        self.fails = False
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, TlsTransport)
        self.transport = transport
        if self.greeting:
            transport.write(self.greeting)
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self.fails:
            raise ValueError("broken protocol")
        self.received += data

    def pause_writing(self) -> None:
        self.said.append("pause")

    def resume_writing(self) -> None:
        self.said.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.said.append("lost" if exc is None else type(exc).__name__)
        self.lost.set()


class Ends:
    """Two ends of a connection, with certificates for both."""

    def __init__(self, leaf: Leaf, ca_pem: str) -> None:
        self.server = printer_server_context(leaf.chain_pem, leaf.key_pem)
        self.client = client_context(ca_pem)
        self.served = Served()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """The client's end; both are closed at the end."""
        ours, theirs = _pair()
        opening = asyncio.open_connection(sock=theirs, ssl=self.client, server_hostname="")
        (reader, writer), _ = await asyncio.gather(opening, shake_hands(ours, self.server, lambda: self.served))
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            async with asyncio.timeout(30):
                await self.served.lost.wait()


def _pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> tuple[Leaf, str]:
    ca, leaf = certificate(tmp_path_factory.mktemp("transport") / "certs")
    return leaf, ca.certificate_pem


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def ends(request: pytest.FixtureRequest, issued: tuple[Leaf, str]) -> Ends:
    made = Ends(*issued)
    made.client.minimum_version = made.client.maximum_version = request.param
    return made


async def test_what_is_sent_arrives_whole_in_both_directions(ends: Ends) -> None:
    async with ends.connected() as (reader, writer), asyncio.timeout(30):
        writer.write(BIG)
        await until(lambda: len(ends.served.received) == len(BIG))
        ends.served.transport.write(BIG)
        assert await reader.readexactly(len(BIG)) == BIG
    assert ends.served.received == BIG


async def test_many_small_records_that_come_at_once_are_all_read(ends: Ends) -> None:
    async with ends.connected() as (_reader, writer):
        for _ in range(100):
            writer.write(b"x")
        await until(lambda: ends.served.received == b"x" * 100)


async def test_a_peer_that_does_not_read_makes_the_protocol_pause_until_all_is_sent(ends: Ends) -> None:
    async with ends.connected() as (reader, writer), asyncio.timeout(30):
        ends.served.transport.write(BIG)
        ends.served.transport.write(b"and more")
        assert ends.served.said == ["pause"]
        writer.write(b"asked meanwhile")
        await reader.readexactly(len(BIG))
        assert await reader.readexactly(8) == b"and more"
        await until(lambda: ends.served.said == ["pause", "resume"])
        await until(lambda: ends.served.received == b"asked meanwhile")


async def test_closing_sends_what_waits_and_says_so_in_tls(ends: Ends) -> None:
    async with ends.connected() as (reader, _writer), asyncio.timeout(30):
        ends.served.transport.write(BIG)
        ends.served.transport.close()
        ends.served.transport.close()
        ends.served.transport.write(b"too late")
        assert ends.served.transport.is_closing()
        assert await reader.read(-1) == BIG
    assert ends.served.said == ["pause", "lost"]


async def test_the_last_words_reach_a_peer_that_is_still_sending(ends: Ends) -> None:
    ends.served.greeting = b"go away"
    async with ends.connected() as (reader, writer), asyncio.timeout(30):
        writer.write(b"unread" * 1000)
        assert await reader.read(-1) == b"go away"
    assert ends.served.received == b""


async def test_when_the_peer_closes_so_do_we(ends: Ends) -> None:
    async with ends.connected() as (_reader, writer):
        writer.close()
        async with asyncio.timeout(30):
            await ends.served.lost.wait()
    assert ends.served.said == ["lost"]


async def test_when_the_peer_vanishes_the_protocol_is_told_why(ends: Ends) -> None:
    async with ends.connected() as (_reader, writer):
        ends.served.transport.write(BIG)
        writer.transport.abort()
        async with asyncio.timeout(30):
            await ends.served.lost.wait()
    assert ends.served.said == ["pause", "SSLEOFError"]


async def test_writing_to_a_peer_that_has_vanished_ends_the_connection(ends: Ends) -> None:
    async with ends.connected() as (_reader, writer):
        writer.get_extra_info("socket")._sock.shutdown(socket.SHUT_RDWR)
        ends.served.transport.write(b"hello")
        ends.served.transport.write(b"hello")
        async with asyncio.timeout(30):
            await ends.served.lost.wait()
    assert ends.served.said == ["SSLEOFError"]


async def test_a_peer_that_never_closes_is_closed(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "GOODBYE", 0.05)
    ours, theirs = _pair()
    theirs.setblocking(True)
    client = asyncio.to_thread(ends.client.wrap_socket, theirs)
    _, secured = await asyncio.gather(shake_hands(ours, ends.server, lambda: ends.served), client)
    with secured:
        ends.served.transport.close()
        async with asyncio.timeout(30):
            await ends.served.lost.wait()


async def test_closing_after_the_peer_has_reset_the_connection_is_no_failure(ends: Ends) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        theirs = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    ours.setblocking(False)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client = asyncio.to_thread(ends.client.wrap_socket, theirs)
    _, secured = await asyncio.gather(shake_hands(ours, ends.server, lambda: ends.served), client)
    secured.close()
    ends.served.transport.close()
    async with asyncio.timeout(30):
        await ends.served.lost.wait()
    assert ends.served.said == ["ConnectionResetError"]


async def test_a_protocol_that_fails_loses_its_connection(ends: Ends, caplog: pytest.LogCaptureFixture) -> None:
    ends.served.fails = True
    with caplog.at_level(logging.CRITICAL):
        async with ends.connected() as (_reader, writer), asyncio.timeout(30):
            writer.write(b"x")
            await ends.served.lost.wait()
    assert ends.served.said == ["lost"]


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", HandshakeFailure.NOT_TLS),
        (b"\x16\x03\x01", HandshakeFailure.EOF),
        (b"", HandshakeFailure.EOF),
    ],
)
async def test_what_is_no_handshake_is_named(
    issued: tuple[Leaf, str], opening: bytes, reason: HandshakeFailure
) -> None:
    ends = Ends(*issued)
    ours, theirs = _pair()
    with theirs:
        theirs.sendall(opening)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError) as seen:
            await shake_hands(ours, ends.server, lambda: ends.served)
    assert handshake_failure_reason(seen.value) is reason


async def test_a_silent_client_is_a_timeout(issued: tuple[Leaf, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "HANDSHAKE_TIMEOUT", 0.05)
    ends = Ends(*issued)
    ours, theirs = _pair()
    with theirs, pytest.raises(TimeoutError):
        await shake_hands(ours, ends.server, lambda: ends.served)


async def test_a_client_that_does_not_trust_the_ca_is_told_apart(ends: Ends, tmp_path: Path) -> None:
    stranger, _leaf = certificate(tmp_path / "stranger")
    distrusting = client_context(stranger.certificate_pem)
    distrusting.minimum_version = distrusting.maximum_version = ends.client.maximum_version
    ours, theirs = _pair()
    theirs.setblocking(True)
    opening = asyncio.to_thread(distrusting.wrap_socket, theirs)
    shaking = shake_hands(ours, ends.server, lambda: ends.served)
    theirs_saw, ours_saw = await asyncio.gather(opening, shaking, return_exceptions=True)
    theirs.close()
    assert isinstance(theirs_saw, ssl.SSLError)
    assert isinstance(ours_saw, ssl.SSLError)
    assert handshake_failure_reason(ours_saw) is HandshakeFailure.UNKNOWN_CA
