"""Endpoints by themselves: every byte arrives, whatever its pieces, and every ending is told as it came."""

import asyncio
import hashlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.proxy.rig import leaf
from vprinter_common.tls import HandshakeFailure, ftps_server_context, handshake_failure_reason
from vprinter_proxy.endpoint import PIECE, ROOM, Ending, Endpoint, SecureEndpoint
from vprinter_proxy.upstream import ftps_context

SOON = 10.0
CONTENT = bytes(range(256)) * 16 * 1024
"""4 MiB, more than any socket holds."""
RST = struct.pack("ii", 1, 0)


def server_context() -> ssl.SSLContext:
    shown = leaf("01P00A000000001")
    return ftps_server_context(shown.chain_pem, shown.key_pem)


class Ends:
    """A pair of connected sockets: ours does not block, theirs is used in a thread."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.theirs = socket.create_connection(listening.getsockname(), SOON)
            self.ours, _ = listening.accept()
        self.ours.setblocking(False)
        self.theirs.settimeout(SOON)
        self._pool = pool

    def meanwhile(self, what: Callable[[], object]) -> asyncio.Future[object]:
        """Something that the peer does while we do our part."""
        return asyncio.get_running_loop().run_in_executor(self._pool, what)

    async def secured(self) -> tuple[SecureEndpoint, ssl.SSLSocket]:
        """Both ends after the handshake."""
        endpoint = SecureEndpoint(self.ours, server_context(), server_side=True)
        theirs = self.meanwhile(lambda: ftps_context().wrap_socket(self.theirs, suppress_ragged_eofs=False))
        await endpoint.shake_hands()
        peer = await theirs
        assert isinstance(peer, ssl.SSLSocket)
        self.theirs = peer
        return endpoint, peer


@pytest.fixture
def ends() -> Iterator[Ends]:
    with ThreadPoolExecutor(1) as pool:
        ends = Ends(pool)
        with ends.ours:
            yield ends
            ends.theirs.close()


async def received(endpoint: Endpoint) -> bytes:
    """All that comes until the end."""
    got, buffer = bytearray(), memoryview(bytearray(ROOM))
    async with asyncio.timeout(SOON):
        while endpoint.ending is None:
            if taken := endpoint.take(buffer):
                got += buffer[:taken]
            elif endpoint.ending is None:
                await when(endpoint, asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader)
    return bytes(got)


async def when(endpoint: Endpoint, add: Callable[..., object], remove: Callable[..., object]) -> None:
    """Wait until the connection is ready."""
    ready = asyncio.Event()
    add(endpoint.connection, ready.set)
    await ready.wait()
    remove(endpoint.connection)


async def writable(endpoint: Endpoint) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(SOON):
        await when(endpoint, loop.add_writer, loop.remove_writer)


def in_pieces(peer: socket.socket, size: int) -> None:
    for start in range(0, len(CONTENT), size):
        peer.sendall(CONTENT[start : start + size])


@pytest.mark.parametrize("size", [1000, 16 * 1024, PIECE, 1_000_003, len(CONTENT)])
async def test_every_byte_is_taken_whatever_its_pieces(ends: Ends, size: int) -> None:
    endpoint, peer = await ends.secured()

    def send() -> None:
        in_pieces(peer, size)
        with suppress(OSError):  # nobody answers its close_notify
            peer.unwrap()

    sent = ends.meanwhile(send)
    got = await received(endpoint)
    endpoint.part()
    await sent
    assert hashlib.sha256(got).digest() == hashlib.sha256(CONTENT).digest()
    assert endpoint.ending is Ending.CLEAN


async def test_what_came_with_the_handshake_is_not_forgotten(ends: Ends) -> None:
    endpoint, peer = await ends.secured()
    await ends.meanwhile(lambda: peer.sendall(b"at once"))
    # As if it had come in one piece with the peer's last words of the handshake.
    endpoint._incoming.write(await asyncio.get_running_loop().sock_recv(endpoint.connection, PIECE))
    buffer = memoryview(bytearray(ROOM))
    assert bytes(buffer[: endpoint.take(buffer)]) == b"at once"


@pytest.mark.parametrize("secure", [True, False])
async def test_what_the_kernel_does_not_take_is_held_back(ends: Ends, secure: bool) -> None:
    endpoint, peer = await ends.secured() if secure else (Endpoint(ends.ours), ends.theirs)
    got = bytearray()
    reading: asyncio.Future[object] | None = None

    def read() -> None:
        while data := peer.recv(PIECE):
            got.extend(data)

    left = memoryview(CONTENT)
    while left:
        if not endpoint.send(left[:ROOM]):
            reading = reading or ends.meanwhile(read)
            while not endpoint.flush():
                await writable(endpoint)
        left = left[ROOM:]
    while not endpoint.end(Ending.CLEAN):
        await writable(endpoint)
    assert reading is not None
    await reading
    assert bytes(got) == CONTENT


async def test_a_peer_gets_the_ending_that_is_passed_on(ends: Ends) -> None:
    endpoint, peer = await ends.secured()
    assert endpoint.send(memoryview(b"half"))
    assert endpoint.end(Ending.RAGGED)

    def read() -> object:
        assert peer.recv(10) == b"half"
        with pytest.raises(ssl.SSLEOFError):
            peer.recv(10)
        return "ragged"

    assert await ends.meanwhile(read) == "ragged"


@pytest.mark.parametrize(
    ("secure", "last", "ending"),
    [
        (True, "close_notify", Ending.CLEAN),
        (True, "end", Ending.RAGGED),
        (True, "reset", Ending.BROKEN),
        (True, "garbage", Ending.BROKEN),
        (False, "end", Ending.CLEAN),
        (False, "reset", Ending.BROKEN),
    ],
)
async def test_every_ending_is_told_as_it_came(ends: Ends, secure: bool, last: str, ending: Ending) -> None:
    endpoint, peer = await ends.secured() if secure else (Endpoint(ends.ours), ends.theirs)

    def finish() -> None:
        peer.sendall(b"something")
        match last:
            case "close_notify":
                with suppress(OSError):
                    peer.settimeout(0.01)
                    peer.unwrap()  # type: ignore[attr-defined]
            case "end":
                socket.socket.shutdown(peer, socket.SHUT_WR)
            case "garbage":
                socket.socket.send(peer, b"\x17\x03\x03\x00\x20" + bytes(32))

    await ends.meanwhile(finish)
    if last == "reset":
        assert await received_so_far(endpoint) == b"something"
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        peer.close()
        got = b"something" + await received(endpoint)
    else:
        got = await received(endpoint)
    assert (got, endpoint.ending) == (b"something", ending)


async def received_so_far(endpoint: Endpoint) -> bytes:
    """What comes first."""
    buffer, loop = memoryview(bytearray(ROOM)), asyncio.get_running_loop()
    async with asyncio.timeout(SOON):
        while not (taken := endpoint.take(buffer)):
            await when(endpoint, loop.add_reader, loop.remove_reader)
    return bytes(buffer[:taken])


async def test_a_peer_that_was_given_its_end_may_close_as_it_likes(ends: Ends) -> None:
    endpoint, peer = await ends.secured()
    assert endpoint.end(Ending.CLEAN)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    peer.close()
    assert (await received(endpoint), endpoint.ending) == (b"", Ending.RAGGED)


async def test_a_peer_hears_why_the_handshake_failed(ends: Ends) -> None:
    endpoint = SecureEndpoint(ends.ours, server_context(), server_side=True)
    modern = ssl.create_default_context()
    modern.minimum_version = ssl.TLSVersion.TLSv1_3

    def connect() -> object:
        with pytest.raises(ssl.SSLError) as refused:
            modern.wrap_socket(ends.theirs, server_hostname="printer")
        return refused.value.reason

    heard = ends.meanwhile(connect)
    with pytest.raises(ssl.SSLError) as failed:
        await endpoint.shake_hands()
    assert handshake_failure_reason(failed.value) is HandshakeFailure.WRONG_VERSION
    assert await heard == "TLSV1_ALERT_PROTOCOL_VERSION"


async def test_a_peer_that_leaves_in_the_handshake_ends_it(ends: Ends) -> None:
    endpoint = SecureEndpoint(ends.ours, server_context(), server_side=True)
    ends.theirs.close()
    with pytest.raises(ssl.SSLEOFError):
        await endpoint.shake_hands()


async def test_a_closed_endpoint_holds_nothing_and_fails_like_a_closed_socket(ends: Ends) -> None:
    endpoint, _ = await ends.secured()
    endpoint.close()
    endpoint.reset()
    endpoint.part()
    with pytest.raises(ConnectionAbortedError):
        endpoint.send(memoryview(b"more"))
