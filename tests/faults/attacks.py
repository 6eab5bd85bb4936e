"""Raw connections of somebody who keeps to no protocol."""

import random
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.simulators.mqtt import mqtt_length, mqtt_text
from tests.simulators.slicer import USER
from tests.simulators.trust import connect_from

ANSWER_WITHIN = 20.0
"""Seconds until a service must have closed a connection that it cannot make sense of."""


def connect(source: str, address: str, port: int) -> socket.socket:
    """A TCP connection from an address of its own."""
    return connect_from(source, address, port, ANSWER_WITHIN)


def connect_tls(source: str, address: str, port: int) -> ssl.SSLSocket:
    """The same with TLS that trusts everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = connect(source, address, port)
    return context.wrap_socket(raw)


def answer(sock: socket.socket, limit: int = 1 << 20) -> bytes:
    """All that comes until the peer closes; TimeoutError if it never does."""
    got = bytearray()
    with suppress(ConnectionError, ssl.SSLError):
        while data := sock.recv(65536):
            got += data
            assert len(got) <= limit, f"more than {limit} bytes in return"
    return bytes(got)


def send(sock: socket.socket, data: bytes) -> None:
    """Send as much as the peer lets us; that it closes meanwhile is its right."""
    with suppress(ConnectionError, ssl.SSLError):
        sock.sendall(data)


def finish(sock: socket.socket) -> bytes:
    """Say that no more comes, and take the answer."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
    return answer(sock)


def garbage(seed: int, count: int) -> Iterator[bytes]:
    """Bytes of all kinds: random, uniform, long, and beginnings of several protocols that go wrong."""
    rng = random.Random(seed)
    heads = (
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xa5\xa5\xff\xff{",
        b"\xa5\xa5\x10\x00",
        b"\x10\xff\xff\xff\xff",
        b"\x30\x80\x80\x80\x80\x01",
        b"GET / HTTP/1.1\r\nHost: ",
        b"POST /api/v1/virtual-printers HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"USER bblp\r\nPASS ",
        b"STOR ../../../etc/passwd\r\n",
        b"\xff\xf4\xff\xf2ABOR\r\n",
        b"\r\n\0\r\n\0",
    )
    for number in range(count):
        size = rng.choice((0, 1, 7, 100, 5_000, 70_000))
        tail = rng.choice((rng.randbytes(size), bytes(size), b"\xff" * size, b"A" * size, b"\r\n" * min(size, 2_000)))
        yield heads[number % len(heads)] + tail


def mqtt_packet(head: int, body: bytes) -> bytes:
    """An MQTT packet."""
    return bytes([head]) + mqtt_length(len(body)) + body


def mqtt_login(code: str) -> bytes:
    """A CONNECT packet as slicers send it."""
    body = mqtt_text("MQTT") + bytes([4, 0b1100_0010]) + struct.pack(">H", 30)
    return mqtt_packet(0x10, body + mqtt_text("studio_client_id:0") + mqtt_text(USER) + mqtt_text(code))


@contextmanager
def crowd(source: str, address: str, port: int, count: int, first_bytes: bytes) -> Iterator[list[socket.socket]]:
    """Many connections that send a little and then nothing."""
    members: list[socket.socket] = []
    try:
        for _ in range(count):
            members.append(connect(source, address, port))
            send(members[-1], first_bytes)
        yield members
    finally:
        for member in members:
            member.close()
